-- Grain: one row per product variant as it stands now. What must not change with a price stands in dim_product_group.
select
    source_system || '|' || store_id || '|' || product_id || '|' || variant_id as product_key,
    source_system,
    store_id,
    product_id,
    variant_id,
    sku,
    product_name,
    product_group,
    price_amount,
    cost_amount,
    currency,
    status,
    url
from staging.stg_shop_product
