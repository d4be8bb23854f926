-- Grain: one row per countable order, attribution model, level, network and community. The touch that explains the benefit class
-- takes all of its order, as in kpi_daily_benefit, and stands beside the models as one of them.
with level as (
    select 'shop' as level
    union all
    select 'social' as level
    union all
    select 'network' as level
    union all
    select 'community' as level
),

modelled as (
    select order_key, order_date_local, model, channel, network, community_id, credited_orders, credited_revenue_amount
    from core.fct_attribution_credit
    where order_date_local between $first_date and $last_date and credited_orders > 0
    union all
    select order_key, order_date_local, model, channel, network, community_id, credited_orders, credited_revenue_amount
    from core.fct_model_credit
    where order_date_local between $first_date and $last_date and credited_orders > 0 and level = 'community'
),

credit as (
    select
        c.order_key,
        c.order_date_local,
        c.model,
        c.network,
        c.community_id,
        round(sum(c.credited_orders), 6) as credited_orders,
        sum(c.credited_revenue_amount) as credited_revenue_amount,
        sum(case when n.is_paid then c.credited_revenue_amount else 0 end) as credited_ads_revenue_amount
    from modelled as c
    left join seeds.channel as n on n.channel = c.channel
    group by c.order_key, c.order_date_local, c.model, c.network, c.community_id
    union all
    select
        b.order_key,
        b.order_date_local,
        'benefit_touch' as model,
        coalesce(b.network, '(none)') as network,
        coalesce(b.community_id, case when b.network is null then '(none)' else '(unknown)' end) as community_id,
        cast(1 as double) as credited_orders,
        o.net_revenue_amount as credited_revenue_amount,
        case when n.is_paid then o.net_revenue_amount else 0 end as credited_ads_revenue_amount
    from core.fct_order_benefit as b
    inner join core.fct_order as o
        on o.order_key = b.order_key and o.order_date_local between $first_date and $last_date
    left join core.brg_order_touch as t
        on t.order_key = b.order_key and t.touch_id = b.touch_id and t.order_date_local between $first_date and $last_date
    left join seeds.channel as n on n.channel = t.channel
    where b.order_date_local between $first_date and $last_date
),

-- An order is a stretch from 0 to 1 that the communities divide, without a network first, so that each network, and all of them
-- together, have one piece. An amount up to a piece's end, less that up to its beginning, is the piece's: pieces sum to the whole.
stretch as (
    select
        *,
        round(
            sum(credited_orders) over (
                partition by order_key, model
                order by case when network = '(none)' then 0 else 1 end, network, community_id
                rows between unbounded preceding and current row
            ), 6
        ) as until_share
    from credit
)

select
    s.order_key,
    s.order_date_local,
    s.model,
    l.level,
    case when l.level in ('shop', 'social') then '(all)' else s.network end as network,
    case when l.level = 'community' then s.community_id else '(all)' end as community_id,
    round(sum(s.credited_orders), 6) as credited_orders,
    min(round(s.until_share - s.credited_orders, 6)) as since_share,
    max(s.until_share) as until_share,
    cast(sum(s.credited_revenue_amount) as decimal(18, 4)) as credited_revenue_amount,
    cast(sum(s.credited_ads_revenue_amount) as decimal(18, 4)) as credited_ads_revenue_amount
from stretch as s
inner join level as l on l.level = 'shop' or s.network <> '(none)'
group by
    s.order_key,
    s.order_date_local,
    s.model,
    l.level,
    case when l.level in ('shop', 'social') then '(all)' else s.network end,
    case when l.level = 'community' then s.community_id else '(all)' end
