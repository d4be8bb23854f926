-- Grain: one row per day, kind of recommendation, network, community, post and code: what was recommended on the day, the visits
-- that came of what was passed on, and the orders of the day that a recommendation came before.
with touch as (
    select
        order_key,
        order_date_local,
        touch_id,
        touch_ts,
        case
            when touch_kind = 'promo_code' then promo_kind || '_code'
            when touch_kind in ('visit', 'order_attribution') and reshare_reason is not null then 'passed_on_visit'
            when touch_kind = 'member_action' and is_matched and action in ('reshare', 'recommend', 'comment') then action
        end as kind,
        network,
        coalesce(community_id, '(unknown)') as community_id,
        -- The community's newest post is a guess, too weak to follow a post by.
        coalesce(case when post_method = 'tagged' then post_id end, '(unknown)') as post_id,
        case when touch_kind = 'promo_code' then substr(touch_id, 6) else '(none)' end as code
    from core.brg_order_touch
    where
        order_date_local between $first_date and $last_date
        and age_seconds <= $recommendation_days * 86400
),

-- One order may follow several; the newest has it, so that orders and revenue add up. A code is given at the moment of buying.
recommended as (
    select
        *,
        row_number() over (partition by order_key order by touch_ts desc, touch_id asc) as position
    from touch
    where kind is not null
),

ordered as (
    select
        r.order_date_local as date_local,
        r.kind,
        r.network,
        r.community_id,
        r.post_id,
        r.code,
        count(distinct r.order_key) as orders,
        count(*) filter (where r.position = 1) as credited_orders,
        count(*) filter (where r.position = 1 and o.is_first_order) as credited_new_customers,
        count(*) filter (where r.position = 1 and b.benefit_class = 'D1_recommendation') as credited_d1_orders,
        count(*) filter (where r.position = 1 and o.net_revenue_amount is null) as orders_without_amount,
        sum(o.net_revenue_amount) filter (where r.position = 1) as net_revenue_amount
    from recommended as r
    inner join core.fct_order as o
        on o.order_key = r.order_key and o.order_date_local between $first_date and $last_date and o.is_countable
    left join core.fct_order_benefit as b
        on b.order_key = r.order_key and b.order_date_local between $first_date and $last_date
    group by r.order_date_local, r.kind, r.network, r.community_id, r.post_id, r.code
),

given as (
    select
        a.activity_date_local as date_local,
        a.action as kind,
        a.network,
        a.community_id,
        coalesce(a.post_id, '(unknown)') as post_id,
        '(none)' as code,
        count(*) as recommendations,
        cast(null as bigint) as visits
    from core.fct_member_action as a
    inner join core.dim_community as c on c.network = a.network and c.community_id = a.community_id and c.is_own
    where
        a.activity_date_local between $first_date and $last_date
        and a.action in ('reshare', 'recommend', 'comment')
    group by a.activity_date_local, a.action, a.network, a.community_id, coalesce(a.post_id, '(unknown)')
    union all
    select
        t.touch_date_local as date_local,
        'passed_on_visit' as kind,
        t.network,
        coalesce(t.community_id, '(unknown)') as community_id,
        coalesce(case when t.post_method = 'tagged' then t.post_id end, '(unknown)') as post_id,
        '(none)' as code,
        cast(null as bigint) as recommendations,
        count(*) as visits
    from core.fct_touch as t
    where
        t.touch_date_local between $first_date and $last_date
        and t.touch_kind = 'visit'
        and t.reshare_reason is not null
    group by
        t.touch_date_local,
        t.network,
        coalesce(t.community_id, '(unknown)'),
        coalesce(case when t.post_method = 'tagged' then t.post_id end, '(unknown)')
),

cell as (
    select date_local, kind, network, community_id, post_id, code from ordered
    union
    select date_local, kind, network, community_id, post_id, code from given
)

select
    c.date_local,
    c.kind,
    c.network,
    c.community_id,
    c.post_id,
    c.code,
    -- Who was told a code, and how many visits an action or a code brought, no feed tells.
    case when c.kind in ('reshare', 'recommend', 'comment') then coalesce(g.recommendations, 0) end as recommendations,
    case when c.kind = 'passed_on_visit' then coalesce(g.visits, 0) end as visits,
    coalesce(o.orders, 0) as orders,
    coalesce(o.credited_orders, 0) as credited_orders,
    coalesce(o.credited_new_customers, 0) as credited_new_customers,
    coalesce(o.credited_d1_orders, 0) as credited_d1_orders,
    coalesce(o.orders_without_amount, 0) as orders_without_amount,
    cast(
        case when coalesce(o.credited_orders, 0) > 0 then o.net_revenue_amount else 0 end as decimal(18, 4)
    ) as net_revenue_amount,
    $shop_currency as currency
from cell as c
left join ordered as o
    on
        o.date_local = c.date_local
        and o.kind = c.kind
        and o.network = c.network
        and o.community_id = c.community_id
        and o.post_id = c.post_id
        and o.code = c.code
left join given as g
    on
        g.date_local = c.date_local
        and g.kind = c.kind
        and g.network = c.network
        and g.community_id = c.community_id
        and g.post_id = c.post_id
        and g.code = c.code
