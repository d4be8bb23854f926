-- Grain: one row per day and visitor who ordered or signed in on it and has, within the lookback, ordered for more customers, or
-- signed in with more accounts, than a household has: a terminal in the shop, a computer of its staff or of a library. Such a
-- device says nothing of any one customer.
with used as (
    select
        visitor_key,
        link_date_local as date_local,
        coalesce(customer_key, user_key) as person_key,
        cast(null as varchar) as user_key
    from core.brg_customer_visitor
    where link_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
    union
    select
        visitor_key,
        session_date_local as date_local,
        cast(null as varchar) as person_key,
        user_key
    from core.fct_visit
    where
        session_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
        and visit_kind = 'session'
        and visitor_key is not null
        and user_key is not null
),

using_day as (
    select distinct
        visitor_key,
        date_local
    from used
    where date_local >= $first_date
)

-- Who signs in and orders has an account and an address: counted apart, so that nobody counts twice.
select
    d.visitor_key,
    d.date_local,
    count(distinct u.person_key) as customers,
    count(distinct u.user_key) as accounts
from using_day as d
inner join used as u
    on
        u.visitor_key = d.visitor_key
        and u.date_local between d.date_local - interval ($touch_lookback_days) day and d.date_local
group by d.visitor_key, d.date_local
having
    count(distinct u.person_key) > $visitor_max_customers
    or count(distinct u.user_key) > $visitor_max_customers
