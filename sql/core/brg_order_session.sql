-- Grain: one row per order and way of finding the visit it was placed in. The best way is marked; the others are kept,
-- so that every disagreement can be counted.
with shop_order as (
    select
        order_key,
        order_ref,
        created_ts,
        order_date_local,
        user_key,
        customer_key,
        -- At the very first instant of its local day: the feed knew the day alone.
        cast((created_ts - interval 1 microsecond) at time zone $time_zone as date) < order_date_local as is_known_by_day
    from core.fct_order
    where order_date_local between $first_date and $last_date and not is_marketplace
),

visit as (
    select
        visit_key,
        visit_kind,
        order_key,
        source_system,
        property_id,
        visitor_key,
        user_key,
        coalesce(vendor_session_id, '') as vendor_session_id,
        lower(regexp_replace(trim(order_ref), '^#', '')) as order_ref,
        start_ts,
        end_ts,
        session_date_local
    from core.fct_visit
    where session_date_local between $first_date - interval 2 day and $last_date + interval 1 day
),

purchase as (
    select
        source_system,
        property_id,
        visitor_key,
        coalesce(vendor_session_id, '') as vendor_session_id,
        lower(regexp_replace(trim(order_ref), '^#', '')) as order_ref,
        event_ts,
        event_date_local,
        event_key
    from staging.stg_web_event
    where
        event_date_local between $first_date - interval 1 day and $last_date + interval 1 day
        and event_name = 'purchase'
        and order_ref is not null
        and visitor_key is not null
        and not coalesce(is_bot, false)
),

-- The order number stands in a web event, or the vendor delivers visits and the visit names the order.
named as (
    select
        o.order_key,
        'order_ref' as method,
        v.visit_key,
        v.start_ts,
        v.session_date_local,
        p.event_ts as named_ts,
        p.event_key as named_key
    from shop_order as o
    inner join purchase as p
        on
            p.order_ref = o.order_ref
            and p.event_ts >= o.created_ts - interval 1 day
            -- By days too: no further than an order built alone can see.
            and p.event_date_local between o.order_date_local - interval 1 day and o.order_date_local + interval 1 day
    inner join visit as v
        on
            v.source_system = p.source_system
            and v.property_id = p.property_id
            and v.visitor_key = p.visitor_key
            and v.vendor_session_id = p.vendor_session_id
            and v.visit_kind = 'session'
            and p.event_ts between v.start_ts and v.end_ts
    union all
    select
        o.order_key,
        'visit_order_ref' as method,
        v.visit_key,
        v.start_ts,
        v.session_date_local,
        v.start_ts as named_ts,
        v.visit_key as named_key
    from shop_order as o
    inner join visit as v
        on
            v.order_ref = o.order_ref
            and v.visit_kind = 'session'
            and v.start_ts >= o.created_ts - interval 1 day
),

-- 1. and 2. A visit that names the order but began well after it only looked at it again. An hour is for clocks that
-- differ. A page loaded again repeats the event: the first one counts.
by_number as (
    select
        n.order_key,
        n.method,
        arg_min(n.visit_key, (n.named_ts, n.named_key, n.visit_key)) as session_key
    from named as n
    inner join shop_order as o on o.order_key = n.order_key
    where
        n.start_ts <= o.created_ts + interval 1 hour
        or (o.is_known_by_day and n.session_date_local <= o.order_date_local)
    group by n.order_key, n.method
),

-- 3. The shop system recorded where the buyer came from.
by_order as (
    select
        o.order_key,
        min(v.visit_key) as session_key
    from shop_order as o
    inner join visit as v on v.order_key = o.order_key and v.visit_kind = 'order_attribution'
    group by o.order_key
),

-- 4. The same customer visited shortly before: signed in, or on a device an earlier order was placed from, if that was known
-- by then: no later visit changes this.
linked_visitor as (
    select distinct
        o.order_key,
        c.visitor_key
    from shop_order as o
    inner join core.brg_customer_visitor as c
        on
            c.link_date_local between $first_date - interval ($touch_lookback_days + 2) day and $last_date
            and c.known_ts < o.created_ts
            and c.linked_ts >= o.created_ts - interval ($touch_lookback_days) day
            and c.customer_key = o.customer_key
),

-- An address with the devices of many is a placeholder of the shop's, no customer.
counted_visitor as (
    select
        order_key,
        visitor_key,
        count(*) over (partition by order_key) as visitors
    from linked_visitor
),

-- So has a device that many order on: a visit there may be anybody's.
shared_visitor as (
    select distinct
        c.order_key,
        c.visitor_key
    from counted_visitor as c
    inner join shop_order as o on o.order_key = c.order_key
    inner join core.brg_shared_visitor as s
        on
            s.visitor_key = c.visitor_key
            and s.date_local between o.order_date_local - interval ($touch_lookback_days) day and o.order_date_local
            and s.date_local between $first_date - interval ($touch_lookback_days) day and $last_date
),

known_visitor as (
    select
        c.order_key,
        c.visitor_key
    from counted_visitor as c
    left join shared_visitor as s on s.order_key = c.order_key and s.visitor_key = c.visitor_key
    where c.visitors <= $customer_max_visitors and s.order_key is null
),

by_customer_candidate as (
    select
        o.order_key,
        v.visit_key,
        v.start_ts
    from shop_order as o
    inner join visit as v
        on
            v.user_key = o.user_key
            and v.visit_kind = 'session'
            and v.start_ts between o.created_ts - interval ($customer_window_hours) hour and o.created_ts
    -- An account that many use is nobody's.
    left join core.brg_shared_account as a
        on
            a.user_key = o.user_key
            and a.date_local = o.order_date_local
            and a.date_local between $first_date and $last_date
    where a.user_key is null
    union
    select
        o.order_key,
        v.visit_key,
        v.start_ts
    from shop_order as o
    inner join known_visitor as k on k.order_key = o.order_key
    inner join visit as v
        on
            v.visitor_key = k.visitor_key
            and v.visit_kind = 'session'
            and v.start_ts between o.created_ts - interval ($customer_window_hours) hour and o.created_ts
),

by_customer as (
    select
        order_key,
        arg_max(visit_key, (start_ts, visit_key)) as session_key
    from by_customer_candidate
    group by order_key
),

found as (
    select
        order_key,
        session_key,
        method,
        case method when 'order_ref' then 1 else 2 end as method_rank,
        'certain' as confidence
    from by_number
    union all
    select order_key, session_key, 'order_attribution', 3, 'stated' from by_order
    union all
    select order_key, session_key, 'customer_window', 4, 'likely' from by_customer
),

-- A visit found by number, or by the customer, is richer than the order's own note; the note is used when it is alone.
ranked as (
    select
        order_key,
        session_key,
        method,
        confidence,
        row_number() over (partition by order_key order by method_rank) as position
    from found
)

select
    r.order_key,
    r.session_key,
    o.order_date_local,
    r.method,
    r.confidence,
    r.position = 1 as is_chosen,
    -- The moment of buying by this way, up to which the buyer's visits and touches count. A visit found by number may begin
    -- after the order where clocks differ or the day alone is known; the others end with it.
    greatest(o.created_ts, v.start_ts) as bought_ts
from ranked as r
inner join shop_order as o on o.order_key = r.order_key
inner join visit as v on v.visit_key = r.session_key
