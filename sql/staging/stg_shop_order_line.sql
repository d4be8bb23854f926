-- Grain: one row per one order line. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    store_id,
    order_id,
    line_id,
    created_ts,
    order_date_local,
    updated_ts,
    sku,
    product_id,
    variant_id,
    product_name,
    quantity,
    unit_price_amount,
    line_total_amount,
    line_tax_amount,
    line_discount_amount,
    category
from raw.shop_order_line
where
    _is_current
    and order_date_local between $first_date and $last_date
