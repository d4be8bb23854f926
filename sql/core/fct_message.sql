-- Grain: one row per message or comment in a community, with the community's first answer to it. An answer names the message
-- it replies to and comes by the end of the seventh day after it; what is said beside it is no answer to anybody.
with message as (
    select
        network,
        community_id,
        message_id,
        post_id,
        reply_to_id,
        author_key,
        coalesce(is_community_author, false) as is_by_community,
        sent_ts,
        message_date_local,
        coalesce(sentiment, 'unknown') as sentiment,
        needs_answer
    from staging.stg_community_message
    where message_date_local between $first_date and $last_date + interval 7 day
),

answer as (
    select
        m.network,
        m.community_id,
        m.message_id,
        min(a.sent_ts) as first_answer_ts
    from message as m
    inner join message as a
        on
            a.network = m.network
            and a.community_id = m.community_id
            and a.reply_to_id = m.message_id
            and a.is_by_community
            and a.sent_ts >= m.sent_ts
            and a.message_date_local <= m.message_date_local + interval 7 day
    where m.message_date_local <= $last_date and not m.is_by_community
    group by m.network, m.community_id, m.message_id
)

select
    m.network,
    m.community_id,
    m.message_id,
    m.post_id,
    m.reply_to_id,
    -- A chain of replies is told by its first link alone: deeper answers begin a thread of their own.
    coalesce(m.post_id, m.reply_to_id, m.message_id) as thread_id,
    m.author_key,
    m.is_by_community,
    m.sent_ts,
    m.message_date_local,
    m.sentiment,
    -- The community asks itself nothing.
    case when m.is_by_community then false else m.needs_answer end as needs_answer,
    a.first_answer_ts,
    date_diff('second', m.sent_ts, a.first_answer_ts) as answer_seconds
from message as m
left join answer as a on a.network = m.network and a.community_id = m.community_id and a.message_id = m.message_id
where m.message_date_local <= $last_date
