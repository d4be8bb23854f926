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
)

select
    source_system,
    name,
    kpi,
    -- People call the classes by their short names. Elsewhere d1 may be a community.
    case
        when kpi not like 'kpi_daily_benefit.%' then scope
        when scope = 'd1' then 'd1_recommendation'
        when scope = 'd2' then 'd2_impulse'
        when scope = 'd3' then 'd3_considered'
        when scope = 'd4' then 'd4_deferred'
        else scope
    end as scope,
    target,
    direction,
    starts_on,
    due_on
from spelled
