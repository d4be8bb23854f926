-- Grain: one row per month, attribution model, level, network and community. Communities sum to their network, and networks to
-- `social`, but for customers and for costs that belong to no single one; `shop` is the order book of the month, to the cent.
with last_day as (
    select max(date_local) as date_local
    from core.dim_date
),

level as (
    select 'shop' as level
    union all
    select 'social' as level
    union all
    select 'network' as level
    union all
    select 'community' as level
),

-- Pieces of amounts sum to the whole on every level, whatever they are rounded to: see core.order_credit_part.
sold_part as (
    select
        p.model,
        p.level,
        p.network,
        p.community_id,
        p.credited_orders,
        p.credited_revenue_amount,
        p.credited_ads_revenue_amount,
        cast(date_trunc('month', o.order_date_local) as date) as month_start_date,
        o.customer_key,
        o.is_first_order,
        cast(round(cast(o.refund_amount as double) * p.until_share, 4) as decimal(18, 4))
        - cast(round(cast(o.refund_amount as double) * p.since_share, 4) as decimal(18, 4)) as refund_amount,
        cast(round(cast(o.undated_refund_amount as double) * p.until_share, 4) as decimal(18, 4))
        - cast(round(cast(o.undated_refund_amount as double) * p.since_share, 4) as decimal(18, 4)) as undated_refund_amount,
        cast(round(cast(o.margin_amount as double) * p.until_share, 4) as decimal(18, 4))
        - cast(round(cast(o.margin_amount as double) * p.since_share, 4) as decimal(18, 4)) as margin_amount
    from core.order_credit_part as p
    inner join core.fct_order as o on o.order_key = p.order_key
),

sold as (
    select
        month_start_date,
        model,
        level,
        network,
        community_id,
        round(sum(credited_orders), 6) as credited_orders,
        round(sum(case when credited_revenue_amount is null then credited_orders else 0 end), 6) as orders_without_amount,
        count(distinct customer_key) as customers,
        round(sum(case when is_first_order then credited_orders else 0 end), 6) as new_customers,
        sum(credited_revenue_amount) as revenue_amount,
        sum(credited_ads_revenue_amount) as ads_revenue_amount,
        sum(refund_amount) as refund_amount,
        sum(undated_refund_amount) as undated_refund_amount,
        -- One order of unknown cost makes the margin of the month unknown.
        case when count(margin_amount) = count(*) then sum(margin_amount) end as margin_amount
    from sold_part
    group by month_start_date, model, level, network, community_id
),

model as (
    select distinct model
    from core.order_credit_part
    union
    select 'benefit_touch' as model
),

-- Refunds on their own day. One of an order that was not delivered belongs to the shop alone.
refund_part as (
    select
        cast(date_trunc('month', r.refund_date_local) as date) as month_start_date,
        p.model,
        p.level,
        p.network,
        p.community_id,
        cast(round(cast(r.refund_amount as double) * p.until_share, 4) as decimal(18, 4))
        - cast(round(cast(r.refund_amount as double) * p.since_share, 4) as decimal(18, 4)) as refund_amount
    from core.fct_refund as r
    inner join core.order_credit_part as p on p.order_key = r.order_key
    where r.is_countable
    union all
    select
        cast(date_trunc('month', r.refund_date_local) as date) as month_start_date,
        m.model,
        'shop' as level,
        '(all)' as network,
        '(all)' as community_id,
        r.refund_amount
    from core.fct_refund as r
    cross join model as m
    where r.is_countable and not r.is_order_known
),

refunded as (
    select
        month_start_date,
        model,
        level,
        network,
        community_id,
        sum(refund_amount) as refund_amount
    from refund_part
    group by month_start_date, model, level, network, community_id
),

-- Planned costs of days to come wait: the days of the month that have data are set against what was sold on them.
cost as (
    select
        cast(date_trunc('month', c.date_local) as date) as month_start_date,
        l.level,
        case when l.level in ('shop', 'social') then '(all)' else c.network end as network,
        case when l.level = 'community' then c.community_id else '(all)' end as community_id,
        sum(c.cost_base_amount) as cost_amount,
        sum(c.cost_base_amount) filter (where c.kind = 'ads') as cost_ads_amount,
        sum(c.cost_base_amount) filter (where c.kind = 'content') as cost_content_amount,
        sum(c.cost_base_amount) filter (where c.kind = 'blogger') as cost_blogger_amount,
        sum(c.cost_base_amount) filter (where c.kind = 'tool') as cost_tool_amount,
        sum(c.cost_base_amount) filter (where c.kind = 'salary') as cost_salary_amount,
        sum(c.cost_base_amount) filter (
            where coalesce(c.kind, 'other') not in ('ads', 'content', 'blogger', 'tool', 'salary')
        ) as cost_other_amount,
        count(*) - count(c.cost_base_amount) as cost_days_without_amount
    from core.fct_cost_day as c
    inner join last_day as d on c.date_local <= d.date_local
    inner join level as l
        on
            l.level in ('shop', 'social')
            or (l.level = 'network' and c.network is not null)
            or (l.level = 'community' and c.network is not null and c.community_id is not null)
    group by
        cast(date_trunc('month', c.date_local) as date),
        l.level,
        case when l.level in ('shop', 'social') then '(all)' else c.network end,
        case when l.level = 'community' then c.community_id else '(all)' end
),

cohort as (
    select
        month_start_date,
        model,
        level,
        network,
        community_id,
        sum(customers) filter (where days = 0) as persons,
        coalesce(sum(returned_customers) filter (where days <= 90), 0) as repeat_90_customers,
        sum(net_revenue_amount) filter (where days <= 30) as revenue_30_amount,
        sum(net_revenue_amount) filter (where days <= 90) as revenue_90_amount,
        sum(net_revenue_amount) filter (where days <= 180) as revenue_180_amount,
        sum(net_revenue_amount) filter (where days <= 365) as revenue_365_amount
    from core.fct_cohort_day
    group by month_start_date, model, level, network, community_id
),

-- Margin of the cohort by days since each first order, until it has covered what the month cost.
covered as (
    select
        month_start_date,
        model,
        level,
        network,
        community_id,
        days,
        sum(margin_amount) over cohort_until as margin_amount,
        sum(orders_without_margin) over cohort_until as orders_without_margin
    from core.fct_cohort_day
    window cohort_until as (
        partition by month_start_date, model, level, network, community_id
        order by days
        rows between unbounded preceding and current row
    )
),

paid_back as (
    select
        v.month_start_date,
        v.model,
        v.level,
        v.network,
        v.community_id,
        min(v.days) as payback_days
    from covered as v
    inner join cost as c
        on
            c.month_start_date = v.month_start_date
            and c.level = v.level
            and c.network = v.network
            and c.community_id = v.community_id
            and c.cost_days_without_amount = 0
    where v.margin_amount >= c.cost_amount and v.orders_without_margin = 0
    group by v.month_start_date, v.model, v.level, v.network, v.community_id
),

cell as (
    select month_start_date, model, level, network, community_id from sold
    union
    select month_start_date, model, level, network, community_id from refunded
    union
    select c.month_start_date, m.model, c.level, c.network, c.community_id from cost as c
    cross join model as m
),

measured as (
    select
        x.month_start_date,
        x.model,
        x.level,
        x.network,
        x.community_id,
        d.date_local >= x.month_start_date + interval 1 month - interval 1 day as is_month_complete,
        date_diff('day', cast(x.month_start_date + interval 1 month - interval 1 day as date), d.date_local) as days_since_month,
        c.cost_amount,
        c.cost_ads_amount,
        c.cost_content_amount,
        c.cost_blogger_amount,
        c.cost_tool_amount,
        c.cost_salary_amount,
        c.cost_other_amount,
        coalesce(c.cost_days_without_amount, 0) as cost_days_without_amount,
        -- The order book owes nothing to these costs: only what is credited is set against them.
        case when coalesce(c.cost_days_without_amount, 0) = 0 and x.level <> 'shop' then c.cost_amount end as whole_cost_amount,
        coalesce(s.credited_orders, 0) as credited_orders,
        coalesce(s.orders_without_amount, 0) as orders_without_amount,
        coalesce(s.customers, 0) as customers,
        coalesce(s.new_customers, 0) as new_customers,
        case when s.credited_orders > 0 then s.revenue_amount else 0 end as revenue_amount,
        case when s.credited_orders > 0 then s.ads_revenue_amount else 0 end as ads_revenue_amount,
        case when s.credited_orders > 0 then s.refund_amount else 0 end as refund_on_order_day_amount,
        -- Refunds of unknown amount add nothing; a month of nothing else has unknown refunds.
        case
            when r.level is not null and r.refund_amount is null and coalesce(s.undated_refund_amount, 0) = 0 then null
            else coalesce(r.refund_amount, 0) + coalesce(s.undated_refund_amount, 0)
        end as refund_on_refund_day_amount,
        case when s.credited_orders > 0 then s.margin_amount else 0 end as margin_amount,
        -- Of fewer than five persons nothing is told that one of them could be known by.
        case when h.persons >= 5 then round(h.repeat_90_customers, 6) end as repeat_90_customers,
        case when h.persons >= 5 then h.revenue_30_amount end as revenue_30_amount,
        case when h.persons >= 5 then h.revenue_90_amount end as revenue_90_amount,
        case when h.persons >= 5 then h.revenue_180_amount end as revenue_180_amount,
        case when h.persons >= 5 then h.revenue_365_amount end as revenue_365_amount,
        case when x.level <> 'shop' and h.persons >= 5 then b.payback_days end as payback_days
    from cell as x
    cross join last_day as d
    left join sold as s
        on
            s.month_start_date = x.month_start_date
            and s.model = x.model
            and s.level = x.level
            and s.network = x.network
            and s.community_id = x.community_id
    left join refunded as r
        on
            r.month_start_date = x.month_start_date
            and r.model = x.model
            and r.level = x.level
            and r.network = x.network
            and r.community_id = x.community_id
    left join cost as c
        on
            c.month_start_date = x.month_start_date
            and c.level = x.level
            and c.network = x.network
            and c.community_id = x.community_id
    left join cohort as h
        on
            h.month_start_date = x.month_start_date
            and h.model = x.model
            and h.level = x.level
            and h.network = x.network
            and h.community_id = x.community_id
    left join paid_back as b
        on
            b.month_start_date = x.month_start_date
            and b.model = x.model
            and b.level = x.level
            and b.network = x.network
            and b.community_id = x.community_id
)

select
    m.month_start_date,
    m.model,
    m.level,
    m.network,
    m.community_id,
    coalesce(k.community_name, m.community_id) as community_name,
    coalesce(m.is_month_complete, false) as is_month_complete,
    cast(m.cost_amount as decimal(18, 4)) as cost_amount,
    cast(m.cost_ads_amount as decimal(18, 4)) as cost_ads_amount,
    cast(m.cost_content_amount as decimal(18, 4)) as cost_content_amount,
    cast(m.cost_blogger_amount as decimal(18, 4)) as cost_blogger_amount,
    cast(m.cost_tool_amount as decimal(18, 4)) as cost_tool_amount,
    cast(m.cost_salary_amount as decimal(18, 4)) as cost_salary_amount,
    cast(m.cost_other_amount as decimal(18, 4)) as cost_other_amount,
    m.cost_days_without_amount,
    m.credited_orders,
    m.orders_without_amount,
    m.customers,
    m.new_customers,
    cast(m.revenue_amount as decimal(18, 4)) as credited_revenue_amount,
    cast(m.ads_revenue_amount as decimal(18, 4)) as credited_ads_revenue_amount,
    cast(m.refund_on_order_day_amount as decimal(18, 4)) as refund_on_order_day_amount,
    cast(m.refund_on_refund_day_amount as decimal(18, 4)) as refund_on_refund_day_amount,
    cast(m.margin_amount as decimal(18, 4)) as margin_amount,
    cast(m.whole_cost_amount / nullif(cast(m.new_customers as double), 0) as decimal(18, 4)) as cac_amount,
    cast(
        m.revenue_amount / nullif(cast(round(m.credited_orders - m.orders_without_amount, 6) as double), 0) as decimal(18, 4)
    ) as aov_amount,
    -- Advertisements that name no community are no touches, so that what they return the touch of the class cannot say.
    case
        when m.cost_days_without_amount = 0 and m.level <> 'shop' and m.model <> 'benefit_touch' then m.ads_revenue_amount
    end
    / nullif(cast(m.cost_ads_amount as double), 0) as roas_on_ads_ratio,
    m.revenue_amount / nullif(cast(m.whole_cost_amount as double), 0) as return_on_cost_ratio,
    (m.margin_amount - m.whole_cost_amount) / nullif(cast(m.whole_cost_amount as double), 0) as romi_on_margin_share,
    case when m.days_since_month >= 90 then m.repeat_90_customers end as repeat_90_customers,
    case when m.days_since_month >= 90 then m.repeat_90_customers end
    / nullif(m.new_customers, 0) as repeat_90_share,
    -- A cohort is asked when its last customer has had the days; before, it would look worse than the ones before it.
    cast(case when m.days_since_month >= 30 then m.revenue_30_amount end as decimal(18, 4)) as cohort_revenue_30_amount,
    cast(case when m.days_since_month >= 90 then m.revenue_90_amount end as decimal(18, 4)) as cohort_revenue_90_amount,
    cast(case when m.days_since_month >= 180 then m.revenue_180_amount end as decimal(18, 4)) as cohort_revenue_180_amount,
    cast(case when m.days_since_month >= 365 then m.revenue_365_amount end as decimal(18, 4)) as cohort_revenue_365_amount,
    cast(
        case when m.days_since_month >= 30 then m.revenue_30_amount end / nullif(m.new_customers, 0) as decimal(18, 4)
    ) as ltv_30_amount,
    cast(
        case when m.days_since_month >= 90 then m.revenue_90_amount end / nullif(m.new_customers, 0) as decimal(18, 4)
    ) as ltv_90_amount,
    cast(
        case when m.days_since_month >= 180 then m.revenue_180_amount end / nullif(m.new_customers, 0) as decimal(18, 4)
    ) as ltv_180_amount,
    cast(
        case when m.days_since_month >= 365 then m.revenue_365_amount end / nullif(m.new_customers, 0) as decimal(18, 4)
    ) as ltv_365_amount,
    m.payback_days,
    $shop_currency as currency
from measured as m
left join core.dim_community as k on k.network = m.network and k.community_id = m.community_id
