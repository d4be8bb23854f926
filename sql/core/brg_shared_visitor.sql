-- Grain: one row per day and visitor who ordered on it and has, within the lookback, ordered for more customers than a household
-- has: a terminal in the shop, a computer of its staff. Such a device says nothing of any one customer.
with placed as (
    select distinct
        visitor_key,
        link_date_local,
        coalesce(customer_key, user_key) as person_key
    from core.brg_customer_visitor
    where link_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
),

ordering as (
    select distinct
        visitor_key,
        link_date_local as date_local
    from placed
    where link_date_local >= $first_date
)

select
    o.visitor_key,
    o.date_local,
    count(distinct p.person_key) as customers
from ordering as o
inner join placed as p
    on
        p.visitor_key = o.visitor_key
        and p.link_date_local between o.date_local - interval ($touch_lookback_days) day and o.date_local
group by o.visitor_key, o.date_local
having count(distinct p.person_key) > $visitor_max_customers
