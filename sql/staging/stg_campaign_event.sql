-- Grain: one row per mailing or event. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    event_id,
    kind,
    name,
    start_ts,
    event_date_local,
    end_ts,
    place,
    utm_campaign,
    audience,
    sent,
    delivered,
    opened,
    opened_without_proxies,
    clicked,
    unsubscribed,
    bounced,
    complained,
    attended,
    cost_amount,
    upper(currency) as currency
from raw.campaign_event
where
    _is_current
    and event_date_local between $first_date and $last_date
