"""A flood of visits that no list knows as spam: it is told of, and it counts until somebody names its source."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb

from smm_pipeline.settings import Settings, Shop
from smm_pipeline.validation import validate
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import tune
from smm_pipeline.warehouse.schema import ensure_schema, relation
from tests.project_catalog import project_catalog

FIRST = date(2026, 3, 1)
FLOOD = FIRST + timedelta(days=10)
USUAL, FLOODED = 4, 400
EVENTS = """
    insert into staging.stg_web_event by name
    select
        'ga4' as source_system, 'p' as property_id, 'page_view' as event_name,
        'e' || day || '-' || n as event_key, 'v' || day || '-' || n as visitor_key, day as event_date_local,
        cast(day as timestamp) + to_minutes(600 + cast(n as integer)) as event_ts,
        'https://shop.example/' as page_url, 'https://t.me/' as page_referrer
    from (
        select cast(day as date) as day, unnest(range(case when day = $flood then $flooded else $usual end)) as n
        from unnest(generate_series($first, $flood, interval 1 day)) as d (day)
    )"""


def test_a_hundred_times_the_visits_of_a_day_are_told_and_counted(tmp_path: Path) -> None:
    catalog = project_catalog()
    shop = Shop(name="Example", time_zone="UTC", currency="UAH", own_hosts=("shop.example",))
    settings = Settings(home=tmp_path, shop=shop)
    values = {**settings.sql_parameters(), **window_parameters(FIRST, FLOOD, settings)}
    with duckdb.connect(str(tmp_path / "flood.duckdb")) as con:
        tune(con, settings.warehouse)
        ensure_schema(con, catalog, settings)
        con.execute(EVENTS, {"first": FIRST, "flood": FLOOD, "usual": USUAL, "flooded": FLOODED})
        for spec in catalog.build_order:
            if spec.layer in ("core", "kpi"):
                used = {parameter: values[parameter] for parameter in spec.parameters}
                con.execute(f"insert into {relation(spec)} by name {spec.sql}", used)
        sessions = catalog["core.fct_session"]
        told = {}
        for day in (FLOOD - timedelta(days=1), FLOOD):
            rows = f"(select * from {relation(sessions)} where session_date_local = date '{day}')"
            found = validate(con, sessions, relation=rows, days=[day])
            told[day] = [(v.check_id, v.severity) for v in found if v.status != "passed"]
        counted = con.execute(
            """select date_local, sum(sessions) from kpi.kpi_daily_social_traffic
            where network = 'telegram' group by 1 order by 1 desc limit 2"""
        ).fetchall()
    assert told == {FLOOD - timedelta(days=1): [], FLOOD: [("visits_of_the_day_usual", "warning")]}
    assert counted == [(FLOOD, FLOODED), (FLOOD - timedelta(days=1), USUAL)]
