-- Grain: one row per daily table and scope that a goal about it may have, in lower case, whether there are figures of it yet or not.
-- A page of the site is none of them: nobody knows of one before it is visited, so it is told by its figures.
with place_table as (
    select 'kpi_daily_benefit' as kpi_table
    union all
    select 'kpi_daily_social_traffic' as kpi_table
    union all
    select 'kpi_daily_supporters' as kpi_table
    union all
    select 'kpi_daily_community_activity' as kpi_table
),

place as (
    select 'all' as scope
    union
    select 'social' as scope
    union
    select network as scope
    from seeds.source_host
    where network is not null
    union
    select network as scope
    from seeds.shop_source
    where network is not null
    union
    select network as scope from core.dim_community
    union
    select lower(community_id) as scope from core.dim_community
    union
    select lower(network || '/' || community_id) as scope from core.dim_community
    union
    -- What its page is called, for which core.dim_goal writes the id.
    select lower(network || '/' || regexp_replace(handle, '^@', '')) as scope
    from core.dim_community
    where handle is not null
),

word as (
    select 'kpi_daily_benefit' as kpi_table, 'benefit' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'd1_recommendation' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'd2_impulse' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'd3_considered' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'd4_deferred' as scope
    union all
    -- Their short names, which core.dim_goal writes out.
    select 'kpi_daily_benefit' as kpi_table, 'd1' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'd2' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'd3' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'd4' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'anyway' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, 'no_social_touch' as scope
    union all
    -- Orders of no network, and those of a code that names none.
    select 'kpi_daily_benefit' as kpi_table, '(none)' as scope
    union all
    select 'kpi_daily_benefit' as kpi_table, '(code)' as scope
    union all
    select 'kpi_daily_social_traffic' as kpi_table, 'product' as scope
    union all
    select 'kpi_daily_social_traffic' as kpi_table, 'category' as scope
    union all
    select 'kpi_daily_social_traffic' as kpi_table, 'content' as scope
    union all
    select 'kpi_daily_social_traffic' as kpi_table, 'home' as scope
    union all
    select 'kpi_daily_social_traffic' as kpi_table, 'cart' as scope
    union all
    select 'kpi_daily_social_traffic' as kpi_table, 'other' as scope
    union all
    select 'kpi_daily_media_interest' as kpi_table, 'all' as scope
    union all
    select 'kpi_daily_media_interest' as kpi_table, 'media' as scope
    union all
    select 'kpi_daily_media_interest' as kpi_table, 'blogger' as scope
    union all
    select 'kpi_daily_media_interest' as kpi_table, 'user' as scope
    union all
    select 'kpi_daily_share_of_voice' as kpi_table, 'all' as scope
    union all
    select 'kpi_daily_content_traffic' as kpi_table, 'all' as scope
    union all
    select 'kpi_daily_content_traffic' as kpi_table, 'social' as scope
    union all
    select 'kpi_daily_content_traffic' as kpi_table, 'other' as scope
    union all
    select 'kpi_daily_potential_customers' as kpi_table, 'all' as scope
    union all
    select 'kpi_daily_potential_customers' as kpi_table, 'social' as scope
    union all
    select 'kpi_daily_potential_customers' as kpi_table, 'other' as scope
    union all
    select 'kpi_daily_potential_customers' as kpi_table, 'engaged' as scope
    union all
    select 'kpi_daily_potential_customers' as kpi_table, 'intent' as scope
    union all
    -- Of all signals together nothing can be said: a goal names one.
    select 'kpi_daily_brand_demand' as kpi_table, 'brand_search_impressions' as scope
    union all
    select 'kpi_daily_brand_demand' as kpi_table, 'brand_search_clicks' as scope
    union all
    select 'kpi_daily_brand_demand' as kpi_table, 'direct_sessions' as scope
)

select
    t.kpi_table,
    p.scope
from place as p
cross join place_table as t
union
select
    kpi_table,
    scope
from word
