-- Grain: one row per visit before its channel is known: sessions cut from events, sessions as a vendor delivers them,
-- and the visit that the shop system itself recorded with an order. A session belongs to the day of its first event and
-- does not end at midnight: the window reads one day before (is an event the first?) and one after (how far did it run?).
-- Only a run of events that began before noon is cut at midnight, so that no session runs past its second day, no event
-- is left without a session, and every day can be built from its neighbours alone.
-- Where a vendor delivers the visits of a property's day, its events, and those of the day after that name one of them,
-- only tell what was done in them: no visit counts twice.
with delivered_day as (
    select distinct
        source_system,
        property_id,
        session_date_local
    from staging.stg_web_session
    where session_date_local between $first_date - interval 1 day and $last_date + interval 1 day
),

delivered_visit as (
    select source_system, property_id, session_id, session_date_local
    from staging.stg_web_session
    where session_date_local between $first_date - interval 2 day and $last_date
),

event as (
    select
        e.source_system,
        e.property_id,
        e.event_key,
        e.event_name,
        e.event_ts,
        e.event_date_local,
        e.visitor_key,
        e.user_key,
        -- The landing page is the first page view; a hit without one still tells where it was.
        case when e.page_url is null then null when e.event_name = 'page_view' then 0 else 1 end as page_rank,
        e.device_type,
        e.country,
        e.engagement_seconds,
        e.vendor_session_id,
        coalesce(e.vendor_session_id, '') as vendor_session
    from staging.stg_web_event as e
    left join delivered_day as d
        on
            d.source_system = e.source_system
            and d.property_id = e.property_id
            and d.session_date_local = e.event_date_local
    left join delivered_visit as n
        on
            n.source_system = e.source_system
            and n.property_id = e.property_id
            and n.session_id = e.vendor_session_id
            and n.session_date_local = e.event_date_local - interval 1 day
    where
        e.event_date_local between $first_date - interval 1 day and $last_date + interval 1 day
        and e.visitor_key is not null
        and not coalesce(e.is_bot, false)
        and d.source_system is null
        and n.source_system is null
),

-- The vendor's session id is used where there is one; else all events of the visitor are one stream. Windows cost by
-- the width of their rows, so a stream gets a number, and what only the landing event tells is joined at the end.
stream as (
    select
        source_system,
        property_id,
        visitor_key,
        vendor_session,
        max(vendor_session_id) as vendor_session_id,
        min(event_ts) as start_ts,
        date_diff('microsecond', min(event_ts), max(event_ts)) / 1000000.0
        <= case
            when max(vendor_session_id) is not null then $vendor_session_gap_seconds else $session_gap_seconds
        end as is_one_run,
        row_number() over (order by source_system, property_id, visitor_key, vendor_session) as stream_no
    from event
    group by source_system, property_id, visitor_key, vendor_session
),

step as (
    select
        s.stream_no,
        s.vendor_session_id is not null as has_vendor_session,
        e.event_key,
        e.event_ts,
        e.event_date_local,
        e.event_name,
        e.user_key,
        e.device_type,
        e.country,
        e.engagement_seconds,
        e.page_rank,
        lag(e.event_ts) over (partition by s.stream_no order by e.event_ts, e.event_key) as previous_ts
    from event as e
    inner join stream as s
        on
            s.source_system = e.source_system
            and s.property_id = e.property_id
            and s.visitor_key = e.visitor_key
            and s.vendor_session = e.vendor_session
    where not s.is_one_run
),

-- A run: events without a gap. Most streams are shorter than a gap, and need no look at each event and the one before it.
run as (
    select
        s.stream_no,
        e.event_key,
        e.event_ts,
        e.event_date_local,
        e.event_name,
        e.user_key,
        e.device_type,
        e.country,
        e.engagement_seconds,
        e.page_rank,
        s.start_ts as run_start_ts
    from event as e
    inner join stream as s
        on
            s.source_system = e.source_system
            and s.property_id = e.property_id
            and s.visitor_key = e.visitor_key
            and s.vendor_session = e.vendor_session
    where s.is_one_run
    union all
    select
        stream_no,
        event_key,
        event_ts,
        event_date_local,
        event_name,
        user_key,
        device_type,
        country,
        engagement_seconds,
        page_rank,
        max(
            case
                when
                    previous_ts is null
                    or date_diff('microsecond', previous_ts, event_ts) / 1000000.0
                    > case when has_vendor_session then $vendor_session_gap_seconds else $session_gap_seconds end
                    then event_ts
            end
        ) over (
            partition by stream_no order by event_ts, event_key rows between unbounded preceding and current row
        ) as run_start_ts
    from step
),

run_day as (
    select
        stream_no,
        run_start_ts,
        event_date_local,
        row_number() over (partition by stream_no, run_start_ts order by event_date_local) as day_no,
        min(event_ts) as start_ts,
        arg_min(event_key, (event_ts, event_key)) as start_event_key,
        max(event_ts) as end_ts,
        max(user_key) as user_key,
        count(*) as events,
        count(*) filter (where event_name = 'page_view') as pageviews,
        count(*) filter (where event_name = 'view_item') as item_views,
        count(*) filter (where event_name = 'add_to_cart') as cart_events,
        count(*) filter (where event_name in ('purchase', 'sign_up')) as key_events,
        -- Whole milliseconds: the last digits of a sum of doubles depend on the order of the rows.
        sum(cast(round(engagement_seconds * 1000) as bigint)) as engagement_ms,
        max(device_type) as device_type,
        max(country) as country,
        min(page_rank) as landing_rank,
        arg_min(event_key, (page_rank, event_ts, event_key)) filter (where page_rank is not null) as landing_event_key
    from run
    group by stream_no, run_start_ts, event_date_local
),

-- A run from the afternoon on is one session through its second day; all else is cut at midnight.
session as (
    select
        stream_no,
        min(start_ts) as start_ts,
        arg_min(start_event_key, (day_no, start_event_key)) as start_event_key,
        max(end_ts) as end_ts,
        max(user_key) as user_key,
        cast(sum(events) as bigint) as events,
        cast(sum(pageviews) as bigint) as pageviews,
        cast(sum(item_views) as bigint) as item_views,
        cast(sum(cart_events) as bigint) as cart_events,
        cast(sum(key_events) as bigint) as key_events,
        sum(engagement_ms) as engagement_ms,
        max(device_type) as device_type,
        max(country) as country,
        arg_min(landing_event_key, (landing_rank, day_no, landing_event_key))
        filter (where landing_event_key is not null) as landing_event_key
    from run_day
    group by
        stream_no,
        run_start_ts,
        case when day_no = 2 and extract(hour from run_start_ts at time zone $time_zone) >= 12 then 1 else day_no end
),

from_events as (
    select
        md5(
            t.source_system || '|' || t.property_id || '|' || t.visitor_key || '|' || t.vendor_session
            || '|' || s.start_event_key
        ) as visit_key,
        'session' as visit_kind,
        t.source_system,
        t.property_id,
        t.visitor_key,
        s.user_key,
        t.vendor_session_id,
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
        s.engagement_ms / 1000.0 as engagement_seconds,
        cast(null as varchar) as order_ref,
        cast(null as bigint) as vendor_transactions,
        cast(null as decimal(18, 4)) as vendor_revenue_amount,
        s.device_type,
        s.country
    from session as s
    inner join stream as t on t.stream_no = s.stream_no
    left join staging.stg_web_event as l
        on
            l.source_system = t.source_system
            and l.property_id = t.property_id
            and l.event_key = s.landing_event_key
            and l.event_date_local between $first_date - interval 1 day and $last_date + interval 1 day
    where s.start_ts >= $partition_start and s.start_ts < $partition_end
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
        -- Whatever a marketplace notes of its buyers was no visit to the shop's site.
        and not coalesce(o.is_marketplace, false)
        and coalesce(o.landing_url, o.page_referrer, o.utm_source, o.attribution_source_type) is not null
)

select * from from_events
union all
select * from from_sessions
union all
select * from from_orders
