-- Grain: one row per order and visitor whose visits count as the buyer's, with how we know. A link made after the order
-- does not count: a later visit never changes an order's credit. Of a device that many order on, only the visit in which the order
-- was placed is the buyer's.
with chosen as (
    select
        order_key,
        session_key,
        confidence,
        bought_ts
    from core.brg_order_session
    where order_date_local between $first_date and $last_date and is_chosen
),

shop_order as (
    select
        o.order_key,
        o.created_ts,
        coalesce(c.bought_ts, o.created_ts) as bought_ts,
        o.order_date_local,
        o.user_key,
        o.customer_key
    from core.fct_order as o
    left join chosen as c on c.order_key = o.order_key
    -- A marketplace's order has no visit, whatever else its customer does.
    where o.order_date_local between $first_date and $last_date and not o.is_marketplace
),

visit as (
    select
        visit_key,
        visitor_key,
        user_key,
        start_ts
    from core.fct_visit
    where
        session_date_local between $first_date - interval ($touch_lookback_days + 2) day and $last_date + interval 1 day
        and visit_kind = 'session'
        and visitor_key is not null
),

linked as (
    select distinct
        o.order_key,
        c.visitor_key
    from shop_order as o
    inner join core.brg_customer_visitor as c
        on
            c.link_date_local between $first_date - interval ($touch_lookback_days + 2) day and $last_date
            and c.customer_key = o.customer_key
            and c.known_ts < o.created_ts
            and c.linked_ts >= o.created_ts - interval ($touch_lookback_days) day
),

-- An address with the devices of many is a placeholder of the shop's, no customer.
counted_link as (
    select
        order_key,
        visitor_key,
        count(*) over (partition by order_key) as visitors
    from linked
),

found as (
    select
        o.order_key,
        v.visitor_key,
        1 as method_rank
    from shop_order as o
    inner join chosen as c on c.order_key = o.order_key
    inner join visit as v on v.visit_key = c.session_key
    union all
    select
        o.order_key,
        v.visitor_key,
        2 as method_rank
    from shop_order as o
    inner join visit as v
        on
            v.user_key = o.user_key
            and v.start_ts <= o.bought_ts
            and v.start_ts >= o.bought_ts - interval ($touch_lookback_days) day
    -- An account that many use is nobody's.
    left join core.brg_shared_account as a
        on
            a.user_key = o.user_key
            and a.date_local = o.order_date_local
            and a.date_local between $first_date and $last_date
    where a.user_key is null
    union all
    select
        order_key,
        visitor_key,
        3 as method_rank
    from counted_link
    where visitors <= $customer_max_visitors
),

best as (
    select
        order_key,
        visitor_key,
        min(method_rank) as method_rank
    from found
    group by order_key, visitor_key
),

shared as (
    select distinct
        b.order_key,
        b.visitor_key
    from best as b
    inner join shop_order as o on o.order_key = b.order_key
    inner join core.brg_shared_visitor as s
        on
            s.visitor_key = b.visitor_key
            and s.date_local between o.order_date_local - interval ($touch_lookback_days) day and o.order_date_local
            and s.date_local between $first_date - interval ($touch_lookback_days) day and $last_date
)

select
    b.order_key,
    b.visitor_key,
    o.order_date_local,
    case b.method_rank when 1 then 'buying_visit' when 2 then 'signed_in' else 'earlier_order' end as method,
    case b.method_rank when 1 then c.confidence when 2 then 'stated' else 'likely' end as confidence,
    case when s.order_key is not null then c.session_key end as only_session_key
from best as b
inner join shop_order as o on o.order_key = b.order_key
left join chosen as c on c.order_key = b.order_key
left join shared as s on s.order_key = b.order_key and s.visitor_key = b.visitor_key
where b.method_rank = 1 or s.order_key is null
