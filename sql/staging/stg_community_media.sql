-- Grain: one row per photo or video. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    network,
    community_id,
    media_id,
    post_id,
    album_id,
    product_id,
    width,
    height,
    posted_ts,
    media_date_local,
    source_url
from raw.community_media
where
    _is_current
    and media_date_local between $first_date and $last_date
