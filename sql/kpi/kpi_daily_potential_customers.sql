-- Grain: one row per day, origin, state and age of the wait: the people who may still buy, the worth of their carts and
-- lists, and how waits of the last 28 days ended. No number of fewer than five people is shown, nor what so few of many hold.
with history as (
    select
        person_key,
        date_local,
        state,
        previous_state,
        -- The end of a wait is told later where the day it fell due was silent.
        least(date_diff('day', previous_date_local, date_local), $potential_days) - 1 as waited_days,
        case when is_social then 'social' else 'other' end as origin,
        orders,
        cart_amount,
        list_amount,
        items_without_amount,
        -- Whom the amounts are about: of 29 who wait one may have a cart.
        case when cart_amount <> 0 then 1 else 0 end as cart_people,
        case when list_amount <> 0 then 1 else 0 end as list_people,
        case when items_without_amount <> 0 then 1 else 0 end as unvalued_people,
        case when cart_amount + list_amount <> 0 then 1 else 0 end as held_people,
        lead(date_local) over (partition by person_key order by date_local) as next_date
    from core.fct_potential_customer
    where date_local between $first_date - interval 90 day and $last_date
),

-- People wait on quiet days, too.
day as (
    select date_local
    from core.dim_date
    where date_local between $first_date and $last_date
),

-- People who gave their last sign and their next one on the same days wait alike.
wait as (
    select
        date_local,
        next_date,
        origin,
        state,
        count(*) as people,
        sum(cart_amount) as cart_amount,
        sum(list_amount) as list_amount,
        sum(items_without_amount) as items_without_amount,
        sum(cart_people) as cart_people,
        sum(list_people) as list_people,
        sum(unvalued_people) as unvalued_people
    from history
    where state in ('engaged', 'intent')
    group by date_local, next_date, origin, state
),

-- Who waits at the end of the day: the last sign is less than potential_days old.
waiting as (
    select
        d.date_local,
        w.origin,
        w.state,
        date_diff('day', w.date_local, d.date_local) as age_days,
        w.people,
        w.cart_amount,
        w.list_amount,
        w.items_without_amount,
        w.cart_people,
        w.list_people,
        w.unvalued_people
    from day as d
    inner join wait as w
        on
            w.date_local <= d.date_local
            and w.date_local > d.date_local - interval ($potential_days) day
            and (w.next_date is null or w.next_date > d.date_local)
),

-- Waits that ended, under the state and age of the day before.
ending as (
    select
        date_local,
        origin,
        previous_state as state,
        waited_days as age_days,
        person_key,
        orders > 0 as is_bought,
        cart_amount + list_amount as held_amount,
        held_people,
        lag(date_local) over (partition by person_key, orders > 0 order by date_local) as date_before,
        lead(date_local) over (partition by person_key, orders > 0 order by date_local) as date_after
    from history
    where previous_state in ('engaged', 'intent') and (orders > 0 or state = 'lapsed')
),

-- Nearly everybody ends a wait once in 28 days: they need no name to be counted once.
end_group as (
    select
        date_local,
        origin,
        state,
        age_days,
        case
            when date_before > date_local - interval 28 day or date_after < date_local + interval 28 day then person_key
        end as person_key,
        is_bought,
        count(*) as people,
        sum(held_amount) as held_amount,
        sum(held_people) as held_people
    from ending
    group by
        date_local,
        origin,
        state,
        age_days,
        case
            when date_before > date_local - interval 28 day or date_after < date_local + interval 28 day then person_key
        end,
        is_bought
),

ended as (
    select
        d.date_local,
        g.origin,
        g.state,
        g.age_days,
        g.person_key,
        g.is_bought,
        g.people,
        g.held_amount,
        g.held_people
    from day as d
    inner join end_group as g on g.date_local <= d.date_local and g.date_local > d.date_local - interval 28 day
),

age as (
    select distinct age_days from waiting
    union
    select distinct age_days from ended
),

age_band as (
    select
        age_days,
        case
            when age_days <= 6 then '00-06'
            when age_days <= 13 then '07-13'
            when age_days <= 29 then '14-29'
            when age_days <= 59 then '30-59'
            else '60-89'
        end as age_band
    from age
),

band as (
    select
        w.date_local,
        w.origin,
        w.state,
        b.age_band,
        sum(w.people) as people,
        sum(case when w.age_days >= $potential_days - 7 then w.people else 0 end) as expiring_people,
        sum(w.cart_amount) as cart_amount,
        sum(w.list_amount) as list_amount,
        sum(w.items_without_amount) as items_without_amount,
        sum(w.cart_people) as cart_people,
        sum(w.list_people) as list_people,
        sum(w.unvalued_people) as unvalued_people
    from waiting as w
    inner join age_band as b on b.age_days = w.age_days
    group by w.date_local, w.origin, w.state, b.age_band
),

-- Ages of fewer than five people are put together, with the next larger ones until five are, so that none can be had by
-- subtraction.
sized as (
    select
        *,
        coalesce(
            sum(people) over (
                partition by date_local, origin, state
                order by people, age_band
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as people_before
    from band
),

shown as (
    select
        *,
        case when people < 5 or people_before between 1 and 4 then '(few)' else age_band end as shown_band
    from sized
),

stock as (
    select
        date_local,
        origin,
        state,
        shown_band as age_band,
        sum(people) as people,
        sum(expiring_people) as expiring_people,
        sum(cart_amount) as cart_amount,
        sum(list_amount) as list_amount,
        sum(items_without_amount) as items_without_amount,
        sum(cart_people) as cart_people,
        sum(list_people) as list_people,
        sum(unvalued_people) as unvalued_people
    from shown
    group by date_local, origin, state, shown_band
),

flow as (
    select
        e.date_local,
        e.origin,
        e.state,
        coalesce(s.shown_band, b.age_band) as age_band,
        count(distinct case when e.is_bought then e.person_key end)
        + coalesce(sum(e.people) filter (where e.is_bought and e.person_key is null), 0) as bought_people,
        count(distinct case when not e.is_bought then e.person_key end)
        + coalesce(sum(e.people) filter (where not e.is_bought and e.person_key is null), 0) as lapsed_people,
        sum(e.held_amount) filter (where not e.is_bought) as lapsed_amount,
        count(distinct case when not e.is_bought and e.held_people > 0 then e.person_key end)
        + coalesce(sum(e.held_people) filter (where not e.is_bought and e.person_key is null), 0) as lapsed_held_people
    from ended as e
    inner join age_band as b on b.age_days = e.age_days
    left join shown as s
        on s.date_local = e.date_local and s.origin = e.origin and s.state = e.state and s.age_band = b.age_band
    group by e.date_local, e.origin, e.state, coalesce(s.shown_band, b.age_band)
),

cell as (
    select
        date_local,
        origin,
        state,
        age_band
    from stock
    union
    select
        date_local,
        origin,
        state,
        age_band
    from flow
),

counted as (
    select
        c.date_local,
        c.origin,
        c.state,
        c.age_band,
        coalesce(s.people, 0) as people,
        coalesce(s.expiring_people, 0) as expiring_people,
        case when s.people > 0 then s.cart_amount else 0 end as cart_amount,
        case when s.people > 0 then s.list_amount else 0 end as list_amount,
        coalesce(s.items_without_amount, 0) as items_without_amount,
        coalesce(s.cart_people, 0) as cart_people,
        coalesce(s.list_people, 0) as list_people,
        coalesce(s.unvalued_people, 0) as unvalued_people,
        coalesce(f.bought_people, 0) as bought_people,
        coalesce(f.lapsed_people, 0) as lapsed_people,
        case when f.lapsed_people > 0 then f.lapsed_amount else 0 end as lapsed_amount,
        coalesce(f.lapsed_held_people, 0) as lapsed_held_people
    from cell as c
    left join stock as s
        on s.date_local = c.date_local and s.origin = c.origin and s.state = c.state and s.age_band = c.age_band
    left join flow as f
        on f.date_local = c.date_local and f.origin = c.origin and f.state = c.state and f.age_band = c.age_band
)

select
    date_local,
    origin,
    state,
    age_band,
    people between 1 and 4 as is_hidden,
    cast(case when people not between 1 and 4 then people end as bigint) as people,
    cast(
        case when people not between 1 and 4 and expiring_people not between 1 and 4 then expiring_people end as bigint
    ) as expiring_people,
    cast(
        case when people not between 1 and 4 and cart_people not between 1 and 4 then cart_amount end as decimal(18, 4)
    ) as cart_amount,
    cast(
        case when people not between 1 and 4 and list_people not between 1 and 4 then list_amount end as decimal(18, 4)
    ) as list_amount,
    cast(
        case when people not between 1 and 4 and unvalued_people not between 1 and 4 then items_without_amount end as bigint
    ) as items_without_amount,
    cast(case when bought_people not between 1 and 4 then bought_people end as bigint) as bought_people_28_days,
    cast(case when lapsed_people not between 1 and 4 then lapsed_people end as bigint) as lapsed_people_28_days,
    cast(
        case
            when lapsed_people not between 1 and 4 and lapsed_held_people not between 1 and 4 then lapsed_amount
        end as decimal(18, 4)
    ) as lapsed_amount_28_days,
    $shop_currency as currency
from counted
