-- Grain: one row per one event. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    property_id,
    event_key,
    event_name,
    vendor_event_name,
    event_ts,
    event_date_local,
    visitor_key,
    user_key,
    vendor_session_id,
    page_url,
    page_referrer,
    utm_source,
    utm_medium,
    utm_campaign,
    utm_content,
    utm_term,
    order_ref,
    value_amount,
    upper(currency) as currency,
    country,
    device_type,
    engagement_seconds,
    is_bot
from raw.web_event
where
    _is_current
    and event_date_local between $first_date and $last_date
