-- Grain: one row per one line of one visit. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    property_id,
    session_id,
    item_key,
    start_ts,
    session_date_local,
    sku,
    quantity,
    revenue_amount,
    currency
from raw.web_session_item
where
    _is_current
    and session_date_local between $first_date and $last_date
