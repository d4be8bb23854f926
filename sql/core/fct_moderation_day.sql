-- Grain: one row per community and day of which somebody told what moderators did, with the share of fakes in the sample of
-- members looked at and its Wilson interval of 95 % (z = 1.96), which holds for small samples too.
with moderation as (
    select
        network,
        community_id,
        moderation_date,
        fakes_removed,
        spam_removed,
        members_banned,
        reports,
        members_checked,
        fakes_found,
        -- More fakes than members looked at is a slip of the pen: no share comes of it.
        case when members_checked > 0 and fakes_found between 0 and members_checked then cast(members_checked as double) end as n,
        case when members_checked > 0 and fakes_found between 0 and members_checked then cast(fakes_found as double) end as k
    from staging.stg_community_moderation
    where moderation_date between $first_date and $last_date
)

select
    network,
    community_id,
    moderation_date,
    fakes_removed,
    spam_removed,
    members_banned,
    reports,
    members_checked,
    fakes_found,
    k / nullif(n, 0) as suspected_fakes_share,
    case
        when k = 0 then 0
        else (k + 1.9208 - 1.96 * sqrt(k * (n - k) / nullif(n, 0) + 0.9604)) / nullif(n + 3.8416, 0)
    end as suspected_fakes_share_lower,
    case
        when k = n then 1
        else (k + 1.9208 + 1.96 * sqrt(k * (n - k) / nullif(n, 0) + 0.9604)) / nullif(n + 3.8416, 0)
    end as suspected_fakes_share_upper
from moderation
