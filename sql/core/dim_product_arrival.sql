-- Grain: one row per product that came into a store's assortment after its first list: when it was first seen there, and
-- under what it may be shown. What the first list holds may be old, so nothing is known of its arrival.
with product as (
    select
        source_system,
        store_id,
        product_id,
        min(sku) as sku,
        min(product_group) as product_group,
        cast(min(first_given_ts) at time zone $time_zone as date) as arrived_on
    from staging.stg_shop_product
    where coalesce(lower(status), '') not in ('draft', 'pending', 'private', 'archived', 'trash')
    group by source_system, store_id, product_id
),

first_list as (
    select
        source_system,
        store_id,
        cast(min(first_given_ts) at time zone $time_zone as date) as listed_on
    from staging.stg_shop_product
    group by source_system, store_id
)

select
    p.source_system,
    p.store_id,
    p.product_id,
    p.sku,
    p.product_group,
    p.arrived_on
from product as p
inner join first_list as f on f.source_system = p.source_system and f.store_id = p.store_id
where p.arrived_on > f.listed_on
