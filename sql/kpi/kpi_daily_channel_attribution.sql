-- Grain: one row per day, model and channel. Every model of a day sums to the order book. What does not add up over communities,
-- assists and the shares of Markov and Shapley, is worked out among channels here.
with path as (
    select *
    from core.fct_attribution_credit
    where order_date_local between $first_date and $last_date
),

credit as (
    select
        order_key,
        order_date_local,
        model,
        channel,
        credited_orders,
        credited_revenue_amount
    from path
    union all
    select
        order_key,
        order_date_local,
        model,
        channel,
        credited_orders,
        credited_revenue_amount
    from core.fct_model_credit
    where order_date_local between $first_date and $last_date and level = 'channel'
),

-- Each channel once on the path of an order. An order without any visit has a path of nothing.
touched as (
    select
        order_key,
        order_date_local,
        channel,
        max(case when touch_position = path_length then 1 else 0 end) as is_last,
        max(case when session_key <> 'none' then path_length end) as path_length,
        max(case when session_key <> 'none' then lag_seconds end) as lag_seconds
    from (
        select
            *,
            max(age_seconds) over (partition by order_key) as lag_seconds
        from path
        where model = 'linear'
    ) as p
    group by order_key, order_date_local, channel
),

journey as (
    select
        order_date_local,
        channel,
        count(*) as touched_orders,
        cast(sum(is_last) as bigint) as last_orders,
        median(path_length) as median_path_length_visits,
        median(lag_seconds) / 86400.0 as median_lag_days
    from touched
    group by order_date_local, channel
),

credited as (
    select
        order_date_local,
        model,
        channel,
        -- Shares are whole millionths; the last digits of a sum of doubles depend on the order of the rows.
        round(sum(credited_orders), 6) as credited_orders,
        -- In parts of orders like the credit, so that it adds up over channels to the day's orders of unknown amount.
        round(sum(case when credited_revenue_amount is null then credited_orders else 0 end), 6) as orders_without_amount,
        -- Unknown where orders are credited and none has an amount in the shop's currency.
        case
            when sum(credited_orders) > 0
                then sum(case when credited_orders > 0 then credited_revenue_amount end)
            else 0
        end as credited_revenue_amount
    from credit
    group by order_date_local, model, channel
)

select
    c.order_date_local as date_local,
    c.model,
    c.channel,
    c.credited_orders,
    c.orders_without_amount,
    cast(c.credited_revenue_amount as decimal(18, 4)) as credited_revenue_amount,
    j.touched_orders,
    j.last_orders,
    j.touched_orders - j.last_orders as assisted_orders,
    -- Near 0 the channel closes, at 1 it does both alike, above it assists.
    (j.touched_orders - j.last_orders) / nullif(cast(j.last_orders as double), 0) as assisted_to_last_ratio,
    j.median_path_length_visits,
    j.median_lag_days,
    $shop_currency as currency
from credited as c
inner join journey as j on j.order_date_local = c.order_date_local and j.channel = c.channel
