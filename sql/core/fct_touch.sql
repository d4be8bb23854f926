-- Grain: one row per social touch: a visit that came from a network or from a mention of the shop, or an action of a member
-- whom the shop knows. Signs of such a member stand beside them: they are no touches by themselves.
with mention_visit as (
    select
        session_key,
        case when is_repost then 'repost_mention' end as reshare_reason,
        regexp_replace(regexp_extract(lower(linked_url), '^https?://[^/?#]+(/[^?#]*)', 1), '/+$', '') as linked_path
    from core.brg_session_mention
    where session_date_local between $first_date and $last_date
),

visit_touch as (
    select
        'visit:' || s.session_key as touch_id,
        case when s.visit_kind = 'order_attribution' then 'order_attribution' else 'visit' end as touch_kind,
        s.start_ts as touch_ts,
        s.session_date_local as touch_date_local,
        s.visitor_key,
        cast(null as varchar) as customer_key,
        s.order_key,
        s.session_key,
        s.channel,
        s.network,
        s.community_id,
        s.post_id,
        coalesce(s.reshare_reason, m.reshare_reason) as reshare_reason,
        cast(null as varchar) as action,
        cast(null as varchar) as product_group
    from core.fct_session as s
    left join mention_visit as m on m.session_key = s.session_key
    where
        s.session_date_local between $first_date and $last_date
        and s.network is not null
        and not coalesce(s.is_referrer_spam, false)
        -- An advertisement that names no community is bought, not earned by one.
        and (not s.is_paid or s.community_id is not null)
),

page as (
    select
        page_path,
        min(product_group) as product_group
    from core.dim_product_group
    where page_path is not null
    group by page_path
),

-- Media and bloggers are no network: their visits have a name of their own, and show what the mention links to.
mention_touch as (
    select
        'visit:' || s.session_key as touch_id,
        'visit' as touch_kind,
        s.start_ts as touch_ts,
        s.session_date_local as touch_date_local,
        s.visitor_key,
        cast(null as varchar) as customer_key,
        s.order_key,
        s.session_key,
        s.channel,
        '(mention)' as network,
        cast(null as varchar) as community_id,
        cast(null as varchar) as post_id,
        m.reshare_reason,
        cast(null as varchar) as action,
        g.product_group
    from core.fct_session as s
    inner join mention_visit as m on m.session_key = s.session_key
    left join page as g on g.page_path = m.linked_path
    where s.session_date_local between $first_date and $last_date and s.network is null
),

member_touch as (
    select
        'action:' || a.source_system || ':' || a.activity_id as touch_id,
        -- A like, a vote, a message or a join says that somebody was there, not that anything was passed on or kept.
        case
            when a.action in ('comment', 'reshare', 'recommend', 'save') then 'member_action'
            else 'member_sign'
        end as touch_kind,
        a.occurred_ts as touch_ts,
        a.activity_date_local as touch_date_local,
        cast(null as varchar) as visitor_key,
        a.customer_key,
        cast(null as varchar) as order_key,
        cast(null as varchar) as session_key,
        'Organic Social' as channel,
        a.network,
        a.community_id,
        a.post_id,
        cast(null as varchar) as reshare_reason,
        a.action,
        cast(null as varchar) as product_group
    from core.fct_member_action as a
    inner join core.dim_community as c
        on c.network = a.network and c.community_id = a.community_id and c.is_own
    where
        a.activity_date_local between $first_date and $last_date
        and a.customer_key is not null
        and a.action <> 'leave'
),

touch as (
    select * from visit_touch
    union all
    select * from mention_touch
    union all
    select * from member_touch
),

own_post as (
    select
        network,
        community_id,
        post_id,
        published_ts,
        post_date_local,
        product_group
    from core.fct_post
    where is_own
),

-- Without a tag the touched post is the community's newest one at that moment, if it is at most 30 days old.
newest as (
    select
        t.touch_id,
        arg_max(p.post_id, (p.published_ts, p.post_id)) as post_id
    from touch as t
    inner join own_post as p
        on
            p.network = t.network
            and p.community_id = t.community_id
            and p.published_ts <= t.touch_ts
            and p.published_ts >= t.touch_ts - interval 30 day
    where t.post_id is null
    group by t.touch_id
)

select
    t.touch_id,
    t.touch_kind,
    t.touch_ts,
    t.touch_date_local,
    t.visitor_key,
    t.customer_key,
    t.order_key,
    t.session_key,
    t.channel,
    t.network,
    t.community_id,
    coalesce(t.post_id, n.post_id) as post_id,
    case when t.post_id is not null then 'tagged' when n.post_id is not null then 'newest' else 'none' end as post_method,
    p.published_ts as post_published_ts,
    t.reshare_reason,
    coalesce(t.product_group, p.product_group, c.product_group) as product_group,
    t.action
from touch as t
left join newest as n on n.touch_id = t.touch_id
left join own_post as p
    on
        p.network = t.network
        and p.community_id = t.community_id
        and p.post_id = coalesce(t.post_id, n.post_id)
        and p.post_date_local <= t.touch_date_local
left join core.dim_community as c on c.network = t.network and c.community_id = t.community_id
