-- Grain: one row per feed and day of which it gave any record. Every raw table with days stands here.
with given as (
    select _feed as feed, event_date_local as date_local, _is_current as is_current from raw.web_event
    where event_date_local between $first_date and $last_date
    union all
    select _feed as feed, event_date_local as date_local, _is_current as is_current from raw.web_event_item
    where event_date_local between $first_date and $last_date
    union all
    select _feed as feed, session_date_local as date_local, _is_current as is_current from raw.web_session
    where session_date_local between $first_date and $last_date
    union all
    select _feed as feed, session_date_local as date_local, _is_current as is_current from raw.web_session_item
    where session_date_local between $first_date and $last_date
    union all
    select _feed as feed, order_date_local as date_local, _is_current as is_current from raw.shop_order
    where order_date_local between $first_date and $last_date
    union all
    select _feed as feed, order_date_local as date_local, _is_current as is_current from raw.shop_order_line
    where order_date_local between $first_date and $last_date
    union all
    select _feed as feed, refund_date_local as date_local, _is_current as is_current from raw.shop_refund
    where refund_date_local between $first_date and $last_date
    union all
    select _feed as feed, refund_date_local as date_local, _is_current as is_current from raw.shop_refund_line
    where refund_date_local between $first_date and $last_date
    union all
    select _feed as feed, metric_date as date_local, _is_current as is_current from raw.community_day
    where metric_date between $first_date and $last_date
    union all
    select _feed as feed, post_date_local as date_local, _is_current as is_current from raw.community_post
    where post_date_local between $first_date and $last_date
    union all
    select _feed as feed, snapshot_date as date_local, _is_current as is_current from raw.community_post_snapshot
    where snapshot_date between $first_date and $last_date
    union all
    select _feed as feed, activity_date_local as date_local, _is_current as is_current from raw.member_activity
    where activity_date_local between $first_date and $last_date
    union all
    select _feed as feed, mention_date_local as date_local, _is_current as is_current from raw.mention
    where mention_date_local between $first_date and $last_date
    union all
    select _feed as feed, metric_date as date_local, _is_current as is_current from raw.search_position_day
    where metric_date between $first_date and $last_date
    union all
    select _feed as feed, answer_date_local as date_local, _is_current as is_current from raw.survey_answer
    where answer_date_local between $first_date and $last_date
    union all
    select _feed as feed, activity_date_local as date_local, _is_current as is_current from raw.campaign_activity
    where activity_date_local between $first_date and $last_date
    union all
    select _feed as feed, message_date_local as date_local, _is_current as is_current from raw.community_message
    where message_date_local between $first_date and $last_date
    union all
    select _feed as feed, moderation_date as date_local, _is_current as is_current from raw.community_moderation
    where moderation_date between $first_date and $last_date
    union all
    select _feed as feed, media_date_local as date_local, _is_current as is_current from raw.community_media
    where media_date_local between $first_date and $last_date
    union all
    select _feed as feed, audience_date as date_local, _is_current as is_current from raw.audience_day
    where audience_date between $first_date and $last_date
    union all
    -- What is planned, or holds from a later day on, says nothing of that day, which is still to come.
    select _feed as feed, cost_date as date_local, _is_current as is_current from raw.smm_cost
    where cost_date between $first_date and $last_date and cost_date <= cast(_version_ts at time zone $time_zone as date)
    union all
    select _feed as feed, event_date_local as date_local, _is_current as is_current from raw.campaign_event
    where
        event_date_local between $first_date and $last_date
        and event_date_local <= cast(_version_ts at time zone $time_zone as date)
    union all
    select _feed as feed, rate_date as date_local, _is_current as is_current from raw.exchange_rate
    where
        rate_date between $first_date and $last_date
        and rate_date <= cast(_version_ts at time zone $time_zone as date)
)

select distinct
    feed,
    date_local
from given
where is_current
