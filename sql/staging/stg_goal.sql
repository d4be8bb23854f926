-- Grain: one row per goal. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    name,
    kpi,
    scope,
    target,
    direction,
    starts_on,
    due_on
from raw.goal
where _is_current
