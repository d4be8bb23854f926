-- Grain: one row per one line of one visit. The newest version of each key; ingest has typed it and told the versions apart.
-- A visit comes with all of its lines: one that did not come again with its newest version is no longer part of it.
with line as (
    select *
    from raw.web_session_item
    where _is_current and session_date_local between $first_date and $last_date
),

-- Only one of the same feed is asked, with its earlier versions: they stay on a day that it was moved away from.
parent as (
    select
        source_system,
        property_id,
        session_id,
        session_date_local,
        _feed,
        max(case when _is_current then 1 else 0 end) as is_on_day,
        max(case when _is_current then _version_ts end) as _version_ts
    from raw.web_session
    where session_date_local between $first_date and $last_date
    group by source_system, property_id, session_id, session_date_local, _feed
)

select
    l.source_system,
    l.property_id,
    l.session_id,
    l.item_key,
    l.start_ts,
    l.session_date_local,
    l.sku,
    l.quantity,
    l.revenue_amount,
    upper(l.currency) as currency
from line as l
left join parent as p
    on
        p.source_system = l.source_system
        and p.property_id = l.property_id
        and p.session_id = l.session_id
        and p.session_date_local = l.session_date_local
        and p._feed = l._feed
where
    p._feed is null
    or (p.is_on_day = 1 and l._version_ts >= p._version_ts)
