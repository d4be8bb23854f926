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
)

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
