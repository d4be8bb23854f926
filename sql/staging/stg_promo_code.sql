-- Grain: one row per one code. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    store_id,
    code,
    kind,
    network,
    community_id,
    post_id,
    member_key,
    discount_percent,
    discount_amount,
    valid_from,
    valid_to
from raw.promo_code
where _is_current
