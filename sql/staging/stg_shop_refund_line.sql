-- Grain: one row per one refund line. The newest version of each key; ingest has typed it and told the versions apart.
-- A refund comes with all of its lines: one that did not come again with its newest version is no longer part of it.
with line as (
    select *
    from raw.shop_refund_line
    where _is_current and refund_date_local between $first_date and $last_date
),

-- Only one of the same feed is asked, with its earlier versions: they stay on a day that it was moved away from.
parent as (
    select
        source_system,
        store_id,
        refund_id,
        refund_date_local,
        _feed,
        max(case when _is_current then 1 else 0 end) as is_on_day,
        max(case when _is_current then _version_ts end) as _version_ts
    from raw.shop_refund
    where refund_date_local between $first_date and $last_date
    group by source_system, store_id, refund_id, refund_date_local, _feed
)

select
    l.source_system,
    l.store_id,
    l.refund_id,
    l.line_id,
    l.refund_ts,
    l.refund_date_local,
    l.sku,
    l.quantity,
    l.refund_amount
from line as l
left join parent as p
    on
        p.source_system = l.source_system
        and p.store_id = l.store_id
        and p.refund_id = l.refund_id
        and p.refund_date_local = l.refund_date_local
        and p._feed = l._feed
where
    p._feed is null
    or (p.is_on_day = 1 and l._version_ts >= p._version_ts)
