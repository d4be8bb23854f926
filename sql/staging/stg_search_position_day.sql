-- Grain: one row per one query, page and day. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    site,
    metric_date,
    query,
    page,
    country,
    device,
    clicks,
    impressions,
    position
from raw.search_position_day
where
    _is_current
    and metric_date between $first_date and $last_date
