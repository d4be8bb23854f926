-- Grain: one row per person, day, kind of sign and product (or order): what shows that somebody may buy, or has bought.
-- A person is a visitor, or a member whom the communities or the shop know; who is both counts as two until they buy.
with visit_sign as (
    select
        visitor_key as person_key,
        session_date_local as sign_date_local,
        'engaged' as sign,
        '' as subject,
        start_ts as sign_ts,
        network is not null as is_social,
        cast(null as decimal(18, 4)) as value_amount
    from core.fct_session
    where
        session_date_local between $first_date and $last_date
        and visit_kind = 'session'
        and visitor_key is not null
        and is_engaged
        and not coalesce(is_referrer_spam, false)
),

priced_item as (
    select
        i.source_system,
        i.property_id,
        i.event_key,
        i.item_no,
        -- An event without a quantity is of one piece; amounts without a currency are in the shop's.
        cast(
            coalesce(i.quantity, 1) * i.unit_price_amount
            * case when coalesce(e.currency, $shop_currency) = $shop_currency then 1 else x.rate end as decimal(18, 4)
        ) as value_amount
    from staging.stg_web_event_item as i
    inner join staging.stg_web_event as e
        on
            e.source_system = i.source_system
            and e.property_id = i.property_id
            and e.event_key = i.event_key
            and e.event_date_local between $first_date and $last_date
            -- What was only looked at has no amount.
            and e.event_name in ('add_to_wishlist', 'add_to_cart')
    left join core.fct_exchange_rate as x on x.date_local = i.event_date_local and x.currency = e.currency
    where i.event_date_local between $first_date and $last_date
),

item_sign as (
    select
        i.visitor_key as person_key,
        i.event_date_local as sign_date_local,
        case i.event_name when 'add_to_cart' then 'cart' when 'add_to_wishlist' then 'save' else 'view' end as sign,
        i.sku as subject,
        i.event_ts as sign_ts,
        s.network is not null and not coalesce(s.is_referrer_spam, false) as is_social,
        case when i.event_name <> 'view_item' then p.value_amount end as value_amount
    from core.fct_item_event as i
    left join priced_item as p
        on
            p.source_system = i.source_system
            and p.property_id = i.property_id
            and p.event_key = i.event_key
            and p.item_no = i.item_no
    left join core.fct_session as s
        on
            s.session_key = i.session_key
            and s.session_date_local between $first_date - interval 1 day and $last_date
    where i.event_date_local between $first_date and $last_date
),

sign_up as (
    select
        visitor_key as person_key,
        event_date_local as sign_date_local,
        'subscription' as sign,
        '' as subject,
        event_ts as sign_ts,
        false as is_social,
        cast(null as decimal(18, 4)) as value_amount
    from staging.stg_web_event
    where
        event_date_local between $first_date and $last_date
        and event_name = 'sign_up'
        and visitor_key is not null
        and not coalesce(is_bot, false)
),

-- Accounts of two networks may have one number and be two people.
-- What a member saves is a post; which of its products was meant, and what it is worth, nobody says.
member_sign as (
    select
        coalesce(a.customer_key, a.network || ':' || a.member_key) as person_key,
        a.activity_date_local as sign_date_local,
        case a.action when 'save' then 'save' when 'join' then 'subscription' else 'engaged' end as sign,
        '' as subject,
        a.occurred_ts as sign_ts,
        true as is_social,
        cast(null as decimal(18, 4)) as value_amount
    from core.fct_member_action as a
    inner join core.dim_community as c on c.network = a.network and c.community_id = a.community_id and c.is_own
    where
        a.activity_date_local between $first_date and $last_date
        and a.member_key is not null
        and a.action <> 'leave'
),

-- The visit that ended in the order is over with it: what else was looked at in it is no new interest.
closed as (
    select
        o.order_key,
        o.order_date_local,
        o.customer_key,
        greatest(o.created_ts, coalesce(b.bought_ts, o.created_ts), coalesce(s.end_ts, o.created_ts)) as sign_ts
    from core.fct_order as o
    left join core.brg_order_session as b
        on b.order_key = o.order_key and b.order_date_local = o.order_date_local and b.is_chosen
    left join core.fct_session as s
        on
            s.session_key = b.session_key
            and s.session_date_local between $first_date - interval 2 day and $last_date + interval 1 day
    where o.order_date_local between $first_date and $last_date and o.is_countable
),

buyer as (
    select
        c.order_key,
        c.order_date_local,
        c.sign_ts,
        v.visitor_key as person_key
    from closed as c
    inner join core.brg_order_visitor as v on v.order_key = c.order_key and v.order_date_local = c.order_date_local
    union
    select
        order_key,
        order_date_local,
        sign_ts,
        customer_key as person_key
    from closed
    where customer_key is not null
),

found as (
    select * from visit_sign
    union all
    select * from item_sign
    union all
    select * from sign_up
    union all
    select * from member_sign
    union all
    select
        person_key,
        order_date_local as sign_date_local,
        'bought' as sign,
        order_key as subject,
        sign_ts,
        false as is_social,
        cast(null as decimal(18, 4)) as value_amount
    from buyer
)

select
    person_key,
    sign_date_local,
    sign,
    subject,
    max(sign_ts) as last_ts,
    max(case when is_social then 1 else 0 end) = 1 as is_social,
    -- The latest one says what is in the cart; of two of one instant the dearer.
    case
        when count(value_amount) > 0
            then arg_max(value_amount, (sign_ts, value_amount)) filter (where value_amount is not null)
    end as value_amount
from found
group by person_key, sign_date_local, sign, subject
