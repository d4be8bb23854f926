-- Grain: one row per one metric of one community and day. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    network,
    community_id,
    metric_date,
    metric,
    vendor_metric,
    value,
    value_kind
from raw.community_day
where
    _is_current
    and metric_date between $first_date and $last_date
