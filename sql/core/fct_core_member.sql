-- Grain: one row per day, own community and member of its active core as the day begins: the smallest set of members that gave
-- half of the actions in the days before. What somebody does on the day itself does not make them one.
with day as (
    select date_local
    from core.dim_date
    where date_local between $first_date and $last_date
),

member as (
    select
        d.date_local,
        a.network,
        a.community_id,
        a.member_key,
        count(*) as actions
    from day as d
    inner join core.fct_member_action as a
        on
            a.activity_date_local < d.date_local
            and a.activity_date_local >= d.date_local - interval ($core_window_days) day
            and a.activity_date_local between $first_date - interval ($core_window_days) day and $last_date
    inner join core.dim_community as c on c.network = a.network and c.community_id = a.community_id and c.is_own
    where a.member_key is not null and a.action not in ('join', 'leave')
    group by d.date_local, a.network, a.community_id, a.member_key
),

ranked as (
    select
        *,
        sum(actions) over (partition by date_local, network, community_id) as all_actions,
        coalesce(
            sum(actions) over (
                partition by date_local, network, community_id
                order by actions desc, member_key asc
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as actions_of_busier_members
    from member
)

select
    date_local,
    network,
    community_id,
    member_key,
    actions
from ranked
where actions_of_busier_members * 2 < all_actions
