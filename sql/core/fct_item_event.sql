-- Grain: one row per product named in an event that shows interest: viewed, wish-listed or put into the cart.
with event as (
    select
        source_system,
        property_id,
        event_key,
        event_name,
        visitor_key,
        vendor_session_id
    from staging.stg_web_event
    where
        event_date_local between $first_date and $last_date
        and event_name in ('view_item', 'add_to_wishlist', 'add_to_cart')
        and visitor_key is not null
        and not coalesce(is_bot, false)
),

item as (
    select
        source_system,
        property_id,
        event_key,
        item_no,
        event_ts,
        event_date_local,
        sku
    from staging.stg_web_event_item
    where event_date_local between $first_date and $last_date and sku is not null
),

visit as (
    select
        visit_key,
        source_system,
        property_id,
        visitor_key,
        coalesce(vendor_session_id, '') as vendor_session_id,
        start_ts,
        end_ts
    from core.fct_visit
    where
        session_date_local between $first_date - interval 1 day and $last_date
        and visit_kind = 'session'
)

select
    i.source_system,
    i.property_id,
    i.event_key,
    i.item_no,
    i.event_ts,
    i.event_date_local,
    e.event_name,
    e.visitor_key,
    v.visit_key as session_key,
    i.sku,
    g.product_group
from item as i
inner join event as e
    on e.source_system = i.source_system and e.property_id = i.property_id and e.event_key = i.event_key
left join visit as v
    on
        v.source_system = i.source_system
        and v.property_id = i.property_id
        and v.visitor_key = e.visitor_key
        and v.vendor_session_id = coalesce(e.vendor_session_id, '')
        and i.event_ts between v.start_ts and v.end_ts
left join core.dim_product_group as g on g.sku = i.sku
