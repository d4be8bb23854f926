-- Grain: one row per community of a network, own and competitors'.
select
    network,
    community_id,
    coalesce(community_name, handle, community_id) as community_name,
    lower(regexp_replace(handle, '\p{Cf}', '', 'g')) as handle,
    url,
    is_own,
    coalesce(brand, case when is_own then $own_brand end) as brand,
    language,
    country,
    city,
    product_group,
    launched_on,
    has_contacts,
    has_rules,
    logo_url is not null as has_logo
from staging.stg_community
