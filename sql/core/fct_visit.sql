-- Grain: one row per visit before its channel is known: sessions cut from events, sessions as a vendor delivers them,
-- and the visit that the shop system itself recorded with an order. A session belongs to the day of its first event and
-- does not end at midnight: the window reads one day before (is an event the first?) and one after (how far did it run?).
-- Only a run of events that began before noon is cut at midnight, so that no session runs past its second day, no event
-- is left without a session, and every day can be built from its neighbours alone.
with event as (
    select
        source_system,
        property_id,
        event_key,
        event_name,
        event_ts,
        visitor_key,
        user_key,
        page_url,
        page_referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        vendor_session_id,
        device_type,
        country,
        engagement_seconds,
        -- The vendor's session id is used where there is one; else all events of the visitor are one stream.
        source_system || '|' || property_id || '|' || visitor_key || '|' || coalesce(vendor_session_id, '') as stream
    from staging.stg_web_event
    where
        event_date_local between $first_date - interval 1 day and $last_date + interval 1 day
        and visitor_key is not null
        and not coalesce(is_bot, false)
),

-- Windows cost by the width of their rows, so they get narrow ones of their own instead of those of `event`.
narrow as (
    select
        event_key,
        event_ts,
        event_date_local,
        vendor_session_id is not null as has_vendor_session,
        source_system || '|' || property_id || '|' || visitor_key || '|' || coalesce(vendor_session_id, '') as stream
    from staging.stg_web_event
    where
        event_date_local between $first_date - interval 1 day and $last_date + interval 1 day
        and visitor_key is not null
        and not coalesce(is_bot, false)
),

step as (
    select
        event_key,
        stream,
        event_ts,
        event_date_local,
        has_vendor_session,
        lag(event_ts) over (partition by stream order by event_ts, event_key) as previous_ts,
        lag(event_date_local) over (partition by stream order by event_ts, event_key) as previous_date_local
    from narrow
),

gap_start as (
    select
        stream,
        event_ts,
        event_key
    from step
    where
        previous_ts is null
        or date_diff('microsecond', previous_ts, event_ts) / 1000000.0
        > case when has_vendor_session then $vendor_session_gap_seconds else $session_gap_seconds end
),

-- A run of events that began before noon of the day before is cut at midnight. Few events are the first after midnight.
midnight_start as (
    select
        s.stream,
        s.event_ts,
        s.event_key
    from step as s
    inner join gap_start as g on g.stream = s.stream and g.event_ts <= s.event_ts
    where s.event_date_local <> s.previous_date_local
    group by s.stream, s.event_ts, s.event_key, s.previous_date_local
    having
        extract(hour from max(g.event_ts) at time zone $time_zone) < 12
        or cast(max(g.event_ts) at time zone $time_zone as date) < s.previous_date_local
),

any_start as (
    select
        stream,
        event_ts,
        event_key
    from gap_start
    union all
    select
        stream,
        event_ts,
        event_key
    from midnight_start
),

start as (
    select
        stream,
        event_ts as start_ts,
        min(event_key) as start_event_key,
        lead(event_ts) over (partition by stream order by event_ts) as next_start_ts
    from any_start
    group by stream, event_ts
),

session as (
    select
        s.stream,
        s.start_ts,
        min(s.start_event_key) as start_event_key,
        min(e.source_system) as source_system,
        min(e.property_id) as property_id,
        min(e.visitor_key) as visitor_key,
        max(e.user_key) as user_key,
        min(e.vendor_session_id) as vendor_session_id,
        max(e.event_ts) as end_ts,
        count(*) as events,
        count(*) filter (where e.event_name = 'page_view') as pageviews,
        count(*) filter (where e.event_name = 'view_item') as item_views,
        count(*) filter (where e.event_name = 'add_to_cart') as cart_events,
        count(*) filter (where e.event_name in ('purchase', 'sign_up')) as key_events,
        -- Whole milliseconds: the last digits of a sum of doubles depend on the order of the rows.
        sum(cast(round(e.engagement_seconds * 1000) as bigint)) / 1000.0 as engagement_seconds,
        max(e.device_type) as device_type,
        max(e.country) as country,
        -- The landing page is the first page view; a hit without one still tells where it was.
        arg_min(e.event_key, (case when e.event_name = 'page_view' then 0 else 1 end, e.event_ts, e.event_key))
        filter (where e.page_url is not null) as landing_event_key
    from start as s
    inner join event as e
        on
            e.stream = s.stream
            and e.event_ts >= s.start_ts
            and (s.next_start_ts is null or e.event_ts < s.next_start_ts)
    where s.start_ts >= $partition_start and s.start_ts < $partition_end
    group by s.stream, s.start_ts
),

from_events as (
    select
        md5(s.stream || '|' || s.start_event_key) as visit_key,
        'session' as visit_kind,
        s.source_system,
        s.property_id,
        s.visitor_key,
        s.user_key,
        s.vendor_session_id,
        cast(null as varchar) as order_key,
        s.start_ts,
        s.end_ts,
        cast(s.start_ts at time zone $time_zone as date) as session_date_local,
        l.page_url as landing_url,
        l.page_referrer,
        l.utm_source,
        l.utm_medium,
        l.utm_campaign,
        l.utm_content,
        l.utm_term,
        cast(null as varchar) as vendor_channel,
        s.events,
        s.pageviews,
        s.item_views,
        s.cart_events,
        s.key_events,
        date_diff('microsecond', s.start_ts, s.end_ts) / 1000000.0 as duration_seconds,
        s.engagement_seconds,
        cast(null as varchar) as order_ref,
        cast(null as bigint) as vendor_transactions,
        cast(null as decimal(18, 4)) as vendor_revenue_amount,
        s.device_type,
        s.country
    from session as s
    left join event as l on l.event_key = s.landing_event_key and l.stream = s.stream
),

item_revenue as (
    select
        source_system,
        property_id,
        session_id,
        sum(revenue_amount) as revenue_amount
    from staging.stg_web_session_item
    where session_date_local between $first_date and $last_date
    group by source_system, property_id, session_id
),

from_sessions as (
    select
        md5(v.source_system || '|' || v.property_id || '|' || v.session_id) as visit_key,
        'session' as visit_kind,
        v.source_system,
        v.property_id,
        v.visitor_key,
        v.user_key,
        v.session_id as vendor_session_id,
        cast(null as varchar) as order_key,
        v.start_ts,
        v.start_ts + interval 1 second * cast(coalesce(v.duration_seconds, 0) as bigint) as end_ts,
        v.session_date_local,
        v.landing_url,
        v.page_referrer,
        v.utm_source,
        v.utm_medium,
        v.utm_campaign,
        v.utm_content,
        v.utm_term,
        v.vendor_channel,
        v.events,
        v.pageviews,
        cast(null as bigint) as item_views,
        cast(null as bigint) as cart_events,
        v.transactions as key_events,
        v.duration_seconds,
        cast(null as double) as engagement_seconds,
        v.order_ref,
        v.transactions as vendor_transactions,
        cast(coalesce(v.revenue_amount, i.revenue_amount) as decimal(18, 4)) as vendor_revenue_amount,
        v.device_type,
        v.country
    from staging.stg_web_session as v
    left join item_revenue as i
        on i.source_system = v.source_system and i.property_id = v.property_id and i.session_id = v.session_id
    where v.session_date_local between $first_date and $last_date and not coalesce(v.is_bot, false)
),

-- The shop system's own record of the buying visit goes through the same channel rules as every other visit.
from_orders as (
    select
        md5('order|' || o.source_system || '|' || o.store_id || '|' || o.order_id) as visit_key,
        'order_attribution' as visit_kind,
        o.source_system,
        o.store_id as property_id,
        cast(null as varchar) as visitor_key,
        o.user_key,
        cast(null as varchar) as vendor_session_id,
        o.source_system || '|' || o.store_id || '|' || o.order_id as order_key,
        -- The start is the browser's word; it cannot be later than the order.
        least(coalesce(o.session_start_ts, o.created_ts), o.created_ts) as start_ts,
        o.created_ts as end_ts,
        o.order_date_local as session_date_local,
        o.landing_url,
        o.page_referrer,
        o.utm_source,
        o.utm_medium,
        o.utm_campaign,
        o.utm_content,
        o.utm_term,
        cast(null as varchar) as vendor_channel,
        cast(null as bigint) as events,
        cast(null as bigint) as pageviews,
        cast(null as bigint) as item_views,
        cast(null as bigint) as cart_events,
        cast(null as bigint) as key_events,
        cast(null as double) as duration_seconds,
        cast(null as double) as engagement_seconds,
        coalesce(o.order_number, o.order_id) as order_ref,
        cast(null as bigint) as vendor_transactions,
        cast(null as decimal(18, 4)) as vendor_revenue_amount,
        cast(null as varchar) as device_type,
        o.country
    from staging.stg_shop_order as o
    where
        o.order_date_local between $first_date and $last_date
        -- admin and mobile_app say that there was no visit to the site.
        and coalesce(o.attribution_source_type, '') not in ('admin', 'mobile_app')
        and coalesce(o.landing_url, o.page_referrer, o.utm_source, o.attribution_source_type) is not null
)

select * from from_events
union all
select * from from_sessions
union all
select * from from_orders
