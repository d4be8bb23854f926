-- Grain: one row per end of a month, level, model and unit of that level: the orders of the 90 days up to that day by all eight
-- models, with what the units did on the paths.
with unit as (
    select
        window_end_date,
        window_first_date,
        level,
        channel,
        network,
        community_id,
        touched_orders,
        last_orders,
        unconverted_paths,
        has_too_few_paths
    from core.fct_attribution_window
    where window_end_date between $first_date and $last_date and model = 'shapley'
),

month_end as (
    select distinct
        window_end_date,
        window_first_date
    from unit
),

-- The six models that are rules, at both levels.
touch as (
    select
        m.window_end_date,
        c.order_key,
        c.model,
        c.session_key,
        c.path_length,
        max(c.age_seconds) over (partition by m.window_end_date, c.order_key, c.model) as lag_seconds,
        c.channel,
        c.network,
        c.community_id,
        c.credited_orders,
        c.credited_revenue_amount
    from core.fct_attribution_credit as c
    inner join month_end as m on c.order_date_local between m.window_first_date and m.window_end_date
    where c.order_date_local between $first_date - interval 89 day and $last_date
),

levelled as (
    select
        window_end_date,
        'community' as level,
        order_key,
        model,
        session_key,
        path_length,
        lag_seconds,
        channel,
        network,
        community_id,
        credited_orders,
        credited_revenue_amount
    from touch
    union all
    select
        window_end_date,
        'channel' as level,
        order_key,
        model,
        session_key,
        path_length,
        lag_seconds,
        channel,
        '(all)' as network,
        '(all)' as community_id,
        credited_orders,
        credited_revenue_amount
    from touch
),

credited as (
    select
        window_end_date,
        level,
        model,
        channel,
        network,
        community_id,
        round(sum(credited_orders), 6) as credited_orders,
        cast(null as double) as credited_orders_low,
        cast(null as double) as credited_orders_high,
        cast(coalesce(sum(credited_revenue_amount), 0) as decimal(18, 4)) as credited_revenue_amount,
        cast(null as decimal(18, 4)) as credited_revenue_low_amount,
        cast(null as decimal(18, 4)) as credited_revenue_high_amount,
        cast(null as double) as removal_effect
    from levelled
    group by window_end_date, level, model, channel, network, community_id
    union all
    select
        window_end_date,
        level,
        model,
        channel,
        network,
        community_id,
        credited_orders,
        credited_orders_low,
        credited_orders_high,
        credited_revenue_amount,
        credited_revenue_low_amount,
        credited_revenue_high_amount,
        removal_effect
    from core.fct_attribution_window
    where window_end_date between $first_date and $last_date
),

-- Lengths and lags of the paths that the unit is on: the least that half, and nine of ten, do not exceed.
path as (
    select
        window_end_date,
        level,
        channel,
        network,
        community_id,
        order_key,
        max(path_length) as path_length,
        max(lag_seconds) as lag_seconds
    from levelled
    where model = 'linear' and session_key <> 'none'
    group by window_end_date, level, channel, network, community_id, order_key
),

ranked as (
    select
        *,
        row_number() over (
            partition by window_end_date, level, channel, network, community_id order by path_length, order_key
        ) as length_rank,
        row_number() over (
            partition by window_end_date, level, channel, network, community_id order by lag_seconds, order_key
        ) as lag_rank,
        count(*) over (partition by window_end_date, level, channel, network, community_id) as paths
    from path
),

journey as (
    select
        window_end_date,
        level,
        channel,
        network,
        community_id,
        min(path_length) filter (where length_rank * 2 >= paths) as median_path_length_visits,
        min(path_length) filter (where length_rank * 10 >= paths * 9) as p90_path_length_visits,
        min(lag_seconds) filter (where lag_rank * 2 >= paths) / 86400.0 as median_lag_days,
        min(lag_seconds) filter (where lag_rank * 10 >= paths * 9) / 86400.0 as p90_lag_days
    from ranked
    group by window_end_date, level, channel, network, community_id
)

select
    u.window_end_date,
    u.window_first_date,
    u.level,
    c.model,
    u.channel,
    u.network,
    u.community_id,
    c.credited_orders,
    c.credited_orders_low,
    c.credited_orders_high,
    c.credited_revenue_amount,
    c.credited_revenue_low_amount,
    c.credited_revenue_high_amount,
    c.removal_effect,
    u.touched_orders,
    u.last_orders,
    u.touched_orders - u.last_orders as assisted_orders,
    (u.touched_orders - u.last_orders) / nullif(cast(u.last_orders as double), 0) as assisted_to_last_ratio,
    u.unconverted_paths,
    u.touched_orders / nullif(cast(u.touched_orders + u.unconverted_paths as double), 0) as converted_paths_share,
    j.median_path_length_visits,
    j.p90_path_length_visits,
    j.median_lag_days,
    j.p90_lag_days,
    u.has_too_few_paths,
    $shop_currency as currency
from unit as u
inner join credited as c
    on
        c.window_end_date = u.window_end_date
        and c.level = u.level
        and c.channel = u.channel
        and c.network = u.network
        and c.community_id = u.community_id
left join journey as j
    on
        j.window_end_date = u.window_end_date
        and j.level = u.level
        and j.channel = u.channel
        and j.network = u.network
        and j.community_id = u.community_id
