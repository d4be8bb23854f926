"""The engine's own books as people read them: tables of the serving file that no KPI is made of.

Belongs here: what deliveries brought per feed, what the checks last found, and which credit changed, as TableSpecs with
the query that fills them. Does not belong here: figures per day (sql/kpi/data_quality.sql) and the copying itself
(publish.py).
"""

from __future__ import annotations

from smm_pipeline.catalog import ColumnSpec, TableSpec
from smm_pipeline.quoting import sql_texts
from smm_pipeline.settings import Settings

FEEDS = TableSpec(
    layer="kpi",
    name="_feeds",
    description="What was delivered per feed, and how much of it was refused",
    grain="one row per feed",
    key=("feed",),
    columns=(
        ColumnSpec("feed", "VARCHAR", "Name of the feed in smm.toml"),
        ColumnSpec("deliveries", "BIGINT", "Different files delivered; 0 of a feed of smm.toml that never came"),
        ColumnSpec("failed_deliveries", "BIGINT", "Of them those that could not be read"),
        ColumnSpec("records", "BIGINT", "Records in the files that could be read"),
        ColumnSpec("skipped_records", "BIGINT", "Records that the mapping leaves out on purpose"),
        ColumnSpec(
            "rejected_records", "BIGINT", "Records refused with a reason, those left out on purpose not counted"
        ),
        ColumnSpec("last_extracted_ts", "TIMESTAMPTZ", "When the newest delivery was made by the vendor"),
    ),
)
CHECKS = TableSpec(
    layer="kpi",
    name="_checks",
    description="What every check last found on the rows of its table; quality.check_results has each window of days",
    grain="one row per table and check",
    key=("table_name", "check_id"),
    columns=(
        ColumnSpec("table_name", "VARCHAR", "Table that was checked"),
        ColumnSpec("check_id", "VARCHAR", "Name of the check in expectations/"),
        ColumnSpec("severity", "VARCHAR", "critical, warning or info"),
        ColumnSpec("status", "VARCHAR", "passed, failed or broken: the worst of what was last found on its days"),
        ColumnSpec("windows_not_passed", "BIGINT", "Windows of days, built together, on which it did not pass"),
        ColumnSpec("last_not_passed", "VARCHAR", "The newest of them: a day, first/last day, or all; NULL without one"),
        ColumnSpec(
            "unexpected_count", "BIGINT", "Rows of these windows that should not be there; NULL where it does not count"
        ),
        ColumnSpec("checked_at", "TIMESTAMPTZ", "Instant at which it was last evaluated"),
    ),
)
CREDIT_CHANGES = TableSpec(
    layer="kpi",
    name="_credit_changes",
    description="Credit of orders that a later build changed: what it was, what it is, and what came in between",
    grain="one row per build, order, model and channel, community or class whose credit changed",
    key=(
        "changed_at",
        "order_key",
        "model",
        "level",
        "channel",
        "network",
        "community_id",
        "benefit_class",
        "rule_id",
        "post_id",
    ),
    columns=(
        ColumnSpec("changed_at", "TIMESTAMPTZ", "Instant of the build that changed it"),
        ColumnSpec("order_key", "VARCHAR", "Order: shop system, store and the shop's own id"),
        ColumnSpec("order_date_local", "DATE", "Day of the order"),
        ColumnSpec(
            "model", "VARCHAR", "Attribution model, or benefit_touch: the class, credited to the touch that explains it"
        ),
        ColumnSpec(
            "level",
            "VARCHAR",
            "visit of models that are rules, touch of benefit_touch, else the level of the model, channel or community",
        ),
        ColumnSpec("channel", "VARCHAR", "Channel whose credit changed; (all) of benefit_touch"),
        ColumnSpec("network", "VARCHAR", "Social network, (none), or (all) at the level of channels"),
        ColumnSpec("community_id", "VARCHAR", "Community, (unknown), (none), or (all) at the level of channels"),
        ColumnSpec("benefit_class", "VARCHAR", "Benefit class of the order; (all) of models, which know none"),
        ColumnSpec("rule_id", "VARCHAR", "Rule that decided the class; (all) of models"),
        ColumnSpec("post_id", "VARCHAR", "Post of the touch, or (none); (all) of models"),
        ColumnSpec("old_credited_orders", "DOUBLE", "Share of the order before, 0 to 1"),
        ColumnSpec("new_credited_orders", "DOUBLE", "Share of the order since"),
        ColumnSpec("old_credited_revenue_amount", "DECIMAL(18,4)", "Net revenue credited before; NULL is unknown"),
        ColumnSpec("new_credited_revenue_amount", "DECIMAL(18,4)", "Net revenue credited since; NULL is unknown"),
        ColumnSpec(
            "reason",
            "VARCHAR",
            "data, rules (SQL or settings), data and rules, or unknown: a feed was read anew",
        ),
        ColumnSpec("feeds", "VARCHAR", "Feeds whose rows came since the earlier build and can touch the order's day"),
        ColumnSpec("delivery_ids", "VARCHAR", "Their deliveries, as in meta.delivery"),
    ),
)
CREDIT_CHANGES_SQL = """
select
    changed_at,
    order_key,
    order_date_local,
    model,
    level,
    channel,
    network,
    community_id,
    benefit_class,
    rule_id,
    post_id,
    old_credited_orders,
    new_credited_orders,
    old_credited_revenue_amount,
    new_credited_revenue_amount,
    reason,
    array_to_string(feeds, ', ') as feeds,
    array_to_string(delivery_ids, ', ') as delivery_ids
from meta.credit_change
order by changed_at, order_key, model, level, channel, network, community_id, benefit_class, rule_id, post_id
"""
# A delivery under two names is one delivery; a reject stands once for every table that refused its record.
_FEEDS_SQL = """
with named as (
    select unnest({feeds}) as feed
    union
    select feed from meta.delivery
),

delivery as (
    select feed, delivery_id, max(case when status = 'failed' then 1 else 0 end) as failed, max(extracted_ts) as made_ts
    from meta.delivery
    group by feed, delivery_id
),

record as (
    select feed, sum(rows_in) as records
    from meta.delivery_count
    where table_name = '(records)'
    group by feed
),

reject as (
    select
        feed,
        count(distinct case when starts_with(reasons[1], 'skipped:') then delivery_id || source_row end) as skipped,
        count(distinct case when not starts_with(reasons[1], 'skipped:') then delivery_id || source_row end) as rejected
    from quality.rejects
    group by feed
)

select
    f.feed,
    count(d.feed) as deliveries,
    coalesce(sum(d.failed), 0) as failed_deliveries,
    coalesce(max(n.records), 0) as records,
    coalesce(max(r.skipped), 0) as skipped_records,
    coalesce(max(r.rejected), 0) as rejected_records,
    max(d.made_ts) as last_extracted_ts
from named as f
left join delivery as d on d.feed = f.feed
left join record as n on n.feed = f.feed
left join reject as r on r.feed = f.feed
group by f.feed
order by f.feed
"""
CHECKS_SQL = """
select
    table_name,
    check_id,
    arg_max(severity, (checked_at, partition_key)) as severity,
    case
        when bool_or(status = 'broken') then 'broken'
        when bool_or(status = 'failed') then 'failed'
        else 'passed'
    end as status,
    count(*) filter (where status <> 'passed') as windows_not_passed,
    arg_max(partition_key, (split_part(partition_key, '/', -1), partition_key)) filter (where status <> 'passed')
        as last_not_passed,
    cast(sum(unexpected_count) filter (where status <> 'passed') as bigint) as unexpected_count,
    max(checked_at) as checked_at
from quality.check_results
group by table_name, check_id
order by table_name, check_id
"""
BOOKS = (FEEDS, CHECKS, CREDIT_CHANGES)


def books(settings: Settings) -> list[tuple[TableSpec, str]]:
    """Each book with the query that fills it; feeds of the settings are there before they first deliver."""
    feeds = sql_texts(sorted(settings.feeds))
    return [(FEEDS, _FEEDS_SQL.format(feeds=feeds)), (CHECKS, CHECKS_SQL), (CREDIT_CHANGES, CREDIT_CHANGES_SQL)]
