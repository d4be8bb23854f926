-- Grain: one row per order and visitor that placed it: how a customer becomes known to belong to a visitor.
with purchase as (
    select
        lower(regexp_replace(trim(order_ref), '^#', '')) as order_ref,
        visitor_key,
        event_ts,
        event_date_local
    from staging.stg_web_event
    where
        event_date_local between $first_date - interval 1 day and $last_date + interval 3 day
        and event_name = 'purchase'
        and order_ref is not null
        and visitor_key is not null
        and not coalesce(is_bot, false)
)

-- A page loaded again repeats the event.
select distinct
    o.order_key,
    o.customer_key,
    o.user_key,
    p.visitor_key,
    o.created_ts as linked_ts,
    o.order_date_local as link_date_local
from core.fct_order as o
inner join purchase as p
    on
        p.order_ref = o.order_ref
        and p.event_ts between o.created_ts - interval 1 day and o.created_ts + interval 3 day
        -- As in brg_order_session: no further than an order built alone can see.
        and p.event_date_local between o.order_date_local - interval 1 day and o.order_date_local + interval 3 day
where o.order_date_local between $first_date and $last_date
