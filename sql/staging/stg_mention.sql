-- Grain: one row per one mention and brand. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    monitor_id,
    mention_id,
    brand,
    published_ts,
    mention_date_local,
    added_ts,
    url,
    domain,
    source_type,
    post_type,
    title,
    mention_text,
    language,
    country,
    author_key,
    author_followers,
    outlet,
    sentiment,
    likes,
    comments,
    shares,
    views,
    reach,
    linked_url,
    vendor_group,
    is_spam
from raw.mention
where
    _is_current
    and mention_date_local between $first_date and $last_date
