-- Grain: one row per order. Amounts are in the shop's currency at the rate of the order's day; without one they are unknown,
-- not 1:1. What was charged in the order's own currency stands beside it.
with shop_order as (
    select
        source_system || '|' || store_id || '|' || order_id as order_key,
        *
    from staging.stg_shop_order
    where order_date_local between $first_date and $last_date
),

line as (
    select
        order_key,
        -- One line of unknown amount, or cost, makes the order's unknown.
        case when count(*) = count(line_amount) then sum(line_amount) end as lines_amount,
        case when count(*) = count(cost_amount) then sum(cost_amount) end as cost_amount
    from core.fct_order_line
    where order_date_local between $first_date and $last_date
    group by order_key
),

refund as (
    select
        order_key,
        dated_refund_amount,
        undated_refund_amount,
        has_unknown_amount
    from core.order_refund_total
    where order_date_local between $first_date and $last_date
),

customer_order as (
    select
        customer_key,
        source_system || '|' || store_id || '|' || order_id as order_key,
        created_ts
    from staging.stg_shop_order
    where
        order_date_local <= $last_date
        and customer_key is not null
        and status not in ('draft', 'pending', 'cancelled', 'failed')
        and not coalesce(is_test, false)
),

-- Of orders of one instant, as where a feed gives days alone, one is the first.
first_order as (
    select
        customer_key,
        arg_min(order_key, (created_ts, order_key)) as order_key
    from customer_order
    group by customer_key
),

rated as (
    select
        o.*,
        coalesce(o.total_amount, l.lines_amount) as original_amount,
        l.cost_amount as lines_cost_amount,
        coalesce(o.currency, $shop_currency) <> $shop_currency as is_foreign,
        -- The shop's own currency, and an order that names none, need no rate.
        case when coalesce(o.currency, $shop_currency) = $shop_currency then 1 else x.rate end as exchange_rate,
        x.rate_date as exchange_rate_date
    from shop_order as o
    left join line as l on l.order_key = o.order_key
    left join core.fct_exchange_rate as x on x.date_local = o.order_date_local and x.currency = o.currency
),

valued as (
    select
        o.*,
        cast(o.original_amount * o.exchange_rate as decimal(18, 4)) as gross_revenue_amount,
        coalesce(r.dated_refund_amount, 0) + coalesce(r.undated_refund_amount, 0) as known_refund_amount,
        coalesce(r.has_unknown_amount, false) as has_unknown_refund,
        coalesce(r.undated_refund_amount, 0) as undated_refund_amount,
        coalesce(cast(o.cost_amount * o.exchange_rate as decimal(18, 4)), o.lines_cost_amount) as goods_cost_amount,
        f.order_key as first_order_key,
        case
            when coalesce(o.is_test, false) then 'test'
            when o.status in ('draft', 'pending') then 'unpaid'
            when o.status in ('cancelled', 'failed') then 'cancelled'
        end as excluded_reason
    from rated as o
    left join refund as r on r.order_key = o.order_key
    left join first_order as f on f.customer_key = o.customer_key
),

netted as (
    select
        *,
        -- Status refunded without any stated amount means that all of it went back.
        case
            when gross_revenue_amount is null then null
            when status = 'refunded' and known_refund_amount = 0 then gross_revenue_amount
            when has_unknown_refund then null
            else known_refund_amount
        end as refund_amount
    from valued
)

select
    order_key,
    source_system,
    store_id,
    order_id,
    order_number,
    lower(regexp_replace(trim(coalesce(order_number, order_id)), '^#', '')) as order_ref,
    created_ts,
    order_date_local,
    status,
    vendor_status,
    excluded_reason is null as is_countable,
    excluded_reason,
    coalesce(is_marketplace, false) as is_marketplace,
    sales_channel,
    customer_key,
    user_key,
    coalesce(order_key = first_order_key, false) as is_first_order,
    coupon_codes,
    currency,
    cast(original_amount as decimal(18, 4)) as original_amount,
    cast(exchange_rate as decimal(20, 10)) as exchange_rate,
    exchange_rate_date,
    is_foreign and exchange_rate is null as is_rate_missing,
    cast(gross_revenue_amount as decimal(18, 4)) as gross_revenue_amount,
    cast(refund_amount as decimal(18, 4)) as refund_amount,
    cast(
        case
            when status = 'refunded' and known_refund_amount = 0 then gross_revenue_amount
            else undated_refund_amount
        end as decimal(18, 4)
    ) as undated_refund_amount,
    cast(gross_revenue_amount - refund_amount as decimal(18, 4)) as net_revenue_amount,
    cast(goods_cost_amount as decimal(18, 4)) as goods_cost_amount,
    -- Tax and shipping are passed on, so the margin is made on what is left of the charge; refunds give back both alike.
    -- Their share is that of the original amounts, which are of one currency.
    cast(
        (gross_revenue_amount - refund_amount)
        -- Of an order that was given away there is nothing to pass on.
        * (1 - coalesce((coalesce(tax_amount, 0) + coalesce(shipping_amount, 0)) / nullif(cast(original_amount as double), 0), 0))
        - goods_cost_amount as decimal(18, 4)
    ) as margin_amount
from netted
