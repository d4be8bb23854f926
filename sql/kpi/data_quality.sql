-- Grain: one row per day, subject and metric: how much of the input could be used, as numerator over denominator.
with shop_order as (
    select
        order_date_local as date_local,
        count(*) as orders,
        count(*) filter (where is_countable) as countable_orders,
        count(*) filter (where is_countable and gross_revenue_amount is null) as orders_without_amount,
        count(*) filter (where is_countable and margin_amount is null) as orders_without_margin,
        count(*) filter (where is_countable and is_marketplace) as marketplace_orders,
        count(*) filter (where is_countable and currency <> $shop_currency) as foreign_orders,
        count(*) filter (where is_countable and is_rate_missing) as orders_without_rate
    from core.fct_order
    where order_date_local between $first_date and $last_date
    group by order_date_local
),

refund as (
    select
        refund_date_local as date_local,
        count(*) filter (where currency <> $shop_currency) as foreign_refunds,
        count(*) filter (where is_rate_missing) as refunds_without_rate
    from core.fct_refund
    where refund_date_local between $first_date and $last_date and is_countable
    group by refund_date_local
),

matched_order as (
    select
        o.order_date_local as date_local,
        coalesce(b.method, 'none') as method
    from core.fct_order as o
    left join core.brg_order_session as b
        on b.order_key = o.order_key and b.is_chosen and b.order_date_local between $first_date and $last_date
    where o.order_date_local between $first_date and $last_date and o.is_countable
),

method as (
    select 'order_ref' as method
    union all
    select 'visit_order_ref' as method
    union all
    select 'order_attribution' as method
    union all
    select 'customer_window' as method
    union all
    select 'none' as method
),

-- Every way on every day, so that shares over a period have the period's orders below the line.
matched as (
    select
        o.date_local,
        m.method,
        count(x.method) as orders
    from shop_order as o
    cross join method as m
    left join matched_order as x on x.date_local = o.date_local and x.method = m.method
    group by o.date_local, m.method
),

-- The order's own note against the channel of the visit found by number.
disagreement as (
    select
        o.order_date_local as date_local,
        count(*) as both_known,
        count(*) filter (where s.channel <> n.channel) as disagreeing
    from core.fct_order as o
    inner join core.brg_order_session as b
        on
            b.order_key = o.order_key
            and b.method in ('order_ref', 'visit_order_ref')
            and b.is_chosen
            and b.order_date_local between $first_date and $last_date
    inner join core.fct_session as s
        on
            s.session_key = b.session_key
            and s.session_date_local between $first_date - interval 3 day and $last_date + interval 1 day
            and not coalesce(s.is_referrer_spam, false)
    inner join core.fct_session as n
        on
            n.order_key = o.order_key
            and n.visit_kind = 'order_attribution'
            and n.session_date_local between $first_date and $last_date
            and not coalesce(n.is_referrer_spam, false)
    where o.order_date_local between $first_date and $last_date and o.is_countable
    group by o.order_date_local
),

-- Spam is counted here and nowhere else.
visit as (
    select
        session_date_local as date_local,
        count(*) as visits,
        count(*) filter (where is_referrer_spam) as spam_visits,
        count(*) filter (where not coalesce(is_referrer_spam, false)) as sessions,
        count(*) filter (where channel = 'Unassigned') as unassigned_sessions,
        count(*) filter (where channel = 'Direct') as direct_sessions,
        -- Nobody types the address of a product: a bookmark, or a link of an app or a messenger that tells no referrer.
        count(*) filter (where channel = 'Direct' and landing_section in ('product', 'category', 'content')) as deep_direct_sessions,
        count(*) filter (where network is not null) as social_sessions,
        count(*) filter (where network is not null and community_id is null) as social_without_community
    from core.fct_session
    where session_date_local between $first_date and $last_date and visit_kind = 'session'
    group by session_date_local
),

-- Orders of devices and of accounts that many use, and members who are said to be many customers: neither tells who is who.
identity as (
    select
        order_date_local as date_local,
        count(distinct order_key) as identified_orders,
        count(distinct case when only_session_key is not null then order_key end) as orders_on_shared_devices
    from core.brg_order_visitor
    where order_date_local between $first_date and $last_date
    group by order_date_local
),

account as (
    select
        o.order_date_local as date_local,
        count(*) as account_orders,
        count(s.user_key) as orders_of_shared_accounts
    from core.fct_order as o
    left join core.brg_shared_account as s
        on
            s.user_key = o.user_key
            and s.date_local = o.order_date_local
            and s.date_local between $first_date and $last_date
    where o.order_date_local between $first_date and $last_date and o.user_key is not null
    group by o.order_date_local
),

member as (
    select
        link_date_local as date_local,
        count(*) as links,
        count(*) filter (where confidence = 'shared') as shared_links
    from core.brg_customer_member
    where link_date_local between $first_date and $last_date
    group by link_date_local
),

event as (
    select
        event_date_local as date_local,
        events,
        events_without_visitor,
        bot_events
    from core.fct_event_day
    where event_date_local between $first_date and $last_date
),

feed_arrival as (
    select
        feed,
        date_local,
        given_rows,
        late_rows,
        restated_rows
    from core.fct_feed_arrival
    where date_local between $first_date and $last_date
),

-- Days of feeds; what comes later tells nothing of a day.
given as (
    select
        feed,
        date_local
    from core.fct_feed_day
    where date_local <= $last_date
),

given_day as (
    select distinct date_local
    from given
    where date_local >= $first_date
),

-- What was known of each feed on each day.
feed_state as (
    select
        d.date_local,
        g.feed,
        min(g.date_local) as first_date_local,
        max(g.date_local) as last_date_local
    from given_day as d
    inner join given as g on g.date_local <= d.date_local
    group by d.date_local, g.feed
),

-- Only a daily feed is missed: one with three days or more that gave something on at least half of the fourteen days up to
-- its last, or of all its days where it is younger. So it stays missed for as long as it is silent.
daily_feed as (
    select
        f.date_local,
        f.feed,
        f.last_date_local
    from feed_state as f
    inner join given as g
        on
            g.feed = f.feed
            and g.date_local between f.last_date_local - interval 13 day and f.last_date_local
    group by f.date_local, f.feed, f.first_date_local, f.last_date_local
    having
        count(*) >= 3
        and count(*) * 2 >= least(date_diff('day', f.first_date_local, f.last_date_local) + 1, 14)
),

measured as (
    select date_local, 'orders' as subject, 'countable_share' as metric, countable_orders as numerator, orders as denominator
    from shop_order
    union all
    select date_local, 'orders', 'without_amount_share', orders_without_amount, countable_orders from shop_order
    union all
    -- One of them leaves its cell, and a month's ROMI, without a margin.
    select date_local, 'orders', 'without_margin_share', orders_without_margin, countable_orders from shop_order
    union all
    select date_local, 'orders', 'marketplace_share', marketplace_orders, countable_orders from shop_order
    union all
    -- Of amounts in other currencies; shops without any are not told of them every day.
    select date_local, 'orders', 'missing_rate_share', orders_without_rate, foreign_orders from shop_order
    where foreign_orders > 0
    union all
    select date_local, 'refunds', 'missing_rate_share', refunds_without_rate, foreign_refunds from refund
    where foreign_refunds > 0
    union all
    select m.date_local, 'order_to_visit', 'matched_by_' || m.method || '_share', m.orders, o.countable_orders
    from matched as m
    inner join shop_order as o on o.date_local = m.date_local
    union all
    select date_local, 'order_to_visit', 'channel_disagreement_share', disagreeing, both_known from disagreement
    union all
    select date_local, 'identity', 'shared_device_share', orders_on_shared_devices, identified_orders from identity
    union all
    select date_local, 'identity', 'shared_account_share', orders_of_shared_accounts, account_orders from account
    union all
    select date_local, 'identity', 'shared_member_share', shared_links, links from member
    union all
    select date_local, 'sessions', 'referrer_spam_share', spam_visits, visits from visit
    union all
    select date_local, 'sessions', 'unassigned_share', unassigned_sessions, sessions from visit
    union all
    select date_local, 'sessions', 'dark_social_at_most_share', deep_direct_sessions, direct_sessions from visit
    union all
    select date_local, 'sessions', 'social_without_community_share', social_without_community, social_sessions from visit
    union all
    select date_local, 'events', 'without_visitor_share', events_without_visitor, events from event
    union all
    select date_local, 'events', 'bot_share', bot_events, events from event
    union all
    select
        date_local,
        'feed:' || feed,
        'silent_share',
        cast(case when last_date_local < date_local - interval 3 day then 1 else 0 end as bigint),
        cast(1 as bigint)
    from daily_feed
    union all
    -- Of every feed, daily or not. A row may be both: it came late, and with another content later still.
    select date_local, 'feed:' || feed, 'late_share', late_rows, given_rows from feed_arrival
    union all
    select date_local, 'feed:' || feed, 'restated_share', restated_rows, given_rows from feed_arrival
)

select
    date_local,
    subject,
    metric,
    numerator,
    denominator,
    numerator / nullif(cast(denominator as double), 0) as value
from measured
