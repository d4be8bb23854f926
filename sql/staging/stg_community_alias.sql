-- Grain: one row per handle of a network from a day on. The newest version of each key; ingest has told the versions apart.
select
    source_system,
    network,
    alias,
    community_id,
    valid_from,
    valid_to
from raw.community_alias
where _is_current
