-- Grain: one row per one query, page and day, or period up to it. The newest version of each key; ingest has typed it.
select
    source_system,
    site,
    metric_date,
    query,
    page,
    country,
    device,
    search_type,
    period,
    clicks,
    impressions,
    position,
    is_final
from raw.search_position_day
where
    _is_current
    and metric_date between $first_date and $last_date
