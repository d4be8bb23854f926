-- Grain: one row per day, variant and benefit class: the order book as it would be classed with one threshold changed. Each
-- variant classes every order anew and sums to the order book, to the cent.
with variant as (
    -- The thresholds as they are set, which every other row is held against.
    select
        'settings' as variant,
        cast(null as varchar) as threshold,
        cast(null as bigint) as threshold_value
    union all
    select 'impulse_1h', 'impulse_hours', cast(1 as bigint)
    union all
    select 'impulse_24h', 'impulse_hours', cast(24 as bigint)
    union all
    select 'impulse_36h', 'impulse_hours', cast(36 as bigint)
    union all
    select 'deferred_30d', 'deferred_max_days', cast(30 as bigint)
    union all
    select 'deferred_60d', 'deferred_max_days', cast(60 as bigint)
    union all
    select 'considered_3d', 'considered_first_view_days', cast(3 as bigint)
    union all
    select 'considered_14d', 'considered_first_view_days', cast(14 as bigint)
    union all
    select 'recommendation_7d', 'recommendation_days', cast(7 as bigint)
    union all
    select 'recommendation_30d', 'recommendation_days', cast(30 as bigint)
),

thresholds as (
    select
        variant,
        threshold,
        threshold_value,
        3600 * case when threshold = 'impulse_hours' then threshold_value else $impulse_hours end as impulse_seconds,
        86400 * case when threshold = 'deferred_max_days' then threshold_value else $deferred_max_days end as deferred_seconds,
        86400 * case
            when threshold = 'considered_first_view_days' then threshold_value
            else $considered_first_view_days
        end as first_view_seconds,
        86400 * case
            when threshold = 'recommendation_days' then threshold_value
            else $recommendation_days
        end as recommendation_seconds
    from variant
),

-- The order of cases is that of core.fct_order_benefit; the suite wants its classes for the thresholds as they are set.
classed as (
    select
        b.order_key,
        b.order_date_local,
        t.variant,
        t.threshold,
        t.threshold_value,
        b.benefit_class as set_class,
        case
            when b.is_due and b.saved_seconds <= t.deferred_seconds then 'D4_deferred'
            when b.is_due and b.deferred_seconds <= t.deferred_seconds and b.is_quiet then 'D4_deferred'
            when
                b.viewing_sessions >= $considered_min_sessions
                and b.first_view_seconds >= t.first_view_seconds
                and b.is_convinced
                then 'D3_considered'
            when b.touches = 0 then 'no_social_touch'
            when b.impulse_seconds <= t.impulse_seconds then 'D2_impulse'
            when
                b.has_friend_code
                or b.recommended_seconds <= t.recommendation_seconds
                or b.matched_seconds <= t.recommendation_seconds
                or b.core_seconds <= t.recommendation_seconds
                then 'D1_recommendation'
            else 'anyway'
        end as benefit_class
    from core.fct_order_benefit as b
    cross join thresholds as t
    where b.order_date_local between $first_date and $last_date
)

select
    c.order_date_local as date_local,
    c.variant,
    c.benefit_class,
    c.threshold,
    c.threshold_value,
    count(*) as orders,
    count(*) filter (where c.benefit_class <> c.set_class) as moved_orders,
    cast(count(*) - count(o.net_revenue_amount) as bigint) as orders_without_amount,
    cast(sum(o.net_revenue_amount) as decimal(18, 4)) as net_revenue_amount,
    $shop_currency as currency
from classed as c
inner join core.fct_order as o
    on
        o.order_key = c.order_key
        and o.order_date_local = c.order_date_local
        and o.order_date_local between $first_date and $last_date
group by c.order_date_local, c.variant, c.benefit_class, c.threshold, c.threshold_value
