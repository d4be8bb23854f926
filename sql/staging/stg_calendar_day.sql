-- Grain: one row per one day and occasion. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    calendar_date,
    kind,
    name,
    country
from raw.calendar_day
where _is_current
