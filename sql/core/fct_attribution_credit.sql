-- Grain: one row per countable order, model and visit on its path. The credit of an order sums to its net revenue to the
-- cent: shares are cut to the cent and the last visit takes the remainder, as it does of the order itself. What is credited
-- of an order of unknown worth is unknown; a visit without credit has nothing of any order.
with chosen as (
    select
        order_key,
        session_key,
        bought_ts
    from core.brg_order_session
    where order_date_local between $first_date and $last_date and is_chosen
),

shop_order as (
    select
        o.order_key,
        o.order_date_local,
        coalesce(c.bought_ts, o.created_ts) as bought_ts,
        o.is_marketplace,
        o.sales_channel,
        o.net_revenue_amount
    from core.fct_order as o
    left join chosen as c on c.order_key = o.order_key
    where o.order_date_local between $first_date and $last_date and o.is_countable
),

visit as (
    select
        session_key,
        visitor_key,
        start_ts,
        channel,
        coalesce(network, '(none)') as network,
        coalesce(community_id, case when network is null then '(none)' else '(unknown)' end) as community_id
    from core.fct_session
    where
        session_date_local between $first_date - interval ($attribution_lookback_days + 2) day and $last_date + interval 1 day
        and not coalesce(is_referrer_spam, false)
),

-- The path: every visit of the buyer within the lookback up to the moment of buying, and the visit of the order itself.
on_path as (
    select
        o.order_key,
        v.session_key
    from shop_order as o
    inner join core.brg_order_visitor as b
        on b.order_key = o.order_key and b.order_date_local between $first_date and $last_date
    inner join visit as v
        on
            v.visitor_key = b.visitor_key
            and v.start_ts <= o.bought_ts
            and v.start_ts >= o.bought_ts - interval ($attribution_lookback_days) day
    union
    -- One that spam wrote into the statistics brought nothing: such an order has no visit.
    select
        c.order_key,
        c.session_key
    from chosen as c
    inner join visit as v on v.session_key = c.session_key
),

path as (
    select
        o.order_key,
        v.session_key,
        v.start_ts,
        v.channel,
        v.network,
        v.community_id
    from shop_order as o
    inner join on_path as p on p.order_key = o.order_key
    inner join visit as v on v.session_key = p.session_key
    union all
    -- An order without any visit keeps its revenue under its own name, so that channels sum to the order book.
    select
        o.order_key,
        'none' as session_key,
        o.bought_ts as start_ts,
        case
            when o.is_marketplace then '(marketplace)'
            when o.sales_channel in ('admin', 'phone') then '(phone)'
            else '(no visit)'
        end as channel,
        '(none)' as network,
        '(none)' as community_id
    from shop_order as o
    left join on_path as p on p.order_key = o.order_key
    where p.order_key is null
),

position as (
    select
        order_key,
        session_key,
        channel,
        network,
        community_id,
        row_number() over (partition by order_key order by start_ts, session_key) as touch_position,
        count(*) over (partition by order_key) as path_length,
        max(case when channel <> 'Direct' then start_ts end) over (partition by order_key) as last_non_direct_ts,
        start_ts
    from path
),

-- A tie of two visits in one instant is broken by the position, so that exactly one visit wins.
marked as (
    select
        *,
        max(case when channel <> 'Direct' and start_ts = last_non_direct_ts then touch_position end)
            over (partition by order_key) as last_non_direct_position
    from position
),

model as (
    select 'first' as model
    union all
    select 'last' as model
    union all
    select 'last_non_direct' as model
    union all
    select 'linear' as model
),

weighted as (
    select
        p.*,
        m.model,
        case
            when m.model = 'first' then case when p.touch_position = 1 then 1.0 else 0.0 end
            when m.model = 'last' then case when p.touch_position = p.path_length then 1.0 else 0.0 end
            when m.model = 'last_non_direct'
                then case when p.touch_position = coalesce(p.last_non_direct_position, p.path_length) then 1.0 else 0.0 end
            -- In whole millionths, and the last visit takes what is left: so the orders of a day sum to whole ones.
            when p.touch_position < p.path_length then (1000000 // nullif(p.path_length, 0)) / 1000000.0
            else (1000000 - (p.path_length - 1) * (1000000 // nullif(p.path_length, 0))) / 1000000.0
        end as credited_orders
    from marked as p
    cross join model as m
),

-- Every visit but the last gets its share cut to the cent; the last gets what is left.
shared as (
    select
        w.order_key,
        o.order_date_local,
        w.model,
        w.session_key,
        w.touch_position,
        w.path_length,
        w.channel,
        w.network,
        w.community_id,
        cast(w.credited_orders as double) as credited_orders,
        o.net_revenue_amount,
        case
            when w.credited_orders = 1.0 then o.net_revenue_amount
            when w.credited_orders = 0.0 or w.touch_position = w.path_length then cast(0 as decimal(18, 4))
            -- Whole cents, counted in integers.
            else cast(cast(floor(o.net_revenue_amount * 100) as bigint) // nullif(w.path_length, 0) as decimal(18, 4)) * 0.01
        end as share_amount
    from weighted as w
    inner join shop_order as o on o.order_key = w.order_key
)

select
    order_key,
    order_date_local,
    model,
    session_key,
    touch_position,
    path_length,
    channel,
    network,
    community_id,
    credited_orders,
    cast(
        case
            when touch_position = path_length and model = 'linear'
                then net_revenue_amount - (sum(share_amount) over (partition by order_key, model) - share_amount)
            else share_amount
        end as decimal(18, 4)
    ) as credited_revenue_amount
from shared
