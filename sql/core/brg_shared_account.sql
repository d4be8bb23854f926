-- Grain: one row per day and account of the shop that was used that day and has, within the lookback, had more devices than a
-- customer has or ordered for more customers than a household is: a login of the staff, or one id that the site gives to
-- everybody. It says nothing of any one customer.
with used as (
    select
        user_key,
        session_date_local as date_local,
        visitor_key,
        cast(null as varchar) as customer_key
    from core.fct_visit
    where
        session_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
        and visit_kind = 'session'
        and user_key is not null
        and visitor_key is not null
    union
    select
        user_key,
        order_date_local as date_local,
        cast(null as varchar) as visitor_key,
        customer_key
    from core.fct_order
    where
        order_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
        and user_key is not null
),

using_day as (
    select distinct
        user_key,
        date_local
    from used
    where date_local >= $first_date
)

select
    d.user_key,
    d.date_local,
    count(distinct u.visitor_key) as visitors,
    count(distinct u.customer_key) as customers
from using_day as d
inner join used as u
    on
        u.user_key = d.user_key
        and u.date_local between d.date_local - interval ($touch_lookback_days) day and d.date_local
group by d.user_key, d.date_local
having
    count(distinct u.visitor_key) > $customer_max_visitors
    or count(distinct u.customer_key) > $visitor_max_customers
