-- Grain: one row per own post, with everything it has brought up to now.
with post as (
    select *
    from core.fct_post
    where is_own
),

counter as (
    select
        *,
        -- Unknown only where no action at all was reported.
        case
            when coalesce(likes, comments, shares, saves) is not null
                then coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0) + coalesce(saves, 0)
        end as engagements
    from core.fct_post_counter
    where is_newest
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

visit as (
    select
        network,
        community_id,
        post_id,
        start_ts,
        reshare_reason
    from core.fct_session
    where post_id is not null and visit_kind = 'session' and not coalesce(is_referrer_spam, false)
),

visited as (
    select
        network,
        community_id,
        post_id,
        count(*) as sessions,
        count(reshare_reason) as reshare_sessions
    from visit
    group by network, community_id, post_id
),

-- Days until half of the visits had come: the effect of a post is over sooner than its life.
ranked as (
    select
        v.network,
        v.community_id,
        v.post_id,
        v.start_ts,
        row_number() over (partition by v.network, v.community_id, v.post_id order by v.start_ts) as visit_number,
        count(*) over (partition by v.network, v.community_id, v.post_id) as visits
    from visit as v
),

half as (
    select
        network,
        community_id,
        post_id,
        min(start_ts) as half_ts
    from ranked
    where visit_number * 2 >= visits
    group by network, community_id, post_id
),

sold as (
    select
        b.network,
        b.community_id,
        b.post_id,
        count(*) as orders,
        count(o.net_revenue_amount) as valued_orders,
        sum(o.net_revenue_amount) as net_revenue_amount,
        count(*) filter (where b.benefit_class = 'D1_recommendation') as orders_d1,
        count(*) filter (where b.benefit_class = 'D2_impulse') as orders_d2,
        count(*) filter (where b.benefit_class = 'D3_considered') as orders_d3,
        count(*) filter (where b.benefit_class = 'D4_deferred') as orders_d4,
        count(*) filter (where b.benefit_class = 'anyway') as orders_anyway,
        sum(o.net_revenue_amount) filter (where b.benefit_class = 'D1_recommendation') as net_revenue_d1_amount,
        sum(o.net_revenue_amount) filter (where b.benefit_class = 'D2_impulse') as net_revenue_d2_amount,
        sum(o.net_revenue_amount) filter (where b.benefit_class = 'D3_considered') as net_revenue_d3_amount,
        sum(o.net_revenue_amount) filter (where b.benefit_class = 'D4_deferred') as net_revenue_d4_amount,
        sum(o.net_revenue_amount) filter (where b.benefit_class = 'anyway') as net_revenue_anyway_amount
    from core.fct_order_benefit as b
    inner join core.fct_order as o on o.order_key = b.order_key
    -- The community's newest post is a guess, too weak to give a post an order by.
    inner join core.brg_order_touch as t
        on t.order_key = b.order_key and t.touch_id = b.touch_id and t.post_method = 'tagged'
    where b.post_id is not null
    group by b.network, b.community_id, b.post_id
)

select
    p.network,
    p.community_id,
    p.post_id,
    p.post_date_local,
    p.published_ts,
    p.post_hour_local,
    p.post_type,
    p.hashtags,
    p.has_link,
    p.is_reshare,
    p.product_group,
    c.views,
    c.reach,
    c.likes,
    c.comments,
    c.shares,
    c.saves,
    c.link_clicks,
    c.engagements,
    c.engagements / nullif(cast(c.reach as double), 0) as er_reach,
    c.engagements / nullif(cast(f.members as double), 0) as er_followers,
    coalesce(v.sessions, 0) as sessions,
    coalesce(v.reshare_sessions, 0) as reshare_sessions,
    coalesce(s.orders, 0) as orders,
    -- Orders of unknown amount are counted and add nothing; a class of nothing else has unknown revenue.
    cast(coalesce(s.orders, 0) - coalesce(s.valued_orders, 0) as bigint) as orders_without_amount,
    cast(case when s.orders > 0 then s.net_revenue_amount else 0 end as decimal(18, 4)) as net_revenue_amount,
    coalesce(s.orders_d1, 0) as orders_d1,
    coalesce(s.orders_d2, 0) as orders_d2,
    coalesce(s.orders_d3, 0) as orders_d3,
    coalesce(s.orders_d4, 0) as orders_d4,
    coalesce(s.orders_anyway, 0) as orders_anyway,
    cast(case when s.orders_d1 > 0 then s.net_revenue_d1_amount else 0 end as decimal(18, 4)) as net_revenue_d1_amount,
    cast(case when s.orders_d2 > 0 then s.net_revenue_d2_amount else 0 end as decimal(18, 4)) as net_revenue_d2_amount,
    cast(case when s.orders_d3 > 0 then s.net_revenue_d3_amount else 0 end as decimal(18, 4)) as net_revenue_d3_amount,
    cast(case when s.orders_d4 > 0 then s.net_revenue_d4_amount else 0 end as decimal(18, 4)) as net_revenue_d4_amount,
    cast(case when s.orders_anyway > 0 then s.net_revenue_anyway_amount else 0 end as decimal(18, 4)) as net_revenue_anyway_amount,
    date_diff('second', p.published_ts, h.half_ts) / 86400.0 as days_to_half_effect
from post as p
left join counter as c on c.network = p.network and c.community_id = p.community_id and c.post_id = p.post_id
left join follower as f on f.network = p.network and f.community_id = p.community_id and f.post_id = p.post_id
left join visited as v on v.network = p.network and v.community_id = p.community_id and v.post_id = p.post_id
left join half as h on h.network = p.network and h.community_id = p.community_id and h.post_id = p.post_id
left join sold as s on s.network = p.network and s.community_id = p.community_id and s.post_id = p.post_id
