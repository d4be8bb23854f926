-- Grain: one row per goal, of a feed or of smm.toml. What is written alike in other words is one spelling here.
with stated as (
    select
        source_system,
        name,
        kpi,
        scope,
        target,
        direction,
        starts_on,
        due_on
    from staging.stg_goal
    union all
    select
        'smm.toml' as source_system,
        name,
        kpi,
        scope,
        target,
        direction,
        starts_on,
        due_on
    from seeds.shop_goal
),

spelled as (
    select
        source_system,
        name,
        lower(trim(kpi)) as kpi,
        coalesce(nullif(lower(trim(scope)), ''), 'all') as scope,
        target,
        coalesce(direction, 'at_least') as direction,
        starts_on,
        due_on
    from stated
),

-- A community by what its page is called; one whose id is written so comes first.
called as (
    select
        scope,
        arg_min(place, (is_handle, place)) as place
    from (
        select
            lower(network || '/' || community_id) as scope,
            lower(network || '/' || community_id) as place,
            0 as is_handle
        from core.dim_community
        union all
        select
            lower(network || '/' || regexp_replace(handle, '^@', '')) as scope,
            lower(network || '/' || community_id) as place,
            1 as is_handle
        from core.dim_community
        where handle is not null
    ) as written
    group by scope
)

select
    s.source_system,
    s.name,
    s.kpi,
    -- People call the classes by their short names. Elsewhere d1 may be a community.
    case
        when c.place is not null then c.place
        when s.kpi not like 'kpi_daily_benefit.%' then s.scope
        when s.scope = 'd1' then 'd1_recommendation'
        when s.scope = 'd2' then 'd2_impulse'
        when s.scope = 'd3' then 'd3_considered'
        when s.scope = 'd4' then 'd4_deferred'
        else s.scope
    end as scope,
    s.target,
    s.direction,
    s.starts_on,
    s.due_on
from spelled as s
left join called as c on c.scope = s.scope
