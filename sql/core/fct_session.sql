-- Grain: one row per visit with its channel, the community and post it came from, and how it went.
with visit as (
    select *
    from core.fct_visit
    where session_date_local between $first_date and $last_date
),

channel as (
    select
        visit_key,
        source,
        medium,
        campaign,
        content,
        channel,
        network,
        is_paid,
        is_referrer_spam,
        rule_id,
        landing_path,
        referrer_host,
        referrer_path,
        source_kind,
        referrer_network,
        is_unknown_referrer
    from core.visit_channel
    where session_date_local between $first_date and $last_date
),

named_referrer as (
    select
        visit_key,
        network,
        referrer_network,
        is_paid,
        content,
        regexp_replace(lower(campaign), '^@', '') as campaign_tag,
        lower(regexp_extract(referrer_path, '^/(?:s/)?@?([^/?#]+)', 1)) as referrer_word,
        -- vk.com/club1, vk.com/public1 and vk.com/wall-1_2 are of the community 1.
        case
            when coalesce(referrer_network, network) = 'vk'
                then nullif(regexp_extract(lower(referrer_path), '^/(?:wall-|club|public|event)([0-9]+)', 1), '')
        end as referrer_number,
        -- The page of one post: t.me/shop/12, vk.com/wall-1_12, x.com/shop/status/12.
        regexp_extract(lower(referrer_path), '^/(?:wall-[0-9]+_|(?:s/)?@?[^/]+/(?:status/)?)([0-9]+)/?$', 1) as referrer_post
    from channel
    where network is not null
),

social as (
    select
        v.visit_key,
        v.session_date_local,
        n.network,
        coalesce(n.referrer_network, n.network) as referrer_network,
        n.is_paid,
        n.content,
        n.campaign_tag,
        n.referrer_number,
        n.referrer_post,
        coalesce(n.referrer_number, n.referrer_word) as referrer_handle
    from visit as v
    inner join named_referrer as n on n.visit_key = v.visit_key
),

own_community as (
    select
        network,
        community_id,
        regexp_replace(handle, '^@', '') as handle,
        count(*) over (partition by network) as communities_in_network
    from core.dim_community
    where is_own
),

own_network as (
    select distinct network from own_community
),

-- What stood before a short link, where own posts show it; of no community is what a rule makes a partner's or spam.
short_link as (
    select
        l.visit_key,
        l.community_id,
        l.post_id
    from core.visit_link as l
    inner join social as s on s.visit_key = l.visit_key and s.network = l.network
    where l.session_date_local between $first_date and $last_date and l.community_id is not null
),

product_page as (
    select distinct page_path
    from core.dim_product_group
),

-- What names a community in tags and addresses: its id, its handle, and on their days the handles that it had. Those
-- come first: the handle may be another community's today.
community_word as (
    select
        network,
        community_id,
        lower(community_id) as word,
        cast(null as date) as first_day,
        cast(null as date) as last_day,
        2 as word_rank
    from own_community
    union all
    select
        network,
        community_id,
        handle,
        cast(null as date),
        cast(null as date),
        2
    from own_community
    union all
    select
        a.network,
        a.community_id,
        regexp_replace(lower(a.alias), '^@|\p{Cf}', '', 'g'),
        a.valid_from,
        a.valid_to,
        1
    from staging.stg_community_alias as a
    inner join own_community as o on o.network = a.network and o.community_id = a.community_id
),

-- Which community: the campaign tag names it; else the referrer's address does; else it is the network's only one.
named_community as (
    select
        s.visit_key,
        s.session_date_local,
        w.network,
        w.community_id,
        w.word_rank,
        case when w.word = s.campaign_tag then 1 else 2 end as method_rank,
        case when w.word = s.referrer_handle and s.referrer_network = s.network then s.referrer_post end as page_post
    from social as s
    inner join community_word as w
        on
            w.network = s.network
            and (w.word = s.campaign_tag or w.word = s.referrer_handle)
            and (w.first_day is null or w.first_day <= s.session_date_local)
            and (w.last_day is null or w.last_day >= s.session_date_local)
),

-- Visits from the page of a community that is not the shop's: a listed one, or one with a number that no own one has.
other_page as (
    select s.visit_key
    from social as s
    inner join core.dim_community as c
        on
            c.network = s.referrer_network
            and (s.referrer_handle = lower(c.community_id) or s.referrer_handle = regexp_replace(c.handle, '^@', ''))
    where not c.is_own
    union
    select s.visit_key
    from social as s
    inner join own_network as n on n.network = s.referrer_network
    left join own_community as o on o.network = s.referrer_network and o.community_id = s.referrer_number
    where s.referrer_number is not null and o.community_id is null
),

-- The tag and the page may name two: the page does not take a post tag away from the community of the campaign.
named as (
    select
        visit_key,
        arg_min(community_id, (method_rank, word_rank, community_id)) as community_id
    from named_community
    group by visit_key
),

-- A post tag is read within the community where that is known, because post ids of some networks repeat.
post_candidate as (
    select
        s.visit_key,
        p.community_id,
        p.post_id,
        p.published_ts,
        case when c.community_id is not null then 1 else 3 end as method_rank
    from social as s
    inner join core.fct_post as p
        on
            p.network = s.network
            and p.post_id = s.content
            and p.is_own
            -- Only posts that existed then, so that a day's result does not depend on later days.
            and p.post_date_local <= s.session_date_local
    left join named as c on c.visit_key = s.visit_key and c.community_id = p.community_id
),

post as (
    select
        visit_key,
        min(method_rank) as method_rank,
        arg_min(community_id, (method_rank, community_id)) as community_id,
        arg_min(post_id, (method_rank, community_id, post_id)) filter (where post_id is not null) as post_id
    from post_candidate
    group by visit_key
    -- A tag that fits posts of several communities proves none of them.
    having min(method_rank) = 1 or count(*) = 1
),

-- The page of an own post that the visit came from says which post it was, where no tag does.
post_page as (
    select distinct
        n.visit_key,
        n.community_id,
        p.post_id
    from named_community as n
    inner join core.fct_post as p
        on
            p.network = n.network
            and p.community_id = n.community_id
            and p.post_id = n.page_post
            and p.is_own
            and p.post_date_local <= n.session_date_local
),

candidate as (
    select
        visit_key,
        community_id,
        method_rank,
        word_rank
    from named_community
    union all
    -- An advertisement that names no community was not earned by the only one there is, nor was what others wrote.
    select
        s.visit_key,
        o.community_id,
        5,
        0
    from social as s
    inner join own_community as o on o.network = s.network
    left join other_page as p on p.visit_key = s.visit_key
    where o.communities_in_network = 1 and not s.is_paid and p.visit_key is null
    union all
    select
        visit_key,
        community_id,
        method_rank,
        0
    from post
    union all
    select
        visit_key,
        community_id,
        4,
        0
    from short_link
),

community as (
    select
        visit_key,
        arg_min(community_id, (method_rank, word_rank, community_id)) as community_id,
        min(method_rank) as method_rank
    from candidate
    group by visit_key
)

select
    v.visit_key as session_key,
    v.visit_kind,
    v.source_system,
    v.property_id,
    v.visitor_key,
    v.user_key,
    v.order_key,
    v.start_ts,
    v.end_ts,
    v.session_date_local,
    v.landing_url,
    c.landing_path,
    case
        when c.landing_path in ('', '/') then 'home'
        when g.page_path is not null then 'product'
        when regexp_matches(c.landing_path, $content_path_pattern) then 'content'
        when regexp_matches(c.landing_path, '^/(category|categories|catalog|collections|c)(/|$)') then 'category'
        when regexp_matches(c.landing_path, '^/(cart|basket|checkout|order)') then 'cart'
        else 'other'
    end as landing_section,
    v.page_referrer,
    c.referrer_host,
    c.source,
    c.medium,
    c.campaign,
    c.content,
    c.channel,
    c.network,
    c.is_paid,
    c.is_referrer_spam,
    c.rule_id,
    c.source_kind,
    c.is_unknown_referrer,
    m.community_id,
    case m.method_rank
        when 1 then 'campaign_tag'
        when 2 then 'referrer_address'
        when 3 then 'post_tag'
        when 4 then 'short_link'
        when 5 then 'only_community'
    end as community_method,
    coalesce(p.post_id, l.post_id, r.post_id) as post_id,
    -- A link with the tags of our post that stands on somebody else's page was passed on. In a network where the shop has
    -- a community, too, it may be the shop's own second post. Where an advertisement is shown is nobody's choice.
    case
        when c.is_paid or m.method_rank = 2 then null
        when o.visit_key is not null then case when m.method_rank in (1, 3) then 'other_community' else 'other_author' end
        when m.method_rank in (1, 3) and c.referrer_network <> c.network and n.network is null then 'other_network'
    end as reshare_reason,
    v.events,
    v.pageviews,
    v.item_views,
    v.cart_events,
    v.key_events,
    v.duration_seconds,
    v.engagement_seconds,
    v.vendor_transactions,
    v.vendor_revenue_amount,
    -- GA4: longer than 10 seconds, or a key event, or two page views.
    greatest(coalesce(v.duration_seconds, 0), coalesce(v.engagement_seconds, 0)) > 10
    or coalesce(v.key_events, 0) > 0
    or coalesce(v.pageviews, 0) >= 2 as is_engaged,
    -- Universal Analytics: a single page and nothing else done on it.
    -- Both are unknown of a visit whose page views the vendor does not tell.
    case
        when v.pageviews is not null
            then v.pageviews <= 1 and coalesce(v.key_events, 0) + coalesce(v.cart_events, 0) = 0
    end as is_single_page,
    -- Yandex Metrica: at most one page, under 15 seconds, nothing achieved.
    case
        when v.pageviews is not null
            then
                v.pageviews <= 1
                and greatest(coalesce(v.duration_seconds, 0), coalesce(v.engagement_seconds, 0)) < 15
                and coalesce(v.key_events, 0) = 0
    end as is_metrica_bounce,
    v.device_type,
    v.country
from visit as v
inner join channel as c on c.visit_key = v.visit_key
left join product_page as g on g.page_path = regexp_replace(lower(c.landing_path), '/+$', '')
left join community as m on m.visit_key = v.visit_key
left join post as p on p.visit_key = v.visit_key and p.community_id = m.community_id
left join short_link as l on l.visit_key = v.visit_key and l.community_id = m.community_id
left join post_page as r on r.visit_key = v.visit_key and r.community_id = m.community_id
left join other_page as o on o.visit_key = v.visit_key
left join own_network as n on n.network = c.referrer_network
