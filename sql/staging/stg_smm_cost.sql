-- Grain: one row per one cost item. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    cost_id,
    cost_date,
    period_end,
    kind,
    network,
    community_id,
    campaign,
    cost_amount,
    upper(currency) as currency
from raw.smm_cost
where
    _is_current
    and cost_date between $first_date and $last_date
