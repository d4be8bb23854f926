-- Grain: one row per one community. The newest version of each key; ingest has typed it and told the versions apart.
-- A list kept by hand knows what a community is for, its network what its page shows: the newest that knows a column counts.
select
    arg_max(source_system, (_version_ts, source_system)) as source_system,
    network,
    community_id,
    arg_max(community_name, (_version_ts, source_system)) filter (where community_name is not null) as community_name,
    arg_max(url, (_version_ts, source_system)) filter (where url is not null) as url,
    arg_max(handle, (_version_ts, source_system)) filter (where handle is not null) as handle,
    arg_max(is_own, (_version_ts, source_system)) filter (where is_own is not null) as is_own,
    arg_max(brand, (_version_ts, source_system)) filter (where brand is not null) as brand,
    arg_max(language, (_version_ts, source_system)) filter (where language is not null) as language,
    arg_max(country, (_version_ts, source_system)) filter (where country is not null) as country,
    arg_max(city, (_version_ts, source_system)) filter (where city is not null) as city,
    arg_max(product_group, (_version_ts, source_system)) filter (where product_group is not null) as product_group,
    arg_max(launched_on, (_version_ts, source_system)) filter (where launched_on is not null) as launched_on,
    arg_max(has_contacts, (_version_ts, source_system)) filter (where has_contacts is not null) as has_contacts,
    arg_max(has_rules, (_version_ts, source_system)) filter (where has_rules is not null) as has_rules,
    arg_max(logo_url, (_version_ts, source_system)) filter (where logo_url is not null) as logo_url
from raw.community
where _is_current
group by network, community_id
