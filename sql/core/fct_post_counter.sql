-- Grain: one row per post and day of reading: the level of every counter and its growth since the reading before. A level
-- that falls was restated by the network, and its growth is unknown rather than negative.
with snapshot as (
    select
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
        link_clicks,
        -- The level before, also where a reading in between lacks the counter: levels only grow, else they were restated.
        lag(views ignore nulls) over (partition by network, community_id, post_id order by snapshot_date) as previous_views
    from staging.stg_community_post_snapshot
)

select
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
    link_clicks,
    case when previous_views is null or views >= previous_views then views - coalesce(previous_views, 0) end as views_gained,
    row_number() over (partition by network, community_id, post_id order by snapshot_date desc) = 1 as is_newest
from snapshot
