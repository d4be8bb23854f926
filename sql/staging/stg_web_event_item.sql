-- Grain: one row per one item of one event. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    property_id,
    event_key,
    item_no,
    event_ts,
    event_date_local,
    sku,
    quantity,
    unit_price_amount
from raw.web_event_item
where
    _is_current
    and event_date_local between $first_date and $last_date
