"""Whether a day of a KPI table has everything that its daily feeds should have brought.

Belongs here: `kpi._completeness` as a TableSpec, and the query that fills it at publishing, from the lineage of the
tables and the books of ingest. Does not belong here: which feed is a daily one (sql/kpi/data_quality.sql says so), and
the marks on the page (room reporting).

A day without records of a feed may be a quiet day or a silence, and a sum cannot tell one from the other. A feed that
gave every day for a fortnight is missed from its first day without, unless it delivered that there was nothing; one
with quiet days now and then, when it has been quiet for four days, and until then nobody knows. It is asked of the
feed's whole history, also of what came later: a feed that came late closes its gap, and of two or three silent days
the days in a row before and after make up the fortnight together, so that they are missed in the first weeks and soon
after another silence too. A single day there may well be a quiet one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smm_pipeline.catalog import MONTH, Catalog, ColumnSpec, TableSpec
from smm_pipeline.settings import Settings

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
            "complete; incomplete: a daily feed that the table is made from gave nothing, so its numbers are too small "
            "or missing; unknown: such a feed may still come, or no feed ever brought anything for the table",
        ),
        ColumnSpec("missing_feeds", "VARCHAR", "Feeds that gave nothing, joined by commas; NULL where there is none"),
    ),
)
PERIOD_SQL = "select min(date_local) as first_date, max(date_local) as last_date from core.fct_feed_day"
# The table that says of each day which feeds count as daily; it has no numbers of its own to be incomplete.
_QUALITY = "data_quality"
# What both queries here are made from, beside the books of ingest.
NEEDED_TABLES = {"core.fct_feed_day", "kpi.data_quality"}


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
    steps = [(name, "month" if catalog[f"kpi.{name}"].day_column == MONTH else "day") for name in made_from]
    return f"""
with lineage as (
    select
        unnest({sql_texts(name for name, _ in pairs)}) as table_name,
        unnest({sql_texts(contract for _, contract in pairs)}) as contract
),

made as (
    select
        unnest({sql_texts(name for name, _ in steps)}) as table_name,
        unnest({sql_texts(step for _, step in steps)}) as step
),

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
    left join silence as s on s.feed = f.feed and s.date_local = d.date_local
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


def silence_sql(settings: Settings) -> str:
    """The query of days on which a feed, once begun, gave nothing that it should have: feed, date_local, is_missing.

    Where is_missing is false the feed may still come. Feeds that were given up are among them.
    """
    return f"""
with period as ({PERIOD_SQL}),

day as (select cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as date_local from period),

numbered as (
    select
        feed,
        date_local,
        date_local - cast(row_number() over (partition by feed order by date_local) as integer) as run_key
    from core.fct_feed_day
),

-- Days in a row, without a gap between them.
run as (
    select feed, max(date_local) as date_local, min(date_local) as first_date, count(*) as days
    from numbered
    group by feed, run_key
),

given as (
    select
        feed,
        date_local,
        lead(first_date) over of_feed as next_date,
        days >= 14
        or (
            days + lead(days) over of_feed >= 14
            and date_diff('day', date_local, lead(first_date) over of_feed) > 2
        ) as is_regular
    from run
    window of_feed as (partition by feed order by date_local)
),

-- A feed has a row of silent_share on a day that it gave exactly where it is a daily one by then.
gap as (
    select
        g.feed,
        g.date_local as last_date,
        coalesce(g.next_date, p.last_date + 1) as end_date,
        g.next_date is null as is_open,
        g.is_regular
    from given as g
    cross join period as p
    inner join kpi.data_quality as q
        on q.subject = 'feed:' || g.feed and q.metric = 'silent_share' and q.date_local = g.date_local
    where date_diff('day', g.date_local, coalesce(g.next_date, p.last_date + 1)) > 1
),

-- A delivery without records, made on the day or the day after, is the source's word that there was nothing.
empty_delivery as (
    select distinct d.feed, cast(timezone({sql_text(settings.shop.time_zone)}, d.extracted_ts) as date) as made_date
    from meta.delivery as d
    inner join meta.delivery_count as c
        on c.feed = d.feed and c.delivery_id = d.delivery_id and c.table_name = '(records)' and c.rows_in = 0
),

silent_day as (
    select
        g.feed,
        d.date_local,
        g.is_open,
        g.is_regular,
        date_diff('day', g.last_date, g.end_date) > 4 as is_long,
        exists (
            select 1
            from empty_delivery as e
            where e.feed = g.feed and e.made_date between d.date_local and d.date_local + 1
        ) as is_told
    from gap as g
    inner join day as d on d.date_local > g.last_date and d.date_local < g.end_date
)

select feed, date_local, is_long or is_regular as is_missing
from silent_day
where is_long or (not is_told and (is_regular or is_open))
"""


def lineage(catalog: Catalog) -> dict[str, Sequence[str]]:
    """For each KPI table that is published the dated contracts out of which its numbers come."""
    found = {
        spec.name: sorted(name for name in catalog.upstream(spec.full_name) if _is_dated_contract(catalog[name]))
        for spec in catalog.layer("kpi")
        if spec.publish and spec.name != _QUALITY
    }
    # The dictionary is made of no feed: no silence touches it.
    return {name: contracts for name, contracts in found.items() if contracts}


def _is_dated_contract(spec: TableSpec) -> bool:
    return spec.layer == "raw" and spec.partition is not None


def sql_text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def sql_texts(values: Iterable[str]) -> str:
    """A list of texts in SQL."""
    return f"cast([{', '.join(map(sql_text, values))}] as varchar[])"
