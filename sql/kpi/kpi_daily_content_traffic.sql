-- Grain: one row per day, content page and kind of traffic (social or other) of the visits that landed on the page, with
-- what came of them later and the page's place in search results. A page has both rows on each of its days.
with visit as (
    select
        session_key,
        session_date_local,
        start_ts,
        visitor_key,
        case when network is not null then 'social' else 'other' end as traffic,
        landing_section,
        -- Paths may hold an address or a number of somebody.
        case
            when regexp_matches(lower(landing_path), '@|%40|[0-9]{7}') then '(hidden)'
            else regexp_replace(lower(landing_path), '/+$', '')
        end as page_path,
        pageviews,
        cart_events,
        duration_seconds,
        is_engaged,
        is_single_page,
        is_metrica_bounce
    from core.fct_session
    where
        session_date_local between $first_date and $last_date + interval ($content_later_days + 3) day
        and visit_kind = 'session'
        and not coalesce(is_referrer_spam, false)
),

-- What comes later is known of a day when visits are known of days past it.
visited_day as (
    select distinct session_date_local
    from visit
),

known_day as (
    select distinct d.session_date_local
    from visited_day as d
    inner join visited_day as l
        on
            l.session_date_local between d.session_date_local + interval ($content_later_days + 1) day
            and d.session_date_local + interval ($content_later_days + 3) day
),

seen as (
    select distinct
        visitor_key,
        start_ts
    from visit
    where visitor_key is not null
),

next_seen as (
    select
        visitor_key,
        start_ts,
        lead(start_ts) over (partition by visitor_key order by start_ts) as next_ts
    from seen
),

bought as (
    select
        b.order_key,
        b.visitor_key,
        b.only_session_key,
        coalesce(c.bought_ts, o.created_ts) as bought_ts,
        o.net_revenue_amount
    from core.brg_order_visitor as b
    inner join core.fct_order as o on o.order_key = b.order_key and o.order_date_local = b.order_date_local
    left join core.brg_order_session as c
        on c.order_key = b.order_key and c.order_date_local = b.order_date_local and c.is_chosen
    where
        b.order_date_local between $first_date - interval 1 day and $last_date + interval ($content_later_days + 2) day
        and o.is_countable
),

-- An order counts once: under the last visit to content before it.
led as (
    select
        b.order_key,
        max(b.net_revenue_amount) as net_revenue_amount,
        arg_max(v.session_key, (v.start_ts, v.session_key)) as session_key
    from bought as b
    inner join visit as v
        on
            v.visitor_key = b.visitor_key
            and (b.only_session_key is null or v.session_key = b.only_session_key)
            and v.landing_section = 'content'
            and v.start_ts <= b.bought_ts
            and v.start_ts >= b.bought_ts - interval ($content_later_days) day
    group by b.order_key
),

result as (
    select
        session_key,
        count(*) as orders,
        count(*) - count(net_revenue_amount) as orders_without_amount,
        sum(net_revenue_amount) as net_revenue_amount
    from led
    group by session_key
),

summed as (
    select
        v.session_date_local as date_local,
        v.page_path,
        v.traffic,
        count(*) as sessions,
        count(*) filter (where v.is_engaged) as engaged_sessions,
        count(*) filter (where not v.is_engaged) as bounced_ga4_sessions,
        case when count(v.is_single_page) > 0 then count(*) filter (where v.is_single_page) end as bounced_single_page_sessions,
        case when count(v.is_metrica_bounce) > 0 then count(*) filter (where v.is_metrica_bounce) end as bounced_metrica_sessions,
        -- Only these visits can tell whether they saw a single page.
        count(v.pageviews) as sessions_with_pageviews,
        sum(v.pageviews) as pageviews,
        round(sum(v.duration_seconds), 3) as duration_seconds,
        case when count(v.cart_events) > 0 then count(*) filter (where v.cart_events > 0) end as cart_sessions,
        count(v.visitor_key) as identified_sessions,
        count(*) filter (where n.next_ts <= v.start_ts + interval ($content_later_days) day) as returned_sessions,
        coalesce(sum(r.orders), 0) as later_orders,
        coalesce(sum(r.orders_without_amount), 0) as later_orders_without_amount,
        case when count(r.session_key) > 0 then sum(r.net_revenue_amount) else 0 end as later_net_revenue_amount
    from visit as v
    left join next_seen as n on n.visitor_key = v.visitor_key and n.start_ts = v.start_ts
    left join result as r on r.session_key = v.session_key
    where v.session_date_local <= $last_date and v.landing_section = 'content'
    group by v.session_date_local, v.page_path, v.traffic
),

product_page as (
    select distinct page_path
    from core.dim_product_group
    where page_path is not null
),

listed_page as (
    select
        metric_date,
        site,
        subject,
        case
            when regexp_matches(lower(page_path), '@|%40|[0-9]{7}') then '(hidden)'
            else lower(page_path)
        end as page_path,
        clicks,
        impressions,
        position
    from core.fct_search_day
    where
        metric_date between $first_date and $last_date
        and subject_kind = 'page'
        and regexp_matches(page_path, $content_path_pattern)
),

listed as (
    select
        l.metric_date as date_local,
        l.page_path,
        sum(l.clicks) as clicks,
        sum(l.impressions) as impressions,
        sum(l.position * l.impressions)
        / nullif(cast(sum(l.impressions) filter (where l.position is not null) as double), 0) as position
    from listed_page as l
    left join product_page as p on p.page_path = l.page_path
    where p.page_path is null
    group by l.metric_date, l.page_path
),

page as (
    select
        date_local,
        page_path
    from summed
    union
    select
        date_local,
        page_path
    from listed
),

cell as (
    select
        date_local,
        page_path,
        'social' as traffic
    from page
    union all
    select
        date_local,
        page_path,
        'other' as traffic
    from page
),

-- A day with a page in the search results and no visit at all is one whose visits are unknown, not none.
counted_day as (
    select session_date_local
    from visited_day
    where session_date_local <= $last_date
)

select
    c.date_local,
    c.page_path,
    c.traffic,
    case when d.session_date_local is not null then coalesce(s.sessions, 0) end as sessions,
    case when d.session_date_local is not null then coalesce(s.engaged_sessions, 0) end as engaged_sessions,
    case when d.session_date_local is not null then coalesce(s.bounced_ga4_sessions, 0) end as bounced_ga4_sessions,
    s.bounced_single_page_sessions,
    s.bounced_metrica_sessions,
    case when d.session_date_local is not null then coalesce(s.sessions_with_pageviews, 0) end as sessions_with_pageviews,
    cast(s.pageviews as bigint) as pageviews,
    s.duration_seconds,
    s.cart_sessions,
    case when d.session_date_local is not null then coalesce(s.identified_sessions, 0) end as identified_sessions,
    case when k.session_date_local is not null then coalesce(s.returned_sessions, 0) end as returned_sessions,
    cast(case when k.session_date_local is not null then coalesce(s.later_orders, 0) end as bigint) as later_orders,
    cast(
        case when k.session_date_local is not null then coalesce(s.later_orders_without_amount, 0) end as bigint
    ) as later_orders_without_amount,
    cast(
        case
            when k.session_date_local is null then null
            when s.page_path is null then 0
            else s.later_net_revenue_amount
        end as decimal(18, 4)
    ) as later_net_revenue_amount,
    s.engaged_sessions / nullif(cast(s.sessions as double), 0) as engaged_share,
    s.bounced_ga4_sessions / nullif(cast(s.sessions as double), 0) as bounce_ga4_share,
    s.bounced_single_page_sessions / nullif(cast(s.sessions_with_pageviews as double), 0) as bounce_single_page_share,
    s.bounced_metrica_sessions / nullif(cast(s.sessions_with_pageviews as double), 0) as bounce_metrica_share,
    s.pageviews / nullif(cast(s.sessions_with_pageviews as double), 0) as pageviews_per_session,
    case
        when k.session_date_local is not null then s.returned_sessions / nullif(cast(s.identified_sessions as double), 0)
    end as returned_share,
    cast(l.clicks as bigint) as page_search_clicks,
    cast(l.impressions as bigint) as page_search_impressions,
    round(l.position, 6) as page_search_position
from cell as c
left join summed as s on s.date_local = c.date_local and s.page_path = c.page_path and s.traffic = c.traffic
left join listed as l on l.date_local = c.date_local and l.page_path = c.page_path
left join counted_day as d on d.session_date_local = c.date_local
left join known_day as k on k.session_date_local = c.date_local
