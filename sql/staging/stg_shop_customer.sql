-- Grain: one row per customer of a store. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    store_id,
    user_key,
    customer_key,
    registered_ts,
    first_order_ts,
    orders,
    country,
    marketing_consent,
    updated_ts
from raw.shop_customer
where _is_current
