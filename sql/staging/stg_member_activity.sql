-- Grain: one row per one action. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    activity_id,
    network,
    community_id,
    post_id,
    member_key,
    customer_key,
    occurred_ts,
    activity_date_local,
    action
from raw.member_activity
where
    _is_current
    and activity_date_local between $first_date and $last_date
