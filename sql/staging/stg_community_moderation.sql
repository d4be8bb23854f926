-- Grain: one row per community and day. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    network,
    community_id,
    moderation_date,
    fakes_removed,
    spam_removed,
    members_banned,
    reports,
    members_checked,
    fakes_found
from raw.community_moderation
where
    _is_current
    and moderation_date between $first_date and $last_date
