-- Grain: one row per post and day of reading: the level of every counter and its growth since the reading before. A level
-- that falls was restated by the network, and its growth is unknown rather than negative.
-- Where a network tells what each day brought, days are added up: the level then begins with the first day reported.
with added_up as (
    select
        network,
        community_id,
        post_id,
        snapshot_date,
        case when views is not null then cast(sum(views) over up_to_day as bigint) end as views,
        case when reach is not null then cast(sum(reach) over up_to_day as bigint) end as reach,
        case when likes is not null then cast(sum(likes) over up_to_day as bigint) end as likes,
        case when comments is not null then cast(sum(comments) over up_to_day as bigint) end as comments,
        case when shares is not null then cast(sum(shares) over up_to_day as bigint) end as shares,
        case when saves is not null then cast(sum(saves) over up_to_day as bigint) end as saves,
        case when link_clicks is not null then cast(sum(link_clicks) over up_to_day as bigint) end as link_clicks
    from staging.stg_community_post_snapshot
    where value_kind = 'daily_flow'
    window up_to_day as (partition by network, community_id, post_id order by snapshot_date)
),

level as (
    select *
    from staging.stg_community_post_snapshot
    where value_kind = 'level'
),

-- A level that the network tells goes before one that was added up.
snapshot as (
    select
        coalesce(l.network, a.network) as network,
        coalesce(l.community_id, a.community_id) as community_id,
        coalesce(l.post_id, a.post_id) as post_id,
        coalesce(l.snapshot_date, a.snapshot_date) as snapshot_date,
        coalesce(l.views, a.views) as views,
        coalesce(l.reach, a.reach) as reach,
        coalesce(l.likes, a.likes) as likes,
        coalesce(l.comments, a.comments) as comments,
        coalesce(l.shares, a.shares) as shares,
        coalesce(l.saves, a.saves) as saves,
        coalesce(l.link_clicks, a.link_clicks) as link_clicks
    from level as l
    full join added_up as a
        on
            a.network = l.network
            and a.community_id = l.community_id
            and a.post_id = l.post_id
            and a.snapshot_date = l.snapshot_date
),

grown as (
    select
        *,
        -- The level before, also where a reading in between lacks the counter: levels only grow, else they were restated.
        lag(views ignore nulls) over (partition by network, community_id, post_id order by snapshot_date) as previous_views
    from snapshot
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
from grown
