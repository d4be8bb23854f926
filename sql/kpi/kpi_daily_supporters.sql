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
        -- Known from some of the actions; of several customers none is taken.
        case when count(distinct a.customer_key) = 1 then min(a.customer_key) end as customer_key,
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

-- A community of which no action was delivered in three months is unknown, not quiet.
known as (
    select distinct
        d.network,
        d.community_id,
        d.date_local
    from day as d
    inner join core.fct_member_action as a
        on
            a.network = d.network
            and a.community_id = d.community_id
            and a.activity_date_local between d.date_local - interval 91 day and d.date_local
),

-- Orders of a year by active members whom the shop knows, each customer once, with however many accounts.
bought as (
    select
        m.network,
        m.community_id,
        m.date_local,
        m.customer_key,
        count(distinct o.order_key) as orders
    from member as m
    inner join core.fct_order as o
        on
            o.customer_key = m.customer_key
            and o.is_countable
            and o.order_date_local between m.date_local - interval 364 day and m.date_local
    group by m.network, m.community_id, m.date_local, m.customer_key
),

buying as (
    select
        network,
        community_id,
        date_local,
        count(*) as buying_members,
        count(*) filter (where orders >= 2) as repeat_buying_members
    from bought
    group by network, community_id, date_local
    -- Of fewer than five persons nothing is said.
    having count(*) >= 5
),

-- The last sample of members that somebody looked at for fakes, at most 92 days old.
checked as (
    select
        d.network,
        d.community_id,
        d.date_local,
        max(m.moderation_date) as check_date
    from day as d
    inner join core.fct_moderation_day as m
        on
            m.network = d.network
            and m.community_id = d.community_id
            and m.suspected_fakes_share is not null
            and m.moderation_date between d.date_local - interval 91 day and d.date_local
    group by d.network, d.community_id, d.date_local
),

suspected as (
    select
        d.network,
        d.community_id,
        d.date_local,
        m.members_checked,
        m.fakes_found,
        cast(round(d.members * m.suspected_fakes_share) as bigint) as suspected_fakes,
        cast(round(d.members * m.suspected_fakes_share_lower) as bigint) as suspected_fakes_lower,
        cast(round(d.members * m.suspected_fakes_share_upper) as bigint) as suspected_fakes_upper
    from day as d
    inner join checked as c
        on c.network = d.network and c.community_id = d.community_id and c.date_local = d.date_local
    inner join core.fct_moderation_day as m
        on m.network = c.network and m.community_id = c.community_id and m.moderation_date = c.check_date
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
    m.fakes_removed,
    s.members_checked,
    s.fakes_found,
    s.suspected_fakes,
    s.suspected_fakes_lower,
    s.suspected_fakes_upper,
    d.members - s.suspected_fakes as members_less_fakes,
    d.members - s.suspected_fakes_upper as members_less_fakes_lower,
    d.members - s.suspected_fakes_lower as members_less_fakes_upper,
    case when k.network is not null then coalesce(c.active_core_members, 0) end as active_core_members,
    case when k.network is not null then coalesce(c.active_members, 0) end as active_members,
    c.gini_actions,
    b.buying_members,
    b.repeat_buying_members,
    b.repeat_buying_members / nullif(cast(b.buying_members as double), 0) as repeat_buying_members_share
from day as d
left join core_member as c
    on c.network = d.network and c.community_id = d.community_id and c.date_local = d.date_local
left join known as k
    on k.network = d.network and k.community_id = d.community_id and k.date_local = d.date_local
left join core.fct_moderation_day as m
    on m.network = d.network and m.community_id = d.community_id and m.moderation_date = d.date_local
left join suspected as s
    on s.network = d.network and s.community_id = d.community_id and s.date_local = d.date_local
left join buying as b
    on b.network = d.network and b.community_id = d.community_id and b.date_local = d.date_local
