-- Grain: one row per day, community and benefit class. The classes of a day sum to its order book, to the cent.
with benefit as (
    select
        b.order_key,
        b.order_date_local,
        b.benefit_class,
        coalesce(b.network, '(none)') as network,
        coalesce(b.community_id, case when b.network is null then '(none)' else '(unknown)' end) as community_id,
        b.has_observed_visit,
        b.has_core_touch,
        o.customer_key,
        o.is_first_order,
        o.gross_revenue_amount,
        o.refund_amount,
        o.undated_refund_amount,
        o.net_revenue_amount,
        o.margin_amount
    from core.fct_order_benefit as b
    inner join core.fct_order as o on o.order_key = b.order_key and o.order_date_local = b.order_date_local
    where b.order_date_local <= $last_date
),

-- The upper bound counts what hints at a community without being a touch; the lower bound does not.
social_hint as (
    select distinct order_key
    from core.brg_order_hint
    where order_date_local between $first_date and $last_date
),

ordered as (
    select
        b.order_date_local as date_local,
        b.network,
        b.community_id,
        b.benefit_class,
        count(*) as orders,
        count(b.net_revenue_amount) as valued_orders,
        count(distinct b.customer_key) as customers,
        count(*) filter (where b.is_first_order) as new_customers,
        count(*) filter (where b.has_core_touch) as core_member_orders,
        sum(b.gross_revenue_amount) as gross_revenue_amount,
        sum(b.refund_amount) as refund_on_order_day_amount,
        sum(b.undated_refund_amount) as undated_refund_amount,
        sum(b.net_revenue_amount) as net_revenue_amount,
        -- A cell with one order of unknown cost has no known margin.
        case when count(b.margin_amount) = count(*) then sum(b.margin_amount) end as margin_amount,
        sum(case when b.has_observed_visit then b.net_revenue_amount else 0 end) as lower_amount,
        sum(
            case
                when b.benefit_class <> 'no_social_touch' or h.order_key is not null then b.net_revenue_amount
                else 0
            end
        ) as upper_amount
    from benefit as b
    left join social_hint as h on h.order_key = b.order_key
    where b.order_date_local >= $first_date
    group by b.order_date_local, b.network, b.community_id, b.benefit_class
),

refunded as (
    select
        r.refund_date_local as date_local,
        coalesce(b.network, '(none)') as network,
        coalesce(b.community_id, '(none)') as community_id,
        coalesce(b.benefit_class, 'no_social_touch') as benefit_class,
        sum(r.refund_amount) as refund_amount
    from core.fct_refund as r
    left join benefit as b on b.order_key = r.order_key
    where r.refund_date_local between $first_date and $last_date and r.is_countable
    group by
        r.refund_date_local,
        coalesce(b.network, '(none)'),
        coalesce(b.community_id, '(none)'),
        coalesce(b.benefit_class, 'no_social_touch')
),

cell as (
    select
        date_local,
        network,
        community_id,
        benefit_class
    from ordered
    union
    select
        date_local,
        network,
        community_id,
        benefit_class
    from refunded
)

select
    c.date_local,
    c.network,
    c.community_id,
    coalesce(m.community_name, c.community_id) as community_name,
    c.benefit_class,
    coalesce(o.orders, 0) as orders,
    coalesce(o.customers, 0) as customers,
    coalesce(o.new_customers, 0) as new_customers,
    coalesce(o.core_member_orders, 0) as core_member_orders,
    -- Orders of unknown amount are counted and add nothing; a cell of nothing else has unknown amounts.
    cast(coalesce(o.orders, 0) - coalesce(o.valued_orders, 0) as bigint) as orders_without_amount,
    cast(case when o.orders > 0 then o.gross_revenue_amount else 0 end as decimal(18, 4)) as gross_revenue_amount,
    cast(case when o.orders > 0 then o.refund_on_order_day_amount else 0 end as decimal(18, 4)) as refund_on_order_day_amount,
    -- A refund that only the order speaks of has no day of its own and stands on the order's day.
    -- Refunds of unknown amount add nothing; a day of nothing else has unknown refunds.
    cast(
        case
            when r.network is not null and r.refund_amount is null and coalesce(o.undated_refund_amount, 0) = 0 then null
            else coalesce(r.refund_amount, 0) + coalesce(o.undated_refund_amount, 0)
        end as decimal(18, 4)
    ) as refund_on_refund_day_amount,
    cast(case when o.orders > 0 then o.net_revenue_amount else 0 end as decimal(18, 4)) as net_revenue_amount,
    -- A cell of refunds alone has no order of unknown cost: its margin is 0.
    cast(case when o.orders > 0 then o.margin_amount else 0 end as decimal(18, 4)) as margin_amount,
    cast(case when o.orders > 0 then o.lower_amount else 0 end as decimal(18, 4)) as net_revenue_lower_amount,
    cast(case when o.orders > 0 then o.upper_amount else 0 end as decimal(18, 4)) as net_revenue_upper_amount,
    $shop_currency as currency
from cell as c
left join ordered as o
    on
        o.date_local = c.date_local
        and o.network = c.network
        and o.community_id = c.community_id
        and o.benefit_class = c.benefit_class
left join refunded as r
    on
        r.date_local = c.date_local
        and r.network = c.network
        and r.community_id = c.community_id
        and r.benefit_class = c.benefit_class
left join core.dim_community as m on m.network = c.network and m.community_id = c.community_id
