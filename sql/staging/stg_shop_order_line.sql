-- Grain: one row per one order line. The newest version of each key; ingest has typed it and told the versions apart.
-- An order comes with all of its lines: one that did not come again with the order's newest version was taken out of it,
-- and so was one on a day that its order was moved away from.
with line as (
    select *
    from raw.shop_order_line
    where _is_current and order_date_local between $first_date and $last_date
),

-- Lines of a feed of their own say nothing of when their order changed, so only an order of the same feed is asked. Its
-- earlier versions are looked at too: of an order that was moved to another day they alone are left on this one.
parent as (
    select
        source_system,
        store_id,
        order_id,
        order_date_local,
        _feed,
        max(case when _is_current then 1 else 0 end) as is_on_day,
        max(case when _is_current then updated_ts end) as updated_ts,
        max(case when _is_current then _version_ts end) as _version_ts
    from raw.shop_order
    where order_date_local between $first_date and $last_date
    group by source_system, store_id, order_id, order_date_local, _feed
)

select
    l.source_system,
    l.store_id,
    l.order_id,
    l.line_id,
    l.created_ts,
    l.order_date_local,
    l.updated_ts,
    l.sku,
    l.product_id,
    l.variant_id,
    l.product_name,
    l.quantity,
    l.unit_price_amount,
    l.line_total_amount,
    l.line_tax_amount,
    l.line_discount_amount,
    l.category
from line as l
left join parent as o
    on
        o.source_system = l.source_system
        and o.store_id = l.store_id
        and o.order_id = l.order_id
        and o.order_date_local = l.order_date_local
        and o._feed = l._feed
where
    o.order_id is null
    -- Both carry the order's last change; where one of them does not, the delivery counts in which they were last seen.
    or (o.is_on_day = 1 and coalesce(l.updated_ts >= o.updated_ts, l._version_ts >= o._version_ts))
