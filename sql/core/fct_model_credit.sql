-- Grain: one row per countable order, level, model and unit on its path, for Markov and Shapley. They do not add up to coarser
-- grains, so each level has its own rows. The credit of an order sums to its net revenue to the cent.
with level as (
    select 'channel' as level
    union all
    select 'community' as level
),

-- A unit counts once on a path, where it was first visited.
unit as (
    select
        c.order_key,
        c.order_date_local,
        l.level,
        c.channel,
        case when l.level = 'channel' then '(all)' else c.network end as network,
        case when l.level = 'channel' then '(all)' else c.community_id end as community_id,
        min(c.touch_position) as first_position
    from core.fct_attribution_credit as c
    cross join level as l
    where c.model = 'linear' and c.order_date_local between $first_date and $last_date
    group by
        c.order_key,
        c.order_date_local,
        l.level,
        c.channel,
        case when l.level = 'channel' then '(all)' else c.network end,
        case when l.level = 'channel' then '(all)' else c.community_id end
),

shop_order as (
    select
        order_key,
        net_revenue_amount
    from core.fct_order
    where order_date_local between $first_date and $last_date and is_countable
),

-- The chain of the 90 days up to the end of the month before the order: no later visit changes a day's credit.
effect as (
    select
        window_end_date,
        level,
        channel,
        network,
        community_id,
        removal_effect
    from core.fct_attribution_window
    where window_end_date between $first_date - interval 31 day and $last_date and model = 'markov'
),

told as (
    select
        u.*,
        e.window_end_date,
        e.removal_effect,
        sum(coalesce(e.removal_effect, 0)) over (partition by u.order_key, u.level) as path_effect
    from unit as u
    left join effect as e
        on
            e.window_end_date = cast(date_trunc('month', u.order_date_local) - interval 1 day as date)
            and e.level = u.level
            and e.channel = u.channel
            and e.network = u.network
            and e.community_id = u.community_id
),

model as (
    select 'markov' as model
    union all
    select 'shapley' as model
),

-- A path of whose units no effect is known yet is shared out alike, as by Shapley. A unit that would have less than a
-- millionth of the order has none of it.
weighted as (
    select
        t.*,
        m.model,
        case
            when m.model = 'shapley' or t.path_effect = 0 then cast(1 as double)
            when coalesce(t.removal_effect, 0) < 0.000001 * t.path_effect then cast(0 as double)
            else t.removal_effect
        end as weight
    from told as t
    cross join model as m
),

ranked as (
    select
        *,
        row_number() over (partition by order_key, level, model order by first_position) as unit_position
    from weighted
),

accumulated as (
    select
        r.*,
        o.net_revenue_amount,
        sum(r.weight) over (
            partition by r.order_key, r.level, r.model
            order by r.unit_position
            rows between unbounded preceding and current row
        ) / nullif(sum(r.weight) over (partition by r.order_key, r.level, r.model), 0) as share_so_far,
        max(case when r.weight > 0 then r.unit_position end)
            over (partition by r.order_key, r.level, r.model) as last_credited_position
    from ranked as r
    inner join shop_order as o on o.order_key = r.order_key
),

-- Cut as in core.fct_attribution_credit.
cut as (
    select
        *,
        case
            when unit_position >= last_credited_position then 1000000
            else cast(floor(share_so_far * 1000000 + 0.000001) as bigint)
        end as millionths_so_far,
        case
            when unit_position >= last_credited_position then net_revenue_amount
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
    level,
    model,
    unit_position,
    channel,
    network,
    community_id,
    case when model = 'markov' and path_effect > 0 then max(window_end_date) over (partition by order_key, level, model) end
        as window_end_date,
    cast(
        (
            millionths_so_far
            - lag(millionths_so_far, 1, 0) over (partition by order_key, level, model order by unit_position)
        ) / 1000000.0 as double
    ) as credited_orders,
    cast(
        case
            when weight = 0 then 0
            else
                amount_so_far
                - coalesce(lag(amount_so_far) over (partition by order_key, level, model order by unit_position), 0)
        end as decimal(18, 4)
    ) as credited_revenue_amount
from cut
