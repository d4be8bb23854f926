-- Grain: one row per message. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    network,
    community_id,
    message_id,
    post_id,
    reply_to_id,
    author_key,
    is_community_author,
    sent_ts,
    message_date_local,
    sentiment,
    needs_answer
from raw.community_message
where
    _is_current
    and message_date_local between $first_date and $last_date
