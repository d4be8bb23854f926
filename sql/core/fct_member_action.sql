-- Grain: one row per action of a member in a community, with the customer the member is, where a feed told so by then.
with member_link as (
    select
        network,
        member_key,
        customer_key,
        link_date_local,
        confidence
    from core.brg_customer_member
    where link_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
),

-- A feed gives the e-mail with some of a member's actions: the others are the same customer's, unless there are several.
known_member as (
    select
        a.source_system,
        a.activity_id,
        min(l.customer_key) as customer_key
    from staging.stg_member_activity as a
    inner join member_link as l
        on
            l.network = a.network
            and l.member_key = a.member_key
            and l.confidence <> 'shared'
            and l.link_date_local between a.activity_date_local - interval ($touch_lookback_days) day and a.activity_date_local
    where a.activity_date_local between $first_date and $last_date and a.customer_key is null
    group by a.source_system, a.activity_id
    having count(distinct l.customer_key) = 1
)

select
    a.source_system,
    a.activity_id,
    a.network,
    a.community_id,
    a.post_id,
    -- The account, with and without an e-mail: a key that changed with the first e-mail would make two members of one.
    coalesce(a.member_key, a.customer_key) as member_key,
    -- An account or an e-mail of many is nobody's.
    case when coalesce(l.confidence, 'stated') <> 'shared' then coalesce(a.customer_key, k.customer_key) end as customer_key,
    a.occurred_ts,
    a.activity_date_local,
    a.action
from staging.stg_member_activity as a
left join known_member as k on k.source_system = a.source_system and k.activity_id = a.activity_id
left join member_link as l
    on
        l.network = a.network
        and l.member_key = a.member_key
        and l.customer_key = a.customer_key
        and l.link_date_local = a.activity_date_local
where a.activity_date_local between $first_date and $last_date
