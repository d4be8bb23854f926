-- Grain: one row per feed and day of which it gave any record. Every raw table with days stands here. A row is late where
-- its key was first given more than three days after its day, which is when a silent feed counts as silent.
with given as (
    select _feed, event_date_local as date_local, _is_current, _first_ts, _is_restated from raw.web_event
    where event_date_local between $first_date and $last_date
    union all
    select _feed, event_date_local as date_local, _is_current, _first_ts, _is_restated from raw.web_event_item
    where event_date_local between $first_date and $last_date
    union all
    select _feed, session_date_local as date_local, _is_current, _first_ts, _is_restated from raw.web_session
    where session_date_local between $first_date and $last_date
    union all
    select _feed, session_date_local as date_local, _is_current, _first_ts, _is_restated from raw.web_session_item
    where session_date_local between $first_date and $last_date
    union all
    select _feed, order_date_local as date_local, _is_current, _first_ts, _is_restated from raw.shop_order
    where order_date_local between $first_date and $last_date
    union all
    select _feed, order_date_local as date_local, _is_current, _first_ts, _is_restated from raw.shop_order_line
    where order_date_local between $first_date and $last_date
    union all
    select _feed, refund_date_local as date_local, _is_current, _first_ts, _is_restated from raw.shop_refund
    where refund_date_local between $first_date and $last_date
    union all
    select _feed, refund_date_local as date_local, _is_current, _first_ts, _is_restated from raw.shop_refund_line
    where refund_date_local between $first_date and $last_date
    union all
    select _feed, metric_date as date_local, _is_current, _first_ts, _is_restated from raw.community_day
    where metric_date between $first_date and $last_date
    union all
    select _feed, post_date_local as date_local, _is_current, _first_ts, _is_restated from raw.community_post
    where post_date_local between $first_date and $last_date
    union all
    select _feed, snapshot_date as date_local, _is_current, _first_ts, _is_restated from raw.community_post_snapshot
    where snapshot_date between $first_date and $last_date
    union all
    select _feed, activity_date_local as date_local, _is_current, _first_ts, _is_restated from raw.member_activity
    where activity_date_local between $first_date and $last_date
    union all
    select _feed, mention_date_local as date_local, _is_current, _first_ts, _is_restated from raw.mention
    where mention_date_local between $first_date and $last_date
    union all
    select _feed, metric_date as date_local, _is_current, _first_ts, _is_restated from raw.search_position_day
    where metric_date between $first_date and $last_date
    union all
    select _feed, answer_date_local as date_local, _is_current, _first_ts, _is_restated from raw.survey_answer
    where answer_date_local between $first_date and $last_date
    union all
    select _feed, activity_date_local as date_local, _is_current, _first_ts, _is_restated from raw.campaign_activity
    where activity_date_local between $first_date and $last_date
    union all
    select _feed, message_date_local as date_local, _is_current, _first_ts, _is_restated from raw.community_message
    where message_date_local between $first_date and $last_date
    union all
    select _feed, moderation_date as date_local, _is_current, _first_ts, _is_restated from raw.community_moderation
    where moderation_date between $first_date and $last_date
    union all
    select _feed, media_date_local as date_local, _is_current, _first_ts, _is_restated from raw.community_media
    where media_date_local between $first_date and $last_date
    union all
    select _feed, audience_date as date_local, _is_current, _first_ts, _is_restated from raw.audience_day
    where audience_date between $first_date and $last_date
    union all
    -- What is planned, or holds from a later day on, says nothing of that day, which is still to come.
    select _feed, cost_date as date_local, _is_current, _first_ts, _is_restated from raw.smm_cost
    where cost_date between $first_date and $last_date and cost_date <= cast(_version_ts at time zone $time_zone as date)
    union all
    select _feed, event_date_local as date_local, _is_current, _first_ts, _is_restated from raw.campaign_event
    where
        event_date_local between $first_date and $last_date
        and event_date_local <= cast(_version_ts at time zone $time_zone as date)
    union all
    select _feed, rate_date as date_local, _is_current, _first_ts, _is_restated from raw.exchange_rate
    where
        rate_date between $first_date and $last_date
        and rate_date <= cast(_version_ts at time zone $time_zone as date)
)

select
    _feed as feed,
    date_local,
    count(*) as given_rows,
    count(*) filter (where cast(_first_ts at time zone $time_zone as date) > date_local + interval 3 day) as late_rows,
    count(*) filter (where _is_restated) as restated_rows
from given
where _is_current
group by _feed, date_local
