-- Grain: one row per month and network, side by side: who is there, what it costs, what it brings.
with last_day as (
    select max(date_local) as date_local
    from core.dim_date
),

follower as (
    select
        cast(date_trunc('month', d.metric_date) as date) as month_start_date,
        d.network,
        d.community_id,
        c.is_own,
        arg_max(d.members, (d.metric_date, d.members)) filter (where d.members is not null) as members,
        sum(d.reach) as reach,
        sum(d.views) as views,
        sum(d.engagements) as engagements
    from core.fct_community_day as d
    inner join core.dim_community as c on c.network = d.network and c.community_id = d.community_id
    group by cast(date_trunc('month', d.metric_date) as date), d.network, d.community_id, c.is_own
),

-- One community of unknown following makes that of the network unknown: less than all of it would flatter what comes of a follower.
audience as (
    select
        month_start_date,
        network,
        count(*) filter (where is_own) as communities,
        case when count(*) filter (where is_own and members is null) = 0 then sum(members) filter (where is_own) end as members,
        sum(reach) filter (where is_own) as reach,
        sum(views) filter (where is_own) as views,
        sum(engagements) filter (where is_own) as engagements,
        count(*) filter (where not is_own) as competitor_communities,
        case
            when count(*) filter (where not is_own and members is null) = 0 then sum(members) filter (where not is_own)
        end as competitor_members
    from follower
    group by month_start_date, network
),

post as (
    select
        cast(date_trunc('month', post_date_local) as date) as month_start_date,
        network,
        count(*) as posts
    from core.fct_post
    where is_own
    group by cast(date_trunc('month', post_date_local) as date), network
),

visit as (
    select
        cast(date_trunc('month', session_date_local) as date) as month_start_date,
        network,
        count(*) as sessions,
        count(*) filter (where is_engaged) as engaged_sessions
    from core.fct_session
    where network is not null and visit_kind = 'session' and not coalesce(is_referrer_spam, false)
    group by cast(date_trunc('month', session_date_local) as date), network
),

sold as (
    select
        cast(date_trunc('month', b.order_date_local) as date) as month_start_date,
        b.network,
        count(*) as orders,
        count(*) filter (where b.benefit_class like 'D%') as benefit_orders,
        count(*) - count(o.net_revenue_amount) as orders_without_amount,
        count(*) filter (where o.is_first_order) as new_customers,
        sum(o.net_revenue_amount) as net_revenue_amount,
        case
            when count(*) filter (where b.benefit_class like 'D%') = 0 then 0
            else sum(o.net_revenue_amount) filter (where b.benefit_class like 'D%')
        end as benefit_net_revenue_amount,
        case when count(o.margin_amount) = count(*) then sum(o.margin_amount) end as margin_amount
    from core.fct_order_benefit as b
    inner join core.fct_order as o on o.order_key = b.order_key
    where b.network is not null
    group by cast(date_trunc('month', b.order_date_local) as date), b.network
),

-- As in kpi_monthly_return: planned costs of days to come wait.
cost as (
    select
        cast(date_trunc('month', c.date_local) as date) as month_start_date,
        c.network,
        sum(c.cost_base_amount) as cost_amount,
        count(*) - count(c.cost_base_amount) as cost_days_without_amount
    from core.fct_cost_day as c
    inner join last_day as d on c.date_local <= d.date_local
    where c.network is not null
    group by cast(date_trunc('month', c.date_local) as date), c.network
),

cell as (
    select month_start_date, network from audience
    union
    select month_start_date, network from post
    union
    select month_start_date, network from visit
    union
    select month_start_date, network from sold
    union
    select month_start_date, network from cost
),

measured as (
    select
        x.month_start_date,
        x.network,
        coalesce(a.communities, 0) as communities,
        a.members,
        a.reach,
        a.views,
        a.engagements,
        coalesce(a.competitor_communities, 0) as competitor_communities,
        a.competitor_members,
        coalesce(p.posts, 0) as posts,
        coalesce(v.sessions, 0) as sessions,
        coalesce(v.engaged_sessions, 0) as engaged_sessions,
        coalesce(s.orders, 0) as orders,
        coalesce(s.benefit_orders, 0) as benefit_orders,
        coalesce(s.orders_without_amount, 0) as orders_without_amount,
        coalesce(s.new_customers, 0) as new_customers,
        case when s.orders > 0 then s.net_revenue_amount else 0 end as net_revenue_amount,
        case when s.orders > 0 then s.benefit_net_revenue_amount else 0 end as benefit_net_revenue_amount,
        case when s.orders > 0 then s.margin_amount else 0 end as margin_amount,
        c.cost_amount,
        coalesce(c.cost_days_without_amount, 0) as cost_days_without_amount,
        case when coalesce(c.cost_days_without_amount, 0) = 0 then c.cost_amount end as whole_cost_amount
    from cell as x
    left join audience as a on a.month_start_date = x.month_start_date and a.network = x.network
    left join post as p on p.month_start_date = x.month_start_date and p.network = x.network
    left join visit as v on v.month_start_date = x.month_start_date and v.network = x.network
    left join sold as s on s.month_start_date = x.month_start_date and s.network = x.network
    left join cost as c on c.month_start_date = x.month_start_date and c.network = x.network
)

select
    month_start_date,
    network,
    communities,
    cast(members as bigint) as members,
    cast(reach as bigint) as reach,
    cast(views as bigint) as views,
    cast(engagements as bigint) as engagements,
    competitor_communities,
    cast(competitor_members as bigint) as competitor_members,
    posts,
    sessions,
    engaged_sessions,
    orders,
    benefit_orders,
    orders_without_amount,
    new_customers,
    cast(net_revenue_amount as decimal(18, 4)) as net_revenue_amount,
    cast(benefit_net_revenue_amount as decimal(18, 4)) as benefit_net_revenue_amount,
    cast(margin_amount as decimal(18, 4)) as margin_amount,
    cast(cost_amount as decimal(18, 4)) as cost_amount,
    cost_days_without_amount,
    cast(whole_cost_amount * 1000 / nullif(cast(reach as double), 0) as decimal(18, 4)) as cost_per_1000_reached_amount,
    cast(whole_cost_amount / nullif(cast(sessions as double), 0) as decimal(18, 4)) as cost_per_session_amount,
    cast(whole_cost_amount / nullif(cast(benefit_orders as double), 0) as decimal(18, 4)) as cost_per_benefit_order_amount,
    benefit_orders * 1000 / nullif(cast(members as double), 0) as benefit_orders_per_1000_followers,
    cast(
        benefit_net_revenue_amount * 1000 / nullif(cast(members as double), 0) as decimal(18, 4)
    ) as benefit_net_revenue_per_1000_followers_amount,
    net_revenue_amount / nullif(cast(whole_cost_amount as double), 0) as return_on_cost_ratio,
    (margin_amount - whole_cost_amount) / nullif(cast(whole_cost_amount as double), 0) as romi_on_margin_share,
    $shop_currency as currency
from measured
