"""A project and an instance small enough to know every number: one feed of sales, four tables, through the real rooms.

Belongs here: the files of that project, delivering to it, and its Dagster definitions. The real catalog is tested where
it is asked for: tests/contract/test_definitions.py and tests/ui.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from smm_pipeline.catalog import Catalog, load_catalog
from smm_pipeline.definitions import build_defs
from smm_pipeline.orchestration.assets import HTML_REPORT
from smm_pipeline.orchestration.event_log import OpenFilesEventLogStorage
from smm_pipeline.orchestration.jobs import DAILY
from smm_pipeline.orchestration.partitions import last_complete_day, range_tags
from smm_pipeline.settings import Settings, load_settings
from smm_pipeline.warehouse.connection import connect

FILES = {
    "sql/raw/sale.yml": """
description: Sales as delivered.
grain: one row per version of one sale
key: [sale_id]
partition: sale_date_local
version: changed_ts
columns:
  - {name: sale_id, type: VARCHAR, description: "Number of the sale", required: true}
  - {name: sold_ts, type: TIMESTAMPTZ, description: "Instant of the sale, UTC", required: true}
  - {name: sale_date_local, type: DATE, description: "Local day of sold_ts", local_date_of: sold_ts}
  - {name: amount, type: "DECIMAL(18,4)", description: "Money"}
  - {name: changed_ts, type: TIMESTAMPTZ, description: "Instant of the last change, UTC"}
""",
    "expectations/raw/sale.yml": """
expectations:
  - id: sale_id_present
    type: expect_column_values_to_not_be_null
    kwargs: {column: sale_id}
    severity: critical
    description: Every sale has a number.
""",
    "sql/seeds/shop_host.yml": """
description: Hosts of the shop.
grain: one row per host
key: [host, kind]
columns:
  - {name: host, type: VARCHAR, description: Host}
  - {name: kind, type: VARCHAR, description: own or payment}
""",
    "expectations/seeds/shop_host.yml": """
expectations:
  - id: host_present
    type: expect_column_values_to_not_be_null
    kwargs: {column: host}
    severity: critical
    description: Every row names a host.
""",
    "sql/staging/stg_sale.yml": """
description: Sales, current version.
grain: one row per sale
key: [sale_id]
partition: sale_date_local
columns:
  - {name: sale_id, type: VARCHAR, description: Number}
  - {name: sale_date_local, type: DATE, description: Day}
  - {name: amount, type: "DECIMAL(18,4)", description: Money}
""",
    "sql/staging/stg_sale.sql": """
select sale_id, sale_date_local, amount
from raw.sale
where _is_current and sale_date_local between $first_date and $last_date
""",
    "expectations/staging/stg_sale.yml": """
expectations:
  - id: sale_unique
    type: expect_column_values_to_be_unique
    kwargs: {column: sale_id}
    severity: critical
    description: A sale stands in the table once.
  - id: amount_not_negative
    type: expect_column_values_to_be_between
    kwargs: {column: amount, min_value: 0}
    severity: critical
    description: Nobody is paid for buying.
  - id: amount_usual
    type: expect_column_values_to_be_between
    kwargs: {column: amount, max_value: 100}
    severity: warning
    description: Sales above 100 are rare.
""",
    "sql/core/dim_year.yml": """
description: Years with a sale.
grain: one row per year
key: [year]
columns:
  - {name: year, type: BIGINT, description: Year}
  - {name: sales, type: BIGINT, description: Number of sales}
""",
    "sql/core/dim_year.sql": """
select extract(year from sale_date_local) as year, count(*) as sales
from staging.stg_sale
group by 1
""",
    "expectations/core/dim_year.yml": """
expectations:
  - id: year_unique
    type: expect_column_values_to_be_unique
    kwargs: {column: year}
    severity: critical
    description: A year stands in the table once.
""",
    "sql/kpi/kpi_daily_sale.yml": """
description: Sales by day, with those of the day before.
grain: one row per local day
key: [date_local]
partition: date_local
publish: true
lookback_days: {staging.stg_sale: 1}
columns:
  - {name: date_local, type: DATE, description: Day}
  - {name: revenue_amount, type: "DECIMAL(18,4)", description: Revenue}
  - {name: two_day_amount, type: "DECIMAL(18,4)", description: Revenue of the day and the day before}
  - {name: sales_in_year, type: BIGINT, description: Sales of the day's year}
""",
    "sql/kpi/kpi_daily_sale.sql": """
with sales as (
    select sale_date_local, amount
    from staging.stg_sale
    where sale_date_local between $first_date - 1 and $last_date
),

days as (
    select sale_date_local as date_local, sum(amount) as revenue_amount
    from sales
    group by sale_date_local
)

select
    today.date_local,
    today.revenue_amount,
    today.revenue_amount + coalesce(before.revenue_amount, 0) as two_day_amount,
    years.sales as sales_in_year
from days as today
left join days as before on before.date_local = today.date_local - 1
left join core.dim_year as years on years.year = extract(year from today.date_local)
where today.date_local between $first_date and $last_date
""",
    "expectations/kpi/kpi_daily_sale.yml": """
expectations:
  - id: day_unique
    type: expect_column_values_to_be_unique
    kwargs: {column: date_local}
    severity: critical
    description: A day stands in the table once.
""",
}
INSTANCE = """
[shop]
name = "Corner"
time_zone = "Europe/Kyiv"
currency = "UAH"

[feeds.sales]
mapping = "mappings/sales.yml"
"""
MAPPING = """
format: {kind: csv}
source_system: till
columns: [sale_id, sold_at, amount, changed_at]
tables:
  sale:
    columns:
      sale_id: sale_id
      sold_ts: sold_at
      amount: amount
      changed_ts: changed_at
"""
Sale = tuple[str, date, str]


def make_project(folder: Path) -> Catalog:
    """Write the project's files and read them as the catalog."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")
    return load_catalog(folder)


def make_instance(home: Path, extra: str = "", settle_seconds: int = 0) -> Settings:
    """An instance whose only feed is sales, with whole files; the secret is expected in the environment."""
    (home / "mappings").mkdir(parents=True)
    (home / "landing" / "sales").mkdir(parents=True)
    (home / "mappings" / "sales.yml").write_text(MAPPING, encoding="utf-8")
    (home / "smm.toml").write_text(f"landing_settle_seconds = {settle_seconds}\n{extra}{INSTANCE}", encoding="utf-8")
    return load_settings(home)


def call_silence(name: str, settings: Settings) -> Settings:
    """The same instance, in which a silence of its feed is a warning or an error."""
    path = settings.home / "smm.toml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("silence")]
    place = lines.index("[feeds.sales]") + 1
    path.write_text("\n".join([*lines[:place], f'silence = "{name}"', *lines[place:]]), encoding="utf-8")
    return load_settings(settings.home)


def fall_silent(settings: Settings) -> None:
    """Let the only delivery have been the last of five, one a day, and ten days ago."""
    with connect(settings) as con:
        con.execute("update meta.delivery set extracted_ts = now() - interval 10 day")
        con.execute(
            "insert into meta.delivery select d.* replace (d.delivery_id || n as delivery_id, "
            "d.extracted_ts - n * interval 1 day as extracted_ts) from meta.delivery as d cross join range(1, 5) r(n)"
        )


def deliver(settings: Settings, name: str, sales: Iterable[Sale], version: int = 1) -> None:
    """Put a file with sales (id, local day, amount) into landing/; a higher version corrects a lower one."""
    lines = ["sale_id,sold_at,amount,changed_at"]
    for sale_id, day, amount in sales:
        # Noon in Kyiv is on the same day in UTC, whatever the season.
        lines.append(f"{sale_id},{day}T12:00:00,{amount},{day}T12:00:0{version}")
    (settings.landing / "sales" / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def definitions(settings: Settings, catalog: Catalog) -> dg.Definitions:
    """build_defs over the small catalog; without the report, which needs the real KPI tables."""
    whole = build_defs(settings, catalog)
    return dg.Definitions(
        assets=[a for a in whole.assets or () if isinstance(a, dg.AssetsDefinition) and HTML_REPORT not in a.keys],
        jobs=whole.jobs,
        schedules=whole.schedules,
        sensors=whole.sensors,
        resources=whole.resources,
        executor=whole.executor,
    )


def temporary_instance(folder: Path) -> dg.DagsterInstance:
    """A Dagster instance in a folder, with the event log of the product."""
    storage = {
        "module": OpenFilesEventLogStorage.__module__,
        "class": OpenFilesEventLogStorage.__name__,
        "config": {"dagster_home": str(folder)},
    }
    return dg.DagsterInstance.local_temp(
        str(folder), overrides={"telemetry": {"enabled": False}, "event_log_storage": storage}
    )


def run_range(defs: dg.Definitions, instance: dg.DagsterInstance, first: date, last: date) -> dg.ExecuteInProcessResult:
    """One run of the daily job over a range of days."""
    job = defs.resolve_job_def(DAILY)
    return job.execute_in_process(instance=instance, raise_on_error=False, tags=range_tags(first, last))


def recent_days(settings: Settings, count: int) -> list[date]:
    """The last complete days, oldest first."""
    last = last_complete_day(settings)
    return [last - timedelta(days=n) for n in reversed(range(count))]


def read(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query on a database file."""
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(query).fetchall()
