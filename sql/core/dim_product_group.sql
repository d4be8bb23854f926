-- Grain: one row per stock keeping unit. Only what joins need, so that a new price does not make every day stale.
with ranked as (
    select
        sku,
        product_group,
        cost_amount,
        -- A cost in another currency is worth something else on every day of an order.
        currency as cost_currency,
        -- /kettle and /kettle/ are one page; an address without a path (a draft's ?p=12) is no product's page.
        regexp_replace(regexp_extract(lower(url), '^(?:https?://[^/]*)?(/[^?#]*)', 1), '/+$', '') as page_path,
        row_number() over (partition by sku order by product_id, variant_id, source_system, store_id) as position
    from staging.stg_shop_product
    where sku is not null
)

select
    sku,
    product_group,
    cost_amount,
    cost_currency,
    nullif(page_path, '') as page_path
from ranked
where position = 1
