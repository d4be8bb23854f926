-- Grain: one row per one product variant. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    store_id,
    product_id,
    variant_id,
    sku,
    product_name,
    product_group,
    price_amount,
    cost_amount,
    upper(currency) as currency,
    status,
    url,
    updated_ts,
    _first_ts as first_given_ts
from raw.shop_product
where _is_current
