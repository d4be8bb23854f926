-- Grain: one row per one post, day of reading and kind of counters. The newest version of each key; ingest has typed it.
-- Sources know different counters of a post, such as its likes and its reach: of each counter the newest reading counts.
select
    arg_max(source_system, (_version_ts, source_system)) as source_system,
    network,
    community_id,
    post_id,
    snapshot_date,
    arg_max(views, (_version_ts, source_system)) filter (where views is not null) as views,
    arg_max(reach, (_version_ts, source_system)) filter (where reach is not null) as reach,
    arg_max(likes, (_version_ts, source_system)) filter (where likes is not null) as likes,
    arg_max(comments, (_version_ts, source_system)) filter (where comments is not null) as comments,
    arg_max(shares, (_version_ts, source_system)) filter (where shares is not null) as shares,
    arg_max(saves, (_version_ts, source_system)) filter (where saves is not null) as saves,
    arg_max(link_clicks, (_version_ts, source_system)) filter (where link_clicks is not null) as link_clicks,
    coalesce(value_kind, 'level') as value_kind
from raw.community_post_snapshot
where
    _is_current
    and snapshot_date between $first_date and $last_date
group by network, community_id, post_id, snapshot_date, coalesce(value_kind, 'level')
