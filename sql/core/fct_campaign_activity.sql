-- Grain: one row per action of a recipient of a mailing.
select
    source_system,
    activity_id,
    event_id,
    recipient_key,
    customer_key,
    occurred_ts,
    activity_date_local,
    action
from staging.stg_campaign_activity
where activity_date_local between $first_date and $last_date
