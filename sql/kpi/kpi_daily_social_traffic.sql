-- Grain: one row per day, community and landing section of visits that came from social networks.
with visit as (
    select
        session_key,
        session_date_local,
        network,
        coalesce(community_id, '(unknown)') as community_id,
        landing_section,
        visitor_key,
        pageviews,
        cart_events,
        duration_seconds,
        is_engaged,
        is_single_page,
        is_metrica_bounce,
        vendor_transactions,
        vendor_revenue_amount
    from core.fct_session
    where
        session_date_local between $first_date and $last_date
        and network is not null
        and visit_kind = 'session'
        and not coalesce(is_referrer_spam, false)
),

-- Orders placed in the visit itself; the order may fall on the day after the visit began, or just before it by its clock.
placed as (
    select
        b.session_key,
        count(*) as orders,
        count(*) - count(o.net_revenue_amount) as orders_without_amount,
        sum(o.net_revenue_amount) as net_revenue_amount
    from core.brg_order_session as b
    inner join core.fct_order as o on o.order_key = b.order_key and o.order_date_local = b.order_date_local
    where
        b.order_date_local between $first_date - interval 1 day and $last_date + interval 3 day
        and b.is_chosen
        and b.method in ('order_ref', 'visit_order_ref')
        and o.is_countable
    group by b.session_key
),

summed as (
    select
        v.session_date_local as date_local,
        v.network,
        v.community_id,
        v.landing_section,
        count(*) as sessions,
        count(distinct v.visitor_key) as visitors,
        count(*) filter (where v.is_engaged) as engaged_sessions,
        count(*) filter (where not v.is_engaged) as bounced_ga4_sessions,
        case when count(v.is_single_page) > 0 then count(*) filter (where v.is_single_page) end as bounced_single_page_sessions,
        case when count(v.is_metrica_bounce) > 0 then count(*) filter (where v.is_metrica_bounce) end as bounced_metrica_sessions,
        -- Only these visits can tell whether they saw a single page.
        count(v.pageviews) as sessions_with_pageviews,
        sum(v.pageviews) as pageviews,
        round(sum(v.duration_seconds), 3) as duration_seconds,
        -- Unknown where no visit of the cell could tell.
        case when count(v.cart_events) > 0 then count(*) filter (where v.cart_events > 0) end as cart_sessions,
        coalesce(sum(p.orders), 0) as orders,
        coalesce(sum(p.orders_without_amount), 0) as orders_without_amount,
        -- Unknown where orders were placed and none has an amount in the shop's currency.
        case when count(p.session_key) > 0 then sum(p.net_revenue_amount) else 0 end as net_revenue_amount,
        sum(v.vendor_transactions) as vendor_transactions,
        sum(v.vendor_revenue_amount) as vendor_revenue_amount
    from visit as v
    left join placed as p on p.session_key = v.session_key
    group by v.session_date_local, v.network, v.community_id, v.landing_section
)

select
    date_local,
    network,
    community_id,
    landing_section,
    sessions,
    visitors,
    engaged_sessions,
    bounced_ga4_sessions,
    bounced_single_page_sessions,
    bounced_metrica_sessions,
    sessions_with_pageviews,
    cast(pageviews as bigint) as pageviews,
    duration_seconds,
    cart_sessions,
    cast(orders as bigint) as orders,
    cast(orders_without_amount as bigint) as orders_without_amount,
    cast(net_revenue_amount as decimal(18, 4)) as net_revenue_amount,
    cast(vendor_transactions as bigint) as vendor_transactions,
    cast(vendor_revenue_amount as decimal(18, 4)) as vendor_revenue_amount,
    engaged_sessions / nullif(cast(sessions as double), 0) as engaged_share,
    bounced_ga4_sessions / nullif(cast(sessions as double), 0) as bounce_ga4_share,
    bounced_single_page_sessions / nullif(cast(sessions_with_pageviews as double), 0) as bounce_single_page_share,
    bounced_metrica_sessions / nullif(cast(sessions_with_pageviews as double), 0) as bounce_metrica_share,
    pageviews / nullif(cast(sessions_with_pageviews as double), 0) as pageviews_per_session
from summed
