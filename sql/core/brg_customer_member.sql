-- Grain: one row per day, member of a network and customer of whom a feed tells on that day that they are one, by the customer's
-- e-mail. A name says nothing, and a member of one network is never taken for one of another. Who is one with many is nobody:
-- an e-mail that the shop typed in for all, an account that all of its staff use.
with told as (
    select distinct
        network,
        member_key,
        customer_key,
        activity_date_local
    from staging.stg_member_activity
    where
        activity_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
        and member_key is not null
        and customer_key is not null
),

link as (
    select *
    from told
    where activity_date_local >= $first_date
),

of_member as (
    select
        l.network,
        l.member_key,
        l.activity_date_local,
        count(distinct t.customer_key) as customers
    from link as l
    inner join told as t
        on
            t.network = l.network
            and t.member_key = l.member_key
            and t.activity_date_local between l.activity_date_local - interval ($touch_lookback_days) day and l.activity_date_local
    group by l.network, l.member_key, l.activity_date_local
),

of_customer as (
    select
        l.network,
        l.customer_key,
        l.activity_date_local,
        count(distinct t.member_key) as members
    from link as l
    inner join told as t
        on
            t.network = l.network
            and t.customer_key = l.customer_key
            and t.activity_date_local between l.activity_date_local - interval ($touch_lookback_days) day and l.activity_date_local
    group by l.network, l.customer_key, l.activity_date_local
)

select
    l.network,
    l.member_key,
    l.customer_key,
    l.activity_date_local as link_date_local,
    'feed_email' as rule,
    -- Two or three addresses of one person are common, and so are two accounts.
    case
        when m.customers = 1 and c.members = 1 then 'stated'
        when m.customers <= 3 and c.members <= 3 then 'likely'
        else 'shared'
    end as confidence,
    m.customers as customers_of_member,
    c.members as members_of_customer
from link as l
inner join of_member as m
    on m.network = l.network and m.member_key = l.member_key and m.activity_date_local = l.activity_date_local
inner join of_customer as c
    on c.network = l.network and c.customer_key = l.customer_key and c.activity_date_local = l.activity_date_local
