-- Grain: one row per action of a member in a community.
select
    source_system,
    activity_id,
    network,
    community_id,
    post_id,
    coalesce(customer_key, member_key) as member_key,
    occurred_ts,
    activity_date_local,
    action
from staging.stg_member_activity
where activity_date_local between $first_date and $last_date
