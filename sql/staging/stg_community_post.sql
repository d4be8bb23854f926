-- Grain: one row per one post. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    network,
    community_id,
    post_id,
    published_ts,
    post_date_local,
    updated_ts,
    post_type,
    post_text,
    link_urls,
    permalink,
    is_reshare,
    reshared_from_key,
    is_paid
from raw.community_post
where
    _is_current
    and post_date_local between $first_date and $last_date
