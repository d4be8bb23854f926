-- Grain: one row per one community. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    network,
    community_id,
    community_name,
    url,
    handle,
    is_own,
    brand,
    language,
    country,
    city,
    product_group,
    launched_on
from raw.community
where _is_current
