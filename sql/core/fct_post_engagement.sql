-- Grain: one row per post of a community with what its first 28 days brought, as far as it was read: of each counter the
-- last level told in them, else what each day of them brought, added up. So posts are compared at one age.
with post as (
    select
        network,
        community_id,
        post_id,
        post_date_local,
        published_ts,
        is_own
    from core.fct_post
    where post_date_local between $first_date and $last_date
),

-- A network may cut its days in another zone: the day before may hold the first hours.
reading as (
    select
        p.network,
        p.community_id,
        p.post_id,
        max(s.snapshot_date) as reading_date,
        arg_max(s.views, (s.snapshot_date, s.post_id)) filter (where s.value_kind = 'level' and s.views is not null) as views,
        arg_max(s.reach, (s.snapshot_date, s.post_id)) filter (where s.value_kind = 'level' and s.reach is not null) as reach,
        arg_max(s.likes, (s.snapshot_date, s.post_id)) filter (where s.value_kind = 'level' and s.likes is not null) as likes,
        arg_max(s.comments, (s.snapshot_date, s.post_id))
        filter (where s.value_kind = 'level' and s.comments is not null) as comments,
        arg_max(s.shares, (s.snapshot_date, s.post_id)) filter (where s.value_kind = 'level' and s.shares is not null) as shares,
        arg_max(s.saves, (s.snapshot_date, s.post_id)) filter (where s.value_kind = 'level' and s.saves is not null) as saves,
        sum(s.views) filter (where s.value_kind = 'daily_flow') as day_views,
        sum(s.reach) filter (where s.value_kind = 'daily_flow') as day_reach,
        sum(s.likes) filter (where s.value_kind = 'daily_flow') as day_likes,
        sum(s.comments) filter (where s.value_kind = 'daily_flow') as day_comments,
        sum(s.shares) filter (where s.value_kind = 'daily_flow') as day_shares,
        sum(s.saves) filter (where s.value_kind = 'daily_flow') as day_saves
    from post as p
    inner join staging.stg_community_post_snapshot as s
        on
            s.network = p.network
            and s.community_id = p.community_id
            and s.post_id = p.post_id
            and s.snapshot_date between p.post_date_local - interval 1 day and p.post_date_local + interval 28 day
    where s.snapshot_date between $first_date - interval 1 day and $last_date + interval 28 day
    group by p.network, p.community_id, p.post_id
),

-- Followers at the time of posting: the newest level known on that day, at most a week old.
follower as (
    select
        p.network,
        p.community_id,
        p.post_id,
        arg_max(d.members, (d.metric_date, d.members)) as members
    from post as p
    inner join core.fct_community_day as d
        on
            d.network = p.network
            and d.community_id = p.community_id
            and d.metric_date between p.post_date_local - interval 7 day and p.post_date_local
            and d.members is not null
    group by p.network, p.community_id, p.post_id
),

told as (
    select
        p.*,
        r.reading_date,
        cast(coalesce(r.views, r.day_views) as bigint) as views,
        cast(coalesce(r.reach, r.day_reach) as bigint) as reach,
        cast(coalesce(r.likes, r.day_likes) as bigint) as likes,
        cast(coalesce(r.comments, r.day_comments) as bigint) as comments,
        cast(coalesce(r.shares, r.day_shares) as bigint) as shares,
        cast(coalesce(r.saves, r.day_saves) as bigint) as saves,
        f.members as followers
    from post as p
    left join reading as r on r.network = p.network and r.community_id = p.community_id and r.post_id = p.post_id
    left join follower as f on f.network = p.network and f.community_id = p.community_id and f.post_id = p.post_id
)

select
    network,
    community_id,
    post_id,
    post_date_local,
    published_ts,
    is_own,
    reading_date,
    views,
    reach,
    likes,
    comments,
    shares,
    saves,
    -- Unknown only where no action at all was reported.
    case
        when coalesce(likes, comments, shares, saves) is not null
            then coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0) + coalesce(saves, 0)
    end as engagements,
    -- What a network shows to everybody, so that own posts and competitors' are counted alike.
    case
        when coalesce(likes, comments, shares) is not null
            then coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0)
    end as public_engagements,
    followers
from told
