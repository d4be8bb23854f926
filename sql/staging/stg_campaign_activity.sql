-- Grain: one row per action of a recipient. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    activity_id,
    event_id,
    recipient_key,
    customer_key,
    occurred_ts,
    activity_date_local,
    action,
    linked_url
from raw.campaign_activity
where
    _is_current
    and activity_date_local between $first_date and $last_date
