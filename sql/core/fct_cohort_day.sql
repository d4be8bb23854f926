-- Grain: one row per month of first orders, attribution model, level, network, community and days since the first order. A cohort is
-- fixed: its customers are those whose first order lies in the month, whatever they do later.
with ranked as (
    select
        order_key,
        customer_key,
        order_date_local,
        net_revenue_amount,
        margin_amount,
        is_first_order,
        row_number() over (partition by customer_key order by created_ts, order_key) as order_number
    from core.fct_order
    where is_countable and customer_key is not null
)

select
    cast(date_trunc('month', f.order_date_local) as date) as month_start_date,
    p.model,
    p.level,
    p.network,
    p.community_id,
    date_diff('day', f.order_date_local, o.order_date_local) as days,
    count(distinct f.customer_key) as customers,
    round(sum(p.credited_orders) filter (where o.order_key = f.order_key), 6) as new_customers,
    round(sum(p.credited_orders) filter (where o.order_number = 2), 6) as returned_customers,
    -- As much of each order as the first one's credit: so a customer's orders sum up over communities.
    cast(
        sum(
            cast(round(cast(o.net_revenue_amount as double) * p.until_share, 4) as decimal(18, 4))
            - cast(round(cast(o.net_revenue_amount as double) * p.since_share, 4) as decimal(18, 4))
        ) as decimal(18, 4)
    ) as net_revenue_amount,
    cast(
        sum(
            cast(round(cast(o.margin_amount as double) * p.until_share, 4) as decimal(18, 4))
            - cast(round(cast(o.margin_amount as double) * p.since_share, 4) as decimal(18, 4))
        ) as decimal(18, 4)
    ) as margin_amount,
    count(*) - count(o.margin_amount) as orders_without_margin
from ranked as f
inner join ranked as o on o.customer_key = f.customer_key and o.order_date_local >= f.order_date_local
inner join core.order_credit_part as p on p.order_key = f.order_key
where f.is_first_order
group by
    cast(date_trunc('month', f.order_date_local) as date),
    p.model,
    p.level,
    p.network,
    p.community_id,
    date_diff('day', f.order_date_local, o.order_date_local)
