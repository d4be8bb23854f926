-- Grain: one row per day and community, competitors' and own ones side by side, by what every network shows to everybody:
-- followers, posts, likes, comments and shares. Reach and saves are left out, as competitors' are not shown.
with cell as (
    select
        d.date_local,
        c.network,
        c.community_id,
        c.community_name,
        c.brand,
        c.is_own
    from core.dim_date as d
    inner join core.dim_community as c on coalesce(c.launched_on, d.date_local) <= d.date_local
    where d.date_local between $first_date and $last_date
),

-- A count holds for a week, since competitors' are often read off once a week.
level as (
    select
        c.date_local,
        c.network,
        c.community_id,
        arg_max(d.members, (d.metric_date, d.members)) filter (where d.metric_date > c.date_local - interval 7 day) as members,
        arg_max(d.members, (d.metric_date, d.members)) filter (where d.metric_date <= c.date_local - interval 28 day)
            as members_28d_ago
    from cell as c
    inner join core.fct_community_day as d
        on
            d.network = c.network
            and d.community_id = c.community_id
            and d.members is not null
            and d.metric_date between c.date_local - interval 34 day and c.date_local
    group by c.date_local, c.network, c.community_id
),

post as (
    select
        network,
        community_id,
        post_date_local,
        count(*) as posts
    from core.fct_post
    where post_date_local <= $last_date
    group by network, community_id, post_date_local
),

-- A community of which no post was known by then is unknown, not silent.
published as (
    select
        c.date_local,
        c.network,
        c.community_id,
        coalesce(sum(p.posts) filter (where p.post_date_local = c.date_local), 0) as posts,
        coalesce(sum(p.posts) filter (where p.post_date_local > c.date_local - interval 28 day), 0) as posts_28d
    from cell as c
    inner join post as p
        on p.network = c.network and p.community_id = c.community_id and p.post_date_local <= c.date_local
    group by c.date_local, c.network, c.community_id
),

engagement as (
    select
        network,
        community_id,
        post_id,
        post_date_local,
        published_ts,
        likes,
        comments,
        shares,
        public_engagements,
        followers
    from core.fct_post_engagement
    where post_date_local between $first_date - interval 27 day and $last_date
),

met_with as (
    select
        network,
        community_id,
        post_date_local,
        sum(likes) as likes,
        sum(comments) as comments,
        sum(shares) as shares,
        sum(public_engagements) as public_engagements,
        sum(public_engagements) filter (where followers is not null) as public_engagements_with_followers,
        sum(followers) filter (where public_engagements is not null) as followers_of_posts
    from engagement
    group by network, community_id, post_date_local
),

-- The post of the 28 days that met with most; of equals the later one.
ranked as (
    select
        c.date_local,
        c.network,
        c.community_id,
        e.post_id,
        e.post_date_local,
        e.public_engagements,
        row_number() over (
            partition by c.date_local, c.network, c.community_id
            order by e.public_engagements desc, e.published_ts desc, e.post_id desc
        ) as place
    from cell as c
    inner join engagement as e
        on
            e.network = c.network
            and e.community_id = c.community_id
            and e.public_engagements is not null
            and e.post_date_local between c.date_local - interval 27 day and c.date_local
)

select
    c.date_local,
    c.network,
    c.community_id,
    c.community_name,
    c.brand,
    c.is_own,
    l.members,
    l.members_28d_ago,
    l.members - l.members_28d_ago as members_gained_28d,
    (l.members - l.members_28d_ago) / nullif(cast(l.members_28d_ago as double), 0) as members_gained_28d_share,
    cast(p.posts as bigint) as posts,
    cast(p.posts_28d as bigint) as posts_28d,
    cast(m.likes as bigint) as likes,
    cast(m.comments as bigint) as comments,
    cast(m.shares as bigint) as shares,
    cast(m.public_engagements as bigint) as public_engagements,
    cast(m.public_engagements_with_followers as bigint) as public_engagements_with_followers,
    cast(m.followers_of_posts as bigint) as followers_of_posts,
    m.public_engagements_with_followers / nullif(cast(m.followers_of_posts as double), 0) as er_public_followers,
    b.post_id as best_post_id,
    b.post_date_local as best_post_date,
    b.public_engagements as best_post_public_engagements,
    o.permalink as best_post_permalink
from cell as c
left join level as l on l.date_local = c.date_local and l.network = c.network and l.community_id = c.community_id
left join published as p on p.date_local = c.date_local and p.network = c.network and p.community_id = c.community_id
left join met_with as m
    on m.post_date_local = c.date_local and m.network = c.network and m.community_id = c.community_id
left join ranked as b
    on b.date_local = c.date_local and b.network = c.network and b.community_id = c.community_id and b.place = 1
left join core.fct_post as o on o.network = b.network and o.community_id = b.community_id and o.post_id = b.post_id
