-- Grain: one row per newsletter, other mailing or offline event, with what it reached and what came of it in the days after.
with last_day as (
    select max(date_local) as date_local
    from core.dim_date
),

event as (
    select
        e.*,
        e.event_date_local > d.date_local as is_planned
    from core.fct_campaign_event as e
    cross join last_day as d
),

-- Recipients by what they did, for services that send actions and no counts.
response as (
    select
        source_system,
        event_id,
        count(distinct case when action = 'sent' then recipient_key end) as sent,
        count(distinct case when action = 'open' then recipient_key end) as opened,
        count(distinct case when action = 'click' then recipient_key end) as clicked,
        count(distinct case when action = 'unsubscribe' then recipient_key end) as unsubscribed,
        count(distinct case when action = 'bounce' then recipient_key end) as bounced,
        count(distinct case when action = 'complain' then recipient_key end) as complained,
        count(distinct customer_key) as known_customers
    from core.fct_campaign_activity
    group by source_system, event_id
),

-- Mailings share a tag as often as not: a visit belongs to the latest that was sent before it.
visit as (
    select
        s.session_key,
        s.is_engaged,
        e.source_system,
        e.event_id,
        e.start_ts,
        row_number() over (
            partition by s.session_key order by e.start_ts desc, e.source_system asc, e.event_id asc
        ) as position
    from core.fct_session as s
    inner join event as e
        on
            e.campaign = lower(s.campaign)
            and s.start_ts >= e.start_ts
            and s.start_ts < e.start_ts + interval ($campaign_days) day
    where s.campaign is not null and s.visit_kind = 'session' and not coalesce(s.is_referrer_spam, false)
),

visited as (
    select
        source_system,
        event_id,
        count(*) as sessions,
        count(*) filter (where is_engaged) as engaged_sessions
    from visit
    where position = 1
    group by source_system, event_id
),

-- An order is the mailing's whose visit it is matched to, by whatever method; else that of the last click of the same customer.
led as (
    select
        b.order_key,
        v.source_system,
        v.event_id,
        1 as rank_of_reason,
        v.start_ts as moment
    from core.brg_order_session as b
    inner join visit as v on v.session_key = b.session_key and v.position = 1
    where b.is_chosen
    union all
    select
        o.order_key,
        e.source_system,
        e.event_id,
        2 as rank_of_reason,
        a.occurred_ts as moment
    from core.fct_campaign_activity as a
    inner join event as e on e.source_system = a.source_system and e.event_id = a.event_id
    inner join core.fct_order as o
        on
            o.customer_key = a.customer_key
            and o.created_ts >= a.occurred_ts
            and o.created_ts < e.start_ts + interval ($campaign_days) day
    where a.action = 'click'
),

credited as (
    select
        *,
        row_number() over (
            partition by order_key order by rank_of_reason asc, moment desc, source_system asc, event_id asc
        ) as position
    from led
),

sold as (
    select
        c.source_system,
        c.event_id,
        count(*) as orders,
        count(*) - count(o.net_revenue_amount) as orders_without_amount,
        count(*) filter (where o.is_first_order) as new_customers,
        sum(o.net_revenue_amount) as net_revenue_amount,
        case when count(o.margin_amount) = count(*) then sum(o.margin_amount) end as margin_amount
    from credited as c
    inner join core.fct_order as o on o.order_key = c.order_key
    where c.position = 1 and o.is_countable
    group by c.source_system, c.event_id
),

measured as (
    select
        e.source_system,
        e.event_id,
        e.kind,
        e.name,
        e.place,
        e.audience,
        e.campaign,
        e.start_ts,
        e.event_date_local,
        e.is_planned,
        date_diff('day', e.event_date_local, d.date_local) >= $campaign_days as is_complete,
        -- Nothing of these can be followed without a tag or a customer who is known.
        not e.is_planned and e.campaign is not null as has_visits,
        not e.is_planned and (e.campaign is not null or r.known_customers > 0) as has_orders,
        coalesce(e.sent, case when r.sent > 0 then r.sent end) as sent,
        e.attended,
        coalesce(e.bounced, case when r.sent > 0 then r.bounced end) as bounced,
        coalesce(e.delivered, e.sent - e.bounced, case when r.sent > 0 then r.sent - r.bounced end) as delivered,
        coalesce(e.opened, r.opened) as opened,
        e.opened_without_proxies,
        coalesce(e.clicked, r.clicked) as clicked,
        coalesce(e.unsubscribed, r.unsubscribed) as unsubscribed,
        coalesce(e.complained, r.complained) as complained,
        v.sessions,
        v.engaged_sessions,
        s.orders,
        s.orders_without_amount,
        s.new_customers,
        s.net_revenue_amount,
        s.margin_amount,
        e.cost_base_amount
    from event as e
    cross join last_day as d
    left join response as r on r.source_system = e.source_system and r.event_id = e.event_id
    left join visited as v on v.source_system = e.source_system and v.event_id = e.event_id
    left join sold as s on s.source_system = e.source_system and s.event_id = e.event_id
),

told as (
    select
        *,
        case when has_visits then coalesce(sessions, 0) end as followed_sessions,
        case when has_visits then coalesce(engaged_sessions, 0) end as followed_engaged_sessions,
        case when has_orders then coalesce(orders, 0) end as followed_orders,
        case when has_orders then case when orders > 0 then net_revenue_amount else 0 end end as revenue_amount,
        case when has_orders then case when orders > 0 then margin_amount else 0 end end as known_margin_amount,
        -- What was bought online says nothing of an event without a link.
        case when kind = 'offline_event' then attended else delivered end as reached,
        -- A share of fewer than five recipients would tell what one of them did.
        case when delivered >= 5 then delivered end as shared_by
    from measured
)

select
    source_system,
    event_id,
    kind,
    name,
    place,
    audience,
    campaign,
    start_ts,
    event_date_local,
    is_planned,
    is_complete,
    sent,
    delivered,
    attended,
    reached,
    opened,
    opened_without_proxies,
    clicked,
    unsubscribed,
    bounced,
    complained,
    opened / nullif(cast(shared_by as double), 0) as open_share,
    clicked / nullif(cast(shared_by as double), 0) as click_share,
    unsubscribed / nullif(cast(shared_by as double), 0) as unsubscribe_share,
    followed_sessions as sessions,
    followed_engaged_sessions as engaged_sessions,
    followed_orders as orders,
    case when has_orders then coalesce(orders_without_amount, 0) end as orders_without_amount,
    case when has_orders then coalesce(new_customers, 0) end as new_customers,
    cast(revenue_amount as decimal(18, 4)) as net_revenue_amount,
    cast(known_margin_amount as decimal(18, 4)) as margin_amount,
    cast(cost_base_amount as decimal(18, 4)) as cost_amount,
    cast(cost_base_amount * 1000 / nullif(cast(reached as double), 0) as decimal(18, 4)) as cost_per_1000_reached_amount,
    cast(cost_base_amount / nullif(cast(followed_orders as double), 0) as decimal(18, 4)) as cost_per_order_amount,
    followed_orders * 1000 / nullif(cast(reached as double), 0) as orders_per_1000_reached,
    revenue_amount / nullif(cast(cost_base_amount as double), 0) as return_on_cost_ratio,
    (known_margin_amount - cost_base_amount) / nullif(cast(cost_base_amount as double), 0) as romi_on_margin_share,
    $shop_currency as currency
from told
