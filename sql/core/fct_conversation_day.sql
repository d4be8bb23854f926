-- Grain: one row per community and day on which anybody wrote or commented: what was said, asked and answered. Messages tell
-- it all; where a network shows only who commented, discussions are known and nothing else.
with said as (
    select
        network,
        community_id,
        message_date_local as date_local,
        count(*) filter (where not is_by_community) as messages,
        count(*) filter (where is_by_community and (reply_to_id is not null or post_id is not null)) as community_replies,
        count(*) filter (where needs_answer) as questions,
        count(*) filter (where needs_answer and first_answer_ts is not null) as questions_answered,
        -- An unanswered question takes longer than any answer that is waited for, and stands in the middle as such.
        median(case when needs_answer then coalesce(answer_seconds, 100000000) end) as median_seconds,
        count(*) filter (where not is_by_community and sentiment = 'negative') as negative_messages,
        count(*) filter (where not is_by_community and sentiment = 'negative' and first_answer_ts is not null)
            as negative_answered,
        count(*) filter (where not is_by_community and needs_answer is not null) as messages_with_need,
        count(*) filter (where not is_by_community and sentiment <> 'unknown') as messages_with_sentiment
    from core.fct_message
    where message_date_local between $first_date and $last_date
    group by network, community_id, message_date_local
),

message_thread as (
    select
        network,
        community_id,
        message_date_local as date_local,
        thread_id,
        count(distinct author_key) as voices
    from core.fct_message
    where message_date_local between $first_date and $last_date and not is_by_community
    group by network, community_id, message_date_local, thread_id
),

message_discussion as (
    select
        network,
        community_id,
        date_local,
        count(*) filter (where voices >= 2) as discussions
    from message_thread
    group by network, community_id, date_local
),

comment_thread as (
    select
        network,
        community_id,
        activity_date_local as date_local,
        post_id,
        count(distinct member_key) as voices
    from core.fct_member_action
    where activity_date_local between $first_date and $last_date and action = 'comment'
    group by network, community_id, activity_date_local, post_id
),

comment_discussion as (
    select
        network,
        community_id,
        date_local,
        count(*) filter (where voices >= 2 and post_id is not null) as discussions
    from comment_thread
    group by network, community_id, date_local
)

select
    coalesce(s.network, c.network) as network,
    coalesce(s.community_id, c.community_id) as community_id,
    coalesce(s.date_local, c.date_local) as date_local,
    s.messages,
    s.community_replies,
    s.questions,
    s.questions_answered,
    case when s.median_seconds <= 8 * 86400 then s.median_seconds / 60.0 end as response_minutes_median,
    s.negative_messages,
    s.negative_answered,
    s.messages_with_need,
    s.messages_with_sentiment,
    case when s.network is not null then coalesce(m.discussions, 0) else c.discussions end as discussions
from said as s
full join comment_discussion as c
    on c.network = s.network and c.community_id = s.community_id and c.date_local = s.date_local
left join message_discussion as m
    on m.network = s.network and m.community_id = s.community_id and m.date_local = s.date_local
