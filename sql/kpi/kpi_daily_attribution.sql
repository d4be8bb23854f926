-- Grain: one row per day, model, channel, network and community. Every model of a day sums to the order book. Markov and
-- Shapley share orders out among communities here; among channels they do so in kpi_daily_channel_attribution.
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
        network,
        community_id,
        credited_orders,
        credited_revenue_amount
    from path
    union all
    select
        order_key,
        order_date_local,
        model,
        channel,
        network,
        community_id,
        credited_orders,
        credited_revenue_amount
    from core.fct_model_credit
    where order_date_local between $first_date and $last_date and level = 'community'
),

-- An order is assisted by a channel that is on its path but not last; counted at this grain, because it does not add up.
last_visit as (
    select
        order_key,
        channel,
        network,
        community_id
    from path
    where model = 'last' and touch_position = path_length
),

assisted as (
    select
        c.order_date_local,
        c.model,
        c.channel,
        c.network,
        c.community_id,
        count(distinct c.order_key) as assisted_orders
    from credit as c
    inner join last_visit as l on l.order_key = c.order_key
    where c.channel <> l.channel or c.network <> l.network or c.community_id <> l.community_id
    group by c.order_date_local, c.model, c.channel, c.network, c.community_id
),

closed as (
    select
        order_date_local,
        channel,
        network,
        community_id,
        count(*) as last_orders
    from path
    where model = 'last' and touch_position = path_length
    group by order_date_local, channel, network, community_id
),

credited as (
    select
        order_date_local,
        model,
        channel,
        network,
        community_id,
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
    group by order_date_local, model, channel, network, community_id
)

select
    c.order_date_local as date_local,
    c.model,
    c.channel,
    c.network,
    c.community_id,
    c.credited_orders,
    c.orders_without_amount,
    cast(c.credited_revenue_amount as decimal(18, 4)) as credited_revenue_amount,
    coalesce(a.assisted_orders, 0) as assisted_orders,
    -- Near 0 the channel closes, at 1 it does both alike, above it assists.
    coalesce(a.assisted_orders, 0) / nullif(cast(coalesce(z.last_orders, 0) as double), 0) as assisted_to_last_ratio,
    $shop_currency as currency
from credited as c
left join assisted as a
    on
        a.order_date_local = c.order_date_local
        and a.model = c.model
        and a.channel = c.channel
        and a.network = c.network
        and a.community_id = c.community_id
left join closed as z
    on
        z.order_date_local = c.order_date_local
        and z.channel = c.channel
        and z.network = c.network
        and z.community_id = c.community_id
