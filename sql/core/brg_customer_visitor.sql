-- Grain: one row per order and visitor that placed it: how a customer becomes known to belong to a visitor. The order is
-- named by a purchase event or, where the vendor delivers visits, by the visit.
with named as (
    select
        lower(regexp_replace(trim(order_ref), '^#', '')) as order_ref,
        visitor_key,
        event_ts as named_ts,
        event_date_local as named_date_local,
        'purchase_event' as rule
    from staging.stg_web_event
    where
        event_date_local between $first_date - interval 1 day and $last_date + interval 3 day
        and event_name = 'purchase'
        and order_ref is not null
        and visitor_key is not null
        and not coalesce(is_bot, false)
    union all
    select
        lower(regexp_replace(trim(order_ref), '^#', '')) as order_ref,
        visitor_key,
        start_ts as named_ts,
        session_date_local as named_date_local,
        'visit_order_ref' as rule
    from core.fct_visit
    where
        session_date_local between $first_date - interval 1 day and $last_date + interval 3 day
        and visit_kind = 'session'
        and order_ref is not null
        and visitor_key is not null
)

-- A page loaded again names the order again.
select
    o.order_key,
    o.customer_key,
    o.user_key,
    n.visitor_key,
    o.created_ts as linked_ts,
    greatest(o.created_ts, min(n.named_ts)) as known_ts,
    o.order_date_local as link_date_local,
    min(n.rule) as rule,
    'certain' as confidence
from core.fct_order as o
inner join named as n
    on
        n.order_ref = o.order_ref
        and n.named_ts between o.created_ts - interval 1 day and o.created_ts + interval 3 day
        -- Where the clock changes, three days may end on the fourth: no further than an order built alone can see.
        and n.named_date_local between o.order_date_local - interval 1 day and o.order_date_local + interval 3 day
where o.order_date_local between $first_date and $last_date
group by o.order_key, o.customer_key, o.user_key, n.visitor_key, o.created_ts, o.order_date_local
