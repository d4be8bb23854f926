"""Whether a day of a KPI table has everything that its daily feeds should have brought.

Belongs here: `kpi._completeness` as a TableSpec, and the query that fills it at publishing, from the contracts that the
numbers of a table count and the books of ingest. Does not belong here: when a feed is silent (silence.py), what is
published in place of a 0 (zeros.py), and the marks on the page (room reporting).
"""

from __future__ import annotations

from collections.abc import Sequence

from smm_pipeline.catalog import MONTH, Catalog, ColumnSpec, TableSpec
from smm_pipeline.quoting import sql_text, sql_texts
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.silence import NEEDED_TABLES, PERIOD_SQL, silence_sql

COMPLETENESS = TableSpec(
    layer="kpi",
    name="_completeness",
    description="Whether a day, or month, of a KPI table has all that its daily feeds should have brought",
    grain="one row per KPI table and day, or month where the table is one of months",
    key=("table_name", "date_local"),
    columns=(
        ColumnSpec("table_name", "VARCHAR", "KPI table, to be joined with its day"),
        ColumnSpec("date_local", "DATE", "Day; of a table of months the first day of the month"),
        ColumnSpec(
            "state",
            "VARCHAR",
            "complete; incomplete: a feed whose records the table counts is silent, so its numbers are too small or "
            "missing; unknown: such a feed may still come, or none ever brought anything for the table",
        ),
        ColumnSpec("missing_feeds", "VARCHAR", "Feeds that gave nothing, joined by commas; NULL where there is none"),
    ),
)
# The table that says of each day which feeds count as daily: what could not be joined says itself what is missing.
_QUALITY = "data_quality"


def completeness(catalog: Catalog, settings: Settings) -> list[tuple[TableSpec, str]]:
    """The table and its query; nothing where the catalog lacks the tables that the query reads."""
    return [(COMPLETENESS, completeness_sql(catalog, settings))] if catalog.tables.keys() >= NEEDED_TABLES else []


def completeness_sql(catalog: Catalog, settings: Settings) -> str:
    """The query behind kpi._completeness.

    Args:
        catalog: the tables, for what each is made from.
        settings: a feed that was taken out of them was given up and is not missed.
    """
    made_from = lineage(catalog)
    pairs = [(name, contract) for name, contracts in made_from.items() for contract in contracts]
    windows = [(name, *_window(catalog[f"kpi.{name}"], settings)) for name in made_from]
    made = ", ".join(f"({sql_text(name)}, {sql_text(step)}, {first}, {last})" for name, step, first, last in windows)
    return f"""
with lineage as (
    select
        unnest({sql_texts(name for name, _ in pairs)}) as table_name,
        unnest({sql_texts(contract for _, contract in pairs)}) as contract
),

made as (select * from (values {made}) as t (table_name, step, first_day, last_day)),

source as (
    select distinct l.table_name, c.feed
    from lineage as l
    inner join meta.delivery_count as c on c.table_name = l.contract and c.rows_in > 0
    where list_contains({sql_texts(sorted(settings.feeds))}, c.feed)
),

period as ({PERIOD_SQL}),

day as (select cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as date_local from period),

silence as ({silence_sql(settings)}),

begun as (select feed, min(date_local) as first_date from core.fct_feed_day group by feed),

found as (
    select
        t.table_name,
        -- Of a table of months every day of the month counts.
        cast(date_trunc(t.step, d.date_local) as date) as date_local,
        s.feed,
        s.is_missing,
        b.first_date <= d.date_local as is_begun
    from made as t
    cross join day as d
    left join source as f on f.table_name = t.table_name
    left join begun as b on b.feed = f.feed
    left join silence as s
        on s.feed = f.feed and s.date_local between d.date_local + t.first_day and d.date_local + t.last_day
)

select
    table_name,
    date_local,
    case
        when bool_or(coalesce(is_missing, false)) then 'incomplete'
        when count(feed) > 0 or not bool_or(coalesce(is_begun, false)) then 'unknown'
        else 'complete'
    end as state,
    string_agg(distinct feed, ', ' order by feed) as missing_feeds
from found
group by table_name, date_local
order by table_name, date_local
"""


def lineage(catalog: Catalog) -> dict[str, Sequence[str]]:
    """For each KPI table that is published the dated contracts whose records its numbers count.

    They are those that its zeros need; of a table that does not say so all that it is made from.
    """
    found = {}
    for spec in catalog.layer("kpi"):
        if spec.publish and spec.name != _QUALITY:
            counted = {name for need in spec.zero_needs for name in need.contracts}
            upstream = {name for name in catalog.upstream(spec.full_name) if _is_dated_contract(catalog[name])}
            found[spec.name] = sorted(counted or upstream)
    # The dictionary is made of no feed: no silence touches it.
    return {name: contracts for name, contracts in found.items() if contracts}


def _window(spec: TableSpec, settings: Settings) -> tuple[str, int, int]:
    """Day or month, and the days about it that all numbers of a row count."""
    if spec.day_column == MONTH:
        return "month", 0, 0
    rules = settings.sql_parameters()
    needs = [need.bounds(rules) for need in spec.zero_needs if need.contracts]
    return "day", max((first for first, _ in needs), default=0), min((last for _, last in needs), default=0)


def _is_dated_contract(spec: TableSpec) -> bool:
    return spec.layer == "raw" and spec.partition is not None
