-- Grain: one row per line of an order. Where the vendor gives no line total it is quantity x unit price.
select
    l.source_system || '|' || l.store_id || '|' || l.order_id as order_key,
    l.line_id,
    l.order_date_local,
    l.sku,
    coalesce(g.product_group, l.category) as product_group,
    l.quantity,
    cast(coalesce(l.line_total_amount, l.quantity * l.unit_price_amount) as decimal(18, 4)) as line_amount,
    -- A cost in another currency is worth what it was on the day of the order; without a rate it is unknown.
    cast(
        cast(l.quantity * g.cost_amount as decimal(18, 4))
        * case when coalesce(g.cost_currency, $shop_currency) = $shop_currency then 1 else x.rate end as decimal(18, 4)
    ) as cost_amount
from staging.stg_shop_order_line as l
left join core.dim_product_group as g on g.sku = l.sku
left join core.fct_exchange_rate as x on x.date_local = l.order_date_local and x.currency = g.cost_currency
where l.order_date_local between $first_date and $last_date
