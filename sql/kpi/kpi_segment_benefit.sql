-- Grain: one row per month, dimension and segment. Every dimension divides the whole order book by the community that is credited,
-- to the cent: by what the community is made for, or by the group that most of its members belong to. Communities of few buyers are
-- merged, the same ones in every dimension: so no segment less another, of whatever dimension, is about fewer than five persons.
with ordered as (
    select
        b.order_key,
        cast(date_trunc('month', b.order_date_local) as date) as month_start_date,
        coalesce(b.network, '(none)') as network,
        coalesce(b.community_id, case when b.network is null then '(none)' else '(unknown)' end) as community_id,
        b.benefit_class like 'D%' as is_benefit,
        -- Whoever has no key is taken for somebody else in each order. An unknown amount leaves the sum to the others.
        case when o.net_revenue_amount is not null then coalesce(o.customer_key, o.order_key) end as person_key,
        o.customer_key,
        o.is_first_order,
        o.net_revenue_amount,
        o.margin_amount
    from core.fct_order_benefit as b
    inner join core.fct_order as o on o.order_key = b.order_key
),

month as (
    select
        month_start_date,
        cast(month_start_date + interval 1 month as date) as next_month_date
    from ordered
    group by month_start_date
),

-- Own communities stand here without an order too.
community as (
    select month_start_date, network, community_id from ordered
    union
    select m.month_start_date, c.network, c.community_id from month as m
    cross join core.dim_community as c
    where c.is_own
),

follower as (
    select
        m.month_start_date,
        d.network,
        d.community_id,
        arg_max(d.members, (d.metric_date, d.members)) as members
    from month as m
    inner join core.fct_community_day as d
        on d.metric_date >= m.month_start_date and d.metric_date < m.next_month_date and d.members is not null
    group by m.month_start_date, d.network, d.community_id
),

-- The newest measurement of the audience by the end of the month, at most three months old.
newest as (
    select
        m.month_start_date,
        a.network,
        a.community_id,
        a.dimension,
        max(a.audience_date) as audience_date
    from month as m
    inner join core.fct_audience_segment as a
        on a.audience_date < m.next_month_date and a.audience_date >= m.next_month_date - interval 92 day
    group by m.month_start_date, a.network, a.community_id, a.dimension
),

grouped as (
    select
        n.month_start_date,
        n.network,
        n.community_id,
        n.dimension,
        a.segment,
        a.members,
        max(a.members) over (partition by n.month_start_date, n.network, n.community_id, n.dimension) as most_members
    from newest as n
    inner join core.fct_audience_segment as a
        on
            a.network = n.network
            and a.community_id = n.community_id
            and a.dimension = n.dimension
            and a.audience_date = n.audience_date
),

-- Two groups of one size: the community is neither's.
largest as (
    select
        month_start_date,
        network,
        community_id,
        'audience_' || dimension as dimension,
        case when count(*) = 1 then min(segment) else '(even)' end as segment
    from grouped
    where members = most_members and members > 0
    group by month_start_date, network, community_id, dimension
),

dimension as (
    select 'breadth' as dimension
    union
    select 'language' as dimension
    union
    select 'country' as dimension
    union
    select 'city' as dimension
    union
    select 'product_group' as dimension
    union
    select dimension from largest
),

placed as (
    select
        c.month_start_date,
        c.network,
        c.community_id,
        d.dimension,
        case
            when c.network = '(none)' then '(none)'
            when k.network is null and l.segment is null then '(unknown)'
            when d.dimension = 'breadth'
                then case when coalesce(k.product_group, k.city) is not null then 'narrow' else 'broad' end
            when d.dimension = 'language' then coalesce(k.language, '(unknown)')
            when d.dimension = 'country' then coalesce(k.country, '(unknown)')
            when d.dimension = 'city' then coalesce(k.city, '(any)')
            when d.dimension = 'product_group' then coalesce(k.product_group, '(any)')
            else coalesce(l.segment, '(unknown)')
        end as segment,
        f.members
    from community as c
    cross join dimension as d
    left join core.dim_community as k on k.network = c.network and k.community_id = c.community_id
    left join largest as l
        on
            l.month_start_date = c.month_start_date
            and l.network = c.network
            and l.community_id = c.community_id
            and l.dimension = d.dimension
    left join follower as f
        on f.month_start_date = c.month_start_date and f.network = c.network and f.community_id = c.community_id
),

-- The order in which communities are merged: by their buyers. Orders without a touch, if they are many, come last.
sized as (
    select
        *,
        row_number() over (
            partition by month_start_date
            order by case when network = '(none)' and persons >= 5 then 1 else 0 end, persons, network, community_id
        ) as position
    from (
        select
            month_start_date,
            network,
            community_id,
            count(distinct person_key) as persons
        from ordered
        group by month_start_date, network, community_id
    ) as counted
),

-- Whoever bought in several communities is one person, and counts in the first of them.
newcomer as (
    select
        month_start_date,
        position,
        count(*) as persons
    from (
        select
            o.month_start_date,
            o.person_key,
            min(s.position) as position
        from ordered as o
        inner join sized as s
            on s.month_start_date = o.month_start_date and s.network = o.network and s.community_id = o.community_id
        where o.person_key is not null
        group by o.month_start_date, o.person_key
    ) as first_community
    group by month_start_date, position
),

-- Those of fewer than five buyers are merged, with the next larger ones until five are together: else one that is hidden alone
-- could be read off the total. Communities without an order name nobody and are none of them.
merged as (
    select
        s.month_start_date,
        s.network,
        s.community_id,
        s.persons < 5
        or (
            min(s.persons) over (partition by s.month_start_date) < 5
            and coalesce(
                sum(n.persons) over (
                    partition by s.month_start_date
                    order by s.position
                    rows between unbounded preceding and 1 preceding
                ), 0
            ) < 5
        ) as is_few
    from sized as s
    left join newcomer as n on n.month_start_date = s.month_start_date and n.position = s.position
),

cell as (
    select
        p.month_start_date,
        p.dimension,
        case when m.is_few then '(few)' else p.segment end as segment,
        p.network,
        p.community_id,
        p.members
    from placed as p
    left join merged as m
        on m.month_start_date = p.month_start_date and m.network = p.network and m.community_id = p.community_id
),

peopled as (
    select
        month_start_date,
        dimension,
        segment,
        count(*) filter (where network <> '(none)') as communities,
        -- One community of unknown following makes that of the segment unknown.
        case when count(members) = count(*) then sum(members) end as members
    from cell
    group by month_start_date, dimension, segment
),

sold as (
    select
        c.month_start_date,
        c.dimension,
        c.segment,
        count(*) as orders,
        count(*) filter (where o.is_benefit) as benefit_orders,
        count(*) - count(o.net_revenue_amount) as orders_without_amount,
        count(distinct o.person_key) as persons,
        count(distinct o.customer_key) as customers,
        count(*) filter (where o.is_first_order) as new_customers,
        sum(o.net_revenue_amount) as net_revenue_amount,
        case
            when count(*) filter (where o.is_benefit) = 0 then 0
            else sum(o.net_revenue_amount) filter (where o.is_benefit)
        end as benefit_net_revenue_amount,
        case when count(o.margin_amount) = count(*) then sum(o.margin_amount) end as margin_amount
    from cell as c
    inner join ordered as o
        on o.month_start_date = c.month_start_date and o.network = c.network and o.community_id = c.community_id
    group by c.month_start_date, c.dimension, c.segment
)

select
    p.month_start_date,
    p.dimension,
    p.segment,
    p.communities,
    cast(p.members as bigint) as members,
    coalesce(s.orders, 0) as orders,
    coalesce(s.benefit_orders, 0) as benefit_orders,
    coalesce(s.orders_without_amount, 0) as orders_without_amount,
    case when s.persons < 5 then null else coalesce(s.customers, 0) end as customers,
    case when s.persons < 5 then null else coalesce(s.new_customers, 0) end as new_customers,
    cast(case when s.orders > 0 then s.net_revenue_amount else 0 end as decimal(18, 4)) as net_revenue_amount,
    cast(case when s.orders > 0 then s.benefit_net_revenue_amount else 0 end as decimal(18, 4)) as benefit_net_revenue_amount,
    cast(case when s.orders > 0 then s.margin_amount else 0 end as decimal(18, 4)) as margin_amount,
    coalesce(s.orders, 0) * 1000 / nullif(cast(p.members as double), 0) as orders_per_1000_followers,
    cast(
        case when s.orders > 0 then s.net_revenue_amount else 0 end * 1000 / nullif(cast(p.members as double), 0)
        as decimal(18, 4)
    ) as net_revenue_per_1000_followers_amount,
    $shop_currency as currency
from peopled as p
left join sold as s
    on s.month_start_date = p.month_start_date and s.dimension = p.dimension and s.segment = p.segment
