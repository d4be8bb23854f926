"""The benchmark's job done by the pipeline itself, in four steps on one instance folder.

Belongs here: an instance whose two mapped feeds read the generated files, and calls of the same functions that a run
calls: ingest with raw store, hashes, rejects and history; the SQL of sql/; the suites of expectations/. Does not belong
here: any shortcut that a run does not take.
"""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from bench.engines import NO_SOURCE, answer
from bench.generate import DataSet
from smm_pipeline.catalog import load_catalog
from smm_pipeline.ingest import ingest_landing
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Settings, load_settings
from smm_pipeline.validation import validate
from smm_pipeline.warehouse.build import build_table, window_parameters
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView

_catalog = cache(load_catalog)  # a run reads it once, too
RUN_ID = "bench"
SESSIONS = "core.fct_session"
VISITS = "core.fct_visit"
LAST_TOUCH = "core.fct_attribution_credit"
SETTINGS = """
[shop]
name = "Bench"
time_zone = "UTC"
currency = "UAH"
own_hosts = ["shop.example"]

[feeds.web]
mapping = "mappings/web.yml"

[feeds.orders]
mapping = "mappings/orders.yml"
"""
WEB = """
format: {kind: parquet}
source_system: bench
columns:
  - event_id
  - client_id
  - ts
  - event_name
  - page_location
  - page_referrer
  - utm_source
  - utm_medium
  - utm_campaign
  - order_id
  - revenue
tables:
  web_event:
    columns:
      property_id: {const: bench}
      event_key: event_id
      event_name: event_name
      event_ts: ts
      visitor_key: client_id
      page_url: page_location
      page_referrer: page_referrer
      utm_source: utm_source
      utm_medium: utm_medium
      utm_campaign: utm_campaign
      order_ref: order_id
      value_amount: revenue
      currency: {const: UAH}
"""
ORDERS = """
format: {kind: parquet}
source_system: bench
columns: [order_id, client_id, created_ts, total]
tables:
  shop_order:
    columns:
      store_id: {const: bench}
      order_id: order_id
      created_ts: created_ts
      status: {const: completed}
      total_amount: total
      currency: {const: UAH}
"""
ANSWER = f"""
select coalesce(case when s.channel <> 'Direct' then s.source end, '{NO_SOURCE}'),
    count(*), cast(sum(c.credited_revenue_amount * 100) as bigint)
from {LAST_TOUCH} c left join {SESSIONS} s on s.session_key = c.session_key
where c.model = 'last_non_direct' and c.credited_orders > 0
group by 1
"""


def ingest_all_but_last_day(data: DataSet) -> dict[str, Any]:
    """A new instance; everything but the last day lands and is loaded."""
    home = _home(data)
    shutil.rmtree(home, ignore_errors=True)
    (home / "mappings").mkdir(parents=True)
    (home / "smm.toml").write_text(SETTINGS, encoding="utf-8")
    (home / "mappings" / "web.yml").write_text(WEB, encoding="utf-8")
    (home / "mappings" / "orders.yml").write_text(ORDERS, encoding="utf-8")
    _land(data, slice(None, -1))
    with connect(_settings(data)) as con:
        return {"rows": _ingest(con, data)}


def build_sessions(data: DataSet) -> dict[str, Any]:
    """Staging and everything that sessions with their channel need."""
    with connect(_settings(data)) as con:
        return {"rows": _build(con, data, SESSIONS)}


def select_visits_alone(data: DataSet) -> dict[str, Any]:
    """Only the SELECT that cuts sessions, on staged events: what the engines' sessionizing is like for like."""
    settings, spec = _settings(data), _catalog()[VISITS]
    with connect(settings) as con:
        days = StateView(con, _catalog(), settings).days
        values = {**settings.sql_parameters(), **window_parameters(days[0], days[-1], settings)}
        used = {name: values[name] for name in spec.parameters}
        return {"rows": con.execute(f"create temp table alone as {spec.sql}", used).fetchall()[0][0]}


def build_last_touch(data: DataSet) -> dict[str, Any]:
    """Orders, their visits, and the credit of four models, last touch among them."""
    with connect(_settings(data)) as con:
        return {"rows": _build(con, data, LAST_TOUCH)}


def add_last_day(data: DataSet) -> dict[str, Any]:
    """The last day on top of the rest, from its files to the credit; then the answer over all days."""
    _land(data, slice(-1, None))
    with connect(_settings(data)) as con:
        _ingest(con, data)
        _build(con, data, LAST_TOUCH)
    return {}


def answer_of_pipeline(data: DataSet) -> dict[str, Any]:
    """What the tables say, in the shape of the engines' answers; not part of the measured work."""
    with connect(_settings(data), read_only=True) as con:
        duration = "cast(sum(duration_seconds) as bigint)"
        sessions, seconds = con.execute(f"select count(*), {duration} from {SESSIONS}").fetchall()[0]
        return answer(sessions, seconds, con.execute(ANSWER).fetchall())


def _home(data: DataSet) -> Path:
    return data.folder / "instance"


def _settings(data: DataSet) -> Settings:
    os.environ.setdefault(PERSON_KEY_VARIABLE, "a key that only the benchmark uses")
    return load_settings(_home(data))


def _land(data: DataSet, days: slice) -> None:
    for feed, files in (("web", data.event_files), ("orders", data.order_files)):
        landing = _home(data) / "landing" / feed
        landing.mkdir(parents=True, exist_ok=True)
        for file in files[days]:
            shutil.copyfile(file, landing / file.name)


def _ingest(con: duckdb.DuckDBPyConnection, data: DataSet) -> int:
    settings, catalog = _settings(data), _catalog()
    ensure_schema(con, catalog, settings)
    results = ingest_landing(con, settings, catalog, run_id=RUN_ID)
    failed = [r for r in results if r.status == "failed"]
    if failed:
        raise RuntimeError(f"{len(failed)} deliveries were refused, first: {failed[0]}")
    return len(results)


def _build(con: duckdb.DuckDBPyConnection, data: DataSet, target: str) -> int:
    """Build what is stale among the tables that `target` needs, as a run does; returns the rows built."""
    settings, catalog = _settings(data), _catalog()
    view = StateView(con, catalog, settings)
    needed = catalog.upstream(target) | {target}
    rows = 0
    for spec in catalog.build_order:
        keys = view.stale_keys(spec) if spec.full_name in needed else []
        if keys:
            days = [day for day in view.days if day.isoformat() in keys] if spec.partition else None
            result = build_table(con, spec, days, settings, view, run_id=RUN_ID, validate=validate)
            if result.status == "failed":
                raise RuntimeError(f"{spec.full_name} failed its suite: {result.blocking}")
            view.refresh(con, spec.full_name)
            rows += result.rows
    return rows
