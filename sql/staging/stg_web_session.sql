-- Grain: one row per one visit. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    property_id,
    session_id,
    visitor_key,
    user_key,
    start_ts,
    session_date_local,
    duration_seconds,
    pageviews,
    events,
    is_bounce,
    landing_url,
    page_referrer,
    utm_source,
    utm_medium,
    utm_campaign,
    utm_content,
    utm_term,
    vendor_channel,
    order_ref,
    transactions,
    revenue_amount,
    upper(currency) as currency,
    country,
    device_type,
    is_bot
from raw.web_session
where
    _is_current
    and session_date_local between $first_date and $last_date
