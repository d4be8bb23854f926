-- Grain: one row per countable order, model and visit on its path, for the six models that are rules; they add up to any
-- coarser grain. The credit of an order sums to its net revenue to the cent: what the visits have up to each of them is cut to
-- the cent, so each is within a cent of its exact share. What is credited of an order of unknown worth is unknown; a visit
-- without credit has nothing of any order. The same weights are in smm_pipeline/attribution/rules.py; a test holds them together.
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
            and (b.only_session_key is null or v.session_key = b.only_session_key)
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
        p.order_key,
        o.order_date_local,
        o.net_revenue_amount,
        p.session_key,
        p.channel,
        p.network,
        p.community_id,
        row_number() over (partition by p.order_key order by p.start_ts, p.session_key) as touch_position,
        count(*) over (partition by p.order_key) as path_length,
        max(case when p.channel <> 'Direct' then p.start_ts end) over (partition by p.order_key) as last_non_direct_ts,
        max(p.start_ts) over (partition by p.order_key) as last_ts,
        p.start_ts,
        date_diff('second', p.start_ts, o.bought_ts) as age_seconds
    from path as p
    inner join shop_order as o on o.order_key = p.order_key
),

-- A tie of two visits in one instant is broken by the position, so that exactly one visit wins. Half the weight for every
-- half-life that a visit is older than the newest.
marked as (
    select
        *,
        max(case when channel <> 'Direct' and start_ts = last_non_direct_ts then touch_position end)
            over (partition by order_key) as last_non_direct_position,
        power(
            cast(2 as double),
            -date_diff('second', start_ts, last_ts) / nullif(cast($decay_half_life_days as double) * 86400, 0)
        ) as decay_weight
    from position
),

-- A visit of which less than a millionth of the order would be left has none of it.
decayed as (
    select
        *,
        case
            when decay_weight < 0.000001 * sum(decay_weight) over (partition by order_key) then cast(0 as double)
            else decay_weight
        end as kept_weight
    from marked
),

model as (
    select 'first' as model
    union all
    select 'last' as model
    union all
    select 'last_non_direct' as model
    union all
    select 'linear' as model
    union all
    select 'position_based' as model
    union all
    select 'time_decay' as model
),

weighted as (
    select
        p.*,
        m.model,
        cast(
            case
                when m.model = 'first' then case when p.touch_position = 1 then 1.0 else 0.0 end
                when m.model = 'last' then case when p.touch_position = p.path_length then 1.0 else 0.0 end
                when m.model = 'last_non_direct'
                    then case when p.touch_position = coalesce(p.last_non_direct_position, p.path_length) then 1.0 else 0.0 end
                when m.model = 'time_decay' then p.kept_weight
                -- 40 % to the first visit, 40 % to the last, 20 % to those between; halves of a path of two.
                when m.model = 'position_based' and p.path_length > 2
                    then case
                        when p.touch_position in (1, p.path_length) then 0.4
                        else 0.2 / nullif(cast(p.path_length - 2 as double), 0)
                    end
                else 1.0
            end as double
        ) as weight
    from decayed as p
    cross join model as m
),

-- The share of the order that the visits up to each of them have together.
accumulated as (
    select
        *,
        sum(weight) over (
            partition by order_key, model order by touch_position rows between unbounded preceding and current row
        ) / nullif(sum(weight) over (partition by order_key, model), 0) as share_so_far,
        max(case when weight > 0 then touch_position end) over (partition by order_key, model) as last_credited_position
    from weighted
),

-- Cut to whole millionths of the order and to whole cents. What differs from one by the noise of floating point is it; the
-- last visit with credit completes the order.
cut as (
    select
        *,
        case
            when touch_position >= last_credited_position then 1000000
            else cast(floor(share_so_far * 1000000 + 0.000001) as bigint)
        end as millionths_so_far,
        case
            when touch_position >= last_credited_position then net_revenue_amount
            else
                cast(
                    cast(
                        floor(cast(floor(net_revenue_amount * 100) as double) * share_so_far + 0.000001) as bigint
                    ) as decimal(18, 4)
                ) * 0.01
        end as amount_so_far
    from accumulated
)

select
    order_key,
    order_date_local,
    model,
    session_key,
    touch_position,
    path_length,
    age_seconds,
    channel,
    network,
    community_id,
    cast(
        (
            millionths_so_far
            - lag(millionths_so_far, 1, 0) over (partition by order_key, model order by touch_position)
        ) / 1000000.0 as double
    ) as credited_orders,
    cast(
        case
            when weight = 0 then 0
            else
                amount_so_far
                - coalesce(lag(amount_so_far) over (partition by order_key, model order by touch_position), 0)
        end as decimal(18, 4)
    ) as credited_revenue_amount
from cut
