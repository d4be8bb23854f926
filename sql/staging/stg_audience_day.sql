-- Grain: one row per measured group of a community and day. The newest version of each key, as ingest told the versions apart.
select
    source_system,
    network,
    community_id,
    audience_date,
    metric,
    dimension,
    segment,
    value
from raw.audience_day
where
    _is_current
    and audience_date between $first_date and $last_date
