-- Grain: one row per person and day on which a sign was given or the wait ended without one: the history of who may buy.
-- The state after a day is what the signs of the last potential_days say: bought, when nothing came after the purchase; else
-- intent, when a product was viewed, saved or put into the cart, or something subscribed to; else engaged. Whoever gives no
-- sign for so many days has lapsed. So a day needs no state that was stored before it, only who gave a sign then or as
-- long before as a wait lasts. A wait ends on a day of the calendar of feeds: days of which no feed has a row are not built.
with closing_day as (
    select
        date_local,
        -- What fell due on silent days is told on the next day, after a silence of up to a month.
        greatest(
            coalesce(lag(date_local) over (order by date_local), cast(date_local - interval 31 day as date)),
            cast(date_local - interval 31 day as date)
        ) as day_before
    from core.dim_date
    where date_local between $first_date - interval 31 day and $last_date
),

concerned as (
    select distinct person_key
    from core.fct_interest_sign
    where
        sign_date_local between $first_date and $last_date
        or sign_date_local between
        $first_date - interval ($potential_days + 31) day and $last_date - interval ($potential_days) day
),

sign as (
    select
        s.person_key,
        s.sign_date_local,
        date_diff('day', date '2000-01-01', s.sign_date_local) as day_number,
        s.sign,
        s.subject,
        s.last_ts,
        s.is_social,
        s.value_amount
    from core.fct_interest_sign as s
    inner join concerned as c on c.person_key = s.person_key
    where s.sign_date_local between $first_date - interval (2 * $potential_days + 31) day and $last_date
),

person_day as (
    select
        person_key,
        sign_date_local,
        day_number,
        max(last_ts) filter (where sign = 'bought') as bought_ts,
        max(last_ts) filter (where sign = 'cart') as cart_ts,
        max(last_ts) filter (where sign = 'save') as save_ts,
        max(last_ts) filter (where sign = 'subscription') as subscription_ts,
        max(last_ts) filter (where sign = 'view') as view_ts,
        max(last_ts) filter (where sign = 'engaged') as engaged_ts,
        max(case when is_social then 1 else 0 end) as social,
        count(*) filter (where sign = 'bought') as orders
    from sign
    group by person_key, sign_date_local, day_number
),

remembered as (
    select
        person_key,
        sign_date_local,
        orders,
        max(bought_ts) over recent as bought_ts,
        max(cart_ts) over recent as cart_ts,
        max(save_ts) over recent as save_ts,
        max(subscription_ts) over recent as subscription_ts,
        max(view_ts) over recent as view_ts,
        max(engaged_ts) over recent as engaged_ts,
        max(social) over recent = 1 as is_social
    from person_day
    window recent as (
        partition by person_key order by day_number range between $potential_days preceding and current row
    )
),

-- The strongest sign since the last purchase decides.
reasoned as (
    select
        person_key,
        sign_date_local,
        orders,
        bought_ts,
        is_social,
        case
            when cart_ts > bought_ts or (cart_ts is not null and bought_ts is null) then 'cart'
            when save_ts > bought_ts or (save_ts is not null and bought_ts is null) then 'save'
            when subscription_ts > bought_ts or (subscription_ts is not null and bought_ts is null) then 'subscription'
            when view_ts > bought_ts or (view_ts is not null and bought_ts is null) then 'view'
            when engaged_ts > bought_ts or bought_ts is null then 'engaged'
            else 'bought'
        end as reason
    from remembered
),

stated as (
    select
        *,
        case when reason in ('engaged', 'bought') then reason else 'intent' end as state
    from reasoned
),

ordered as (
    select
        *,
        lag(state) over (partition by person_key order by sign_date_local) as last_state,
        lag(sign_date_local) over (partition by person_key order by sign_date_local) as last_date,
        lead(sign_date_local) over (partition by person_key order by sign_date_local) as next_date
    from stated
),

-- What stood in cart and list after a day with a sign: put there since the last purchase, each product once, in the cart before the list.
held as (
    select
        o.person_key,
        o.sign_date_local,
        i.sign,
        i.value_amount,
        row_number() over (
            partition by o.person_key, o.sign_date_local, i.subject
            order by i.sign asc, i.sign_date_local desc
        ) as position
    from ordered as o
    inner join sign as i
        on
            i.person_key = o.person_key
            and i.sign in ('cart', 'save')
            and i.subject <> ''
            and i.sign_date_local between o.sign_date_local - interval ($potential_days) day and o.sign_date_local
            and (o.bought_ts is null or i.last_ts > o.bought_ts)
    where o.sign_date_local >= $first_date - interval ($potential_days + 31) day and o.state = 'intent'
),

basket as (
    select
        person_key,
        sign_date_local,
        count(*) filter (where sign = 'cart') as cart_items,
        count(*) filter (where sign = 'save') as list_items,
        count(*) - count(value_amount) as items_without_amount,
        -- Unknown where there are products and none has an amount.
        case
            when count(*) filter (where sign = 'cart') = 0 then 0
            else sum(value_amount) filter (where sign = 'cart')
        end as cart_amount,
        case
            when count(*) filter (where sign = 'save') = 0 then 0
            else sum(value_amount) filter (where sign = 'save')
        end as list_amount
    from held
    where position = 1
    group by person_key, sign_date_local
),

change as (
    select
        person_key,
        sign_date_local as date_local,
        sign_date_local,
        state,
        reason,
        case when date_diff('day', last_date, sign_date_local) <= $potential_days then last_state end as previous_state,
        case when date_diff('day', last_date, sign_date_local) <= $potential_days then last_date end as previous_date_local,
        is_social,
        orders
    from ordered
    where sign_date_local >= $first_date
    union all
    -- Who comes back on the very day on which it would be told has not lapsed.
    select
        o.person_key,
        d.date_local,
        o.sign_date_local,
        'lapsed' as state,
        'no_sign' as reason,
        o.state as previous_state,
        o.sign_date_local as previous_date_local,
        o.is_social,
        0 as orders
    from ordered as o
    inner join closing_day as d
        on
            o.sign_date_local > d.day_before - interval ($potential_days) day
            and o.sign_date_local <= d.date_local - interval ($potential_days) day
    where
        o.state <> 'bought'
        and d.date_local >= $first_date
        and (o.next_date is null or o.next_date > d.date_local)
)

select
    c.person_key,
    c.date_local,
    c.state,
    c.reason,
    c.previous_state,
    c.previous_date_local,
    case when c.state in ('engaged', 'intent') then cast(c.date_local + interval ($potential_days) day as date) end as lapses_on,
    c.is_social,
    c.orders,
    coalesce(b.cart_items, 0) as cart_items,
    coalesce(b.list_items, 0) as list_items,
    coalesce(b.items_without_amount, 0) as items_without_amount,
    cast(case when b.person_key is null then 0 else b.cart_amount end as decimal(18, 4)) as cart_amount,
    cast(case when b.person_key is null then 0 else b.list_amount end as decimal(18, 4)) as list_amount
from change as c
left join basket as b on b.person_key = c.person_key and b.sign_date_local = c.sign_date_local
