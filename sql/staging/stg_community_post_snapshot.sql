-- Grain: one row per one post and day of reading. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    network,
    community_id,
    post_id,
    snapshot_date,
    views,
    reach,
    likes,
    comments,
    shares,
    saves,
    link_clicks
from raw.community_post_snapshot
where
    _is_current
    and snapshot_date between $first_date and $last_date
