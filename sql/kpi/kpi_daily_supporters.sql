-- Grain: one row per day and own community: how many people follow it and how many of them keep it alive.
with community as (
    select
        network,
        community_id
    from core.dim_community
    where is_own
),

day as (
    select
        d.network,
        d.community_id,
        d.metric_date as date_local,
        d.members,
        d.members_joined,
        d.members_left,
        y.members as members_yesterday
    from core.fct_community_day as d
    inner join community as c on c.network = d.network and c.community_id = d.community_id
    left join core.fct_community_day as y
        on
            y.network = d.network
            and y.community_id = d.community_id
            and y.metric_date = cast(d.metric_date - interval 1 day as date)
    where d.metric_date between $first_date and $last_date
),

-- Actions of each member in the window that ends on the day.
member as (
    select
        d.network,
        d.community_id,
        d.date_local,
        a.member_key,
        count(*) as actions
    from day as d
    inner join core.fct_member_action as a
        on
            a.network = d.network
            and a.community_id = d.community_id
            and a.activity_date_local <= d.date_local
            and a.activity_date_local > d.date_local - interval ($core_window_days) day
            and a.member_key is not null
            and a.action not in ('join', 'leave')
    group by d.network, d.community_id, d.date_local, a.member_key
),

ranked as (
    select
        network,
        community_id,
        date_local,
        actions,
        row_number() over (partition by network, community_id, date_local order by actions, member_key) as position_from_least,
        count(*) over (partition by network, community_id, date_local) as members,
        sum(actions) over (partition by network, community_id, date_local) as all_actions,
        coalesce(
            sum(actions) over (
                partition by network, community_id, date_local
                order by actions desc, member_key asc
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as actions_of_busier_members
    from member
),

-- A community of which no action was ever delivered by then is unknown, not quiet.
first_action as (
    select
        network,
        community_id,
        min(activity_date_local) as first_date_local
    from core.fct_member_action
    where activity_date_local <= $last_date
    group by network, community_id
),

-- The active core is the smallest set of members that gives half of all actions. The Gini coefficient says how unevenly
-- the actions are spread: 0 is even, near 1 is one member alone.
core_member as (
    select
        network,
        community_id,
        date_local,
        count(*) filter (where actions_of_busier_members * 2 < all_actions) as active_core_members,
        count(*) as active_members,
        cast(sum((2 * position_from_least - members - 1) * actions) as double)
        / nullif(cast(max(members) * sum(actions) as double), 0) as gini_actions
    from ranked
    group by network, community_id, date_local
)

select
    d.date_local,
    d.network,
    d.community_id,
    d.members,
    d.members_joined,
    d.members_left,
    -- Networks that state no gains and losses still state the count.
    coalesce(d.members_joined - d.members_left, d.members - d.members_yesterday) as members_net,
    case when f.first_date_local is not null then coalesce(c.active_core_members, 0) end as active_core_members,
    case when f.first_date_local is not null then coalesce(c.active_members, 0) end as active_members,
    c.gini_actions
from day as d
left join core_member as c
    on c.network = d.network and c.community_id = d.community_id and c.date_local = d.date_local
left join first_action as f
    on f.network = d.network and f.community_id = d.community_id and f.first_date_local <= d.date_local
