-- Grain: one row per day and own community: what it published, what that met with, how it talks with people, and whether
-- it is alive. Windows are the 28 days that end on the day. A count of which no feed ever tells is unknown, not 0.
with cell as (
    select
        d.date_local,
        c.network,
        c.community_id,
        c.community_name
    from core.dim_date as d
    inner join core.dim_community as c on c.is_own and coalesce(c.launched_on, d.date_local) <= d.date_local
    where d.date_local between $first_date and $last_date
),

post as (
    select
        network,
        community_id,
        post_date_local,
        count(*) as posts,
        count(*) filter (where is_reshare) as reshares,
        string_agg(
            distinct lpad(cast(post_hour_local as varchar), 2, '0'), ' '
            order by lpad(cast(post_hour_local as varchar), 2, '0')
        ) as posting_hours
    from core.fct_post
    where is_own and post_date_local <= $last_date
    group by network, community_id, post_date_local
),

-- A community of which no post was known by then is unknown, not silent.
published as (
    select
        c.date_local,
        c.network,
        c.community_id,
        min(p.post_date_local) as first_post_date,
        max(p.post_date_local) as last_post_date,
        coalesce(sum(p.posts) filter (where p.post_date_local > c.date_local - interval 28 day), 0) as posts_28d
    from cell as c
    inner join post as p
        on p.network = c.network and p.community_id = c.community_id and p.post_date_local <= c.date_local
    group by c.date_local, c.network, c.community_id
),

-- The posts of a day with what they met with. A rate counts posts of which both its parts are known.
met_with as (
    select
        network,
        community_id,
        post_date_local,
        sum(likes) as likes,
        sum(comments) as comments,
        sum(shares) as shares,
        sum(saves) as saves,
        sum(engagements) as engagements,
        sum(engagements) filter (where followers is not null) as engagements_with_followers,
        sum(followers) filter (where engagements is not null) as followers_of_posts,
        sum(engagements) filter (where reach is not null) as engagements_with_reach,
        sum(reach) filter (where engagements is not null) as reach_of_posts,
        sum(engagements) filter (where views is not null) as engagements_with_views,
        sum(views) filter (where engagements is not null) as views_of_posts,
        sum(likes) filter (where followers is not null) as likes_with_followers,
        sum(followers) filter (where likes is not null) as followers_of_liked
    from core.fct_post_engagement
    where is_own and post_date_local between $first_date - interval 27 day and $last_date
    group by network, community_id, post_date_local
),

liked as (
    select
        c.date_local,
        c.network,
        c.community_id,
        sum(m.likes_with_followers) as likes_28d,
        sum(m.followers_of_liked) as followers_28d
    from cell as c
    inner join met_with as m
        on
            m.network = c.network
            and m.community_id = c.community_id
            and m.post_date_local between c.date_local - interval 27 day and c.date_local
    group by c.date_local, c.network, c.community_id
),

talk as (
    select *
    from core.fct_conversation_day
    where date_local between $first_date - interval 27 day and $last_date
),

-- What the feeds told of these weeks at all: a day without a message is quiet only where messages are told.
talked_lately as (
    select
        c.date_local,
        c.network,
        c.community_id,
        sum(t.messages) as messages_28d,
        sum(t.messages_with_need) as messages_with_need,
        sum(t.messages_with_sentiment) as messages_with_sentiment,
        count(*) as days_with_talk
    from cell as c
    inner join talk as t
        on
            t.network = c.network
            and t.community_id = c.community_id
            and t.date_local between c.date_local - interval 27 day and c.date_local
    group by c.date_local, c.network, c.community_id
),

removed_lately as (
    select
        c.date_local,
        c.network,
        c.community_id,
        sum(m.spam_removed) as spam_removed_28d
    from cell as c
    inner join core.fct_moderation_day as m
        on
            m.network = c.network
            and m.community_id = c.community_id
            and m.moderation_date between c.date_local - interval 27 day and c.date_local
    group by c.date_local, c.network, c.community_id
),

-- k of n messages were spam: both known, or neither.
spam as (
    select
        r.date_local,
        r.network,
        r.community_id,
        cast(r.spam_removed_28d as double) as k,
        cast(r.spam_removed_28d + t.messages_28d as double) as n
    from removed_lately as r
    inner join talked_lately as t
        on t.date_local = r.date_local and t.network = r.network and t.community_id = r.community_id
    where r.spam_removed_28d + t.messages_28d > 0
),

-- The last sample of members that somebody looked at, at most 92 days old.
checked as (
    select
        c.date_local,
        c.network,
        c.community_id,
        max(m.moderation_date) as check_date
    from cell as c
    inner join core.fct_moderation_day as m
        on
            m.network = c.network
            and m.community_id = c.community_id
            and m.suspected_fakes_share is not null
            and m.moderation_date between c.date_local - interval 91 day and c.date_local
    group by c.date_local, c.network, c.community_id
),

joined as (
    select
        c.*,
        case when p.first_post_date is not null then coalesce(o.posts, 0) end as posts,
        case when p.first_post_date is not null then coalesce(o.reshares, 0) end as reshares,
        o.posting_hours,
        date_diff('day', p.last_post_date, c.date_local) as days_silent,
        p.posts_28d,
        -- Few posts say something when four weeks of them could have been seen.
        case
            when p.posts_28d >= $alarm_min_posts then false
            when p.first_post_date <= c.date_local - interval 27 day then true
        end as has_rare_posts,
        l.likes_28d,
        l.followers_28d,
        1000.0 * l.likes_28d / nullif(cast(l.followers_28d as double), 0) as likes_per_1000_followers,
        t.messages_28d,
        coalesce(t.messages_with_need, 0) > 0 as knows_needs,
        coalesce(t.messages_with_sentiment, 0) > 0 as knows_sentiment,
        coalesce(t.days_with_talk, 0) > 0 as knows_talk,
        s.k as spam_k,
        s.n as spam_n,
        case
            when s.k = 0 then 0
            else (s.k + 1.9208 - 1.96 * sqrt(s.k * (s.n - s.k) / nullif(s.n, 0) + 0.9604)) / nullif(s.n + 3.8416, 0)
        end as spam_share_lower,
        case
            when s.k = s.n then 1
            else (s.k + 1.9208 + 1.96 * sqrt(s.k * (s.n - s.k) / nullif(s.n, 0) + 0.9604)) / nullif(s.n + 3.8416, 0)
        end as spam_share_upper,
        h.check_date
    from cell as c
    left join published as p
        on p.date_local = c.date_local and p.network = c.network and p.community_id = c.community_id
    left join post as o
        on o.post_date_local = c.date_local and o.network = c.network and o.community_id = c.community_id
    left join liked as l on l.date_local = c.date_local and l.network = c.network and l.community_id = c.community_id
    left join talked_lately as t
        on t.date_local = c.date_local and t.network = c.network and t.community_id = c.community_id
    left join spam as s on s.date_local = c.date_local and s.network = c.network and s.community_id = c.community_id
    left join checked as h on h.date_local = c.date_local and h.network = c.network and h.community_id = c.community_id
),

-- The three signs of a dead community; one that cannot be told is unknown.
signed as (
    select
        *,
        likes_per_1000_followers < $alarm_min_likes_per_1000_followers as has_few_likes,
        spam_share_lower > $alarm_spam_share as is_full_of_spam
    from joined
)

select
    j.date_local,
    j.network,
    j.community_id,
    j.community_name,
    j.posts,
    j.reshares,
    j.posting_hours,
    j.days_silent,
    cast(j.posts_28d as bigint) as posts_28d,
    cast(m.likes as bigint) as likes,
    cast(m.comments as bigint) as comments,
    cast(m.shares as bigint) as shares,
    cast(m.saves as bigint) as saves,
    cast(m.engagements as bigint) as engagements,
    cast(m.engagements_with_followers as bigint) as engagements_with_followers,
    cast(m.followers_of_posts as bigint) as followers_of_posts,
    m.engagements_with_followers / nullif(cast(m.followers_of_posts as double), 0) as er_followers,
    cast(m.engagements_with_reach as bigint) as engagements_with_reach,
    cast(m.reach_of_posts as bigint) as reach_of_posts,
    m.engagements_with_reach / nullif(cast(m.reach_of_posts as double), 0) as er_reach,
    cast(m.engagements_with_views as bigint) as engagements_with_views,
    cast(m.views_of_posts as bigint) as views_of_posts,
    m.engagements_with_views / nullif(cast(m.views_of_posts as double), 0) as er_views,
    d.engagements as engagements_of_day,
    d.members,
    d.engagements / nullif(cast(d.members as double), 0) as er_daily_followers,
    case when j.knows_talk then coalesce(t.discussions, 0) end as discussions,
    case when j.messages_28d is not null then coalesce(t.messages, 0) end as messages,
    case when j.messages_28d is not null then coalesce(t.community_replies, 0) end as community_replies,
    case when j.knows_needs then coalesce(t.questions, 0) end as questions,
    case when j.knows_needs then coalesce(t.questions_answered, 0) end as questions_answered,
    case
        when j.knows_needs then t.questions_answered / nullif(cast(t.questions as double), 0)
    end as questions_answered_share,
    t.response_minutes_median,
    case when j.knows_sentiment then coalesce(t.negative_messages, 0) end as negative_messages,
    case when j.knows_sentiment then coalesce(t.negative_answered, 0) end as negative_answered,
    case
        when j.knows_sentiment then t.negative_answered / nullif(cast(t.negative_messages as double), 0)
    end as negative_answered_share,
    r.spam_removed,
    r.fakes_removed,
    r.members_banned,
    r.reports,
    cast(j.spam_k as bigint) as spam_removed_28d,
    cast(j.spam_n as bigint) as messages_and_spam_28d,
    j.spam_k / nullif(j.spam_n, 0) as spam_share,
    j.spam_share_lower,
    j.spam_share_upper,
    h.members_checked,
    h.fakes_found,
    h.suspected_fakes_share,
    h.suspected_fakes_share_lower,
    h.suspected_fakes_share_upper,
    cast(j.likes_28d as bigint) as likes_28d,
    cast(j.followers_28d as bigint) as followers_of_posts_28d,
    j.likes_per_1000_followers as likes_28d_per_1000_followers,
    nullif(
        concat_ws(
            ' ',
            case when j.has_rare_posts then 'rare_posts' end,
            case when j.has_few_likes then 'few_likes' end,
            case when j.is_full_of_spam then 'spam' end
        ), ''
    ) as dead_signs,
    -- Two of three signs, or no post at all in four weeks; unknown where a sign that cannot be told would decide.
    case
        -- Whoever has no post in them and has one before has been seen for as long.
        when j.posts_28d = 0 then true
        when
            (j.has_rare_posts and j.has_few_likes)
            or (j.has_rare_posts and j.is_full_of_spam)
            or (j.has_few_likes and j.is_full_of_spam)
            then true
        when
            (not j.has_rare_posts and not j.has_few_likes)
            or (not j.has_rare_posts and not j.is_full_of_spam)
            or (not j.has_few_likes and not j.is_full_of_spam)
            then false
    end as is_dead_alarm
from signed as j
left join met_with as m
    on m.post_date_local = j.date_local and m.network = j.network and m.community_id = j.community_id
left join talk as t on t.date_local = j.date_local and t.network = j.network and t.community_id = j.community_id
left join core.fct_community_day as d
    on d.metric_date = j.date_local and d.network = j.network and d.community_id = j.community_id
left join core.fct_moderation_day as r
    on r.moderation_date = j.date_local and r.network = j.network and r.community_id = j.community_id
left join core.fct_moderation_day as h
    on h.moderation_date = j.check_date and h.network = j.network and h.community_id = j.community_id
