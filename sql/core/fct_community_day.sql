-- Grain: one row per community and day with the metrics side by side. A metric that nobody reported stays unknown.
select
    network,
    community_id,
    metric_date,
    max(value) filter (where metric = 'followers' and value_kind = 'level') as members,
    max(value) filter (where metric = 'followers_gained' and value_kind = 'daily_flow') as members_joined,
    max(value) filter (where metric = 'followers_lost' and value_kind = 'daily_flow') as members_left,
    max(value) filter (where metric = 'reach' and value_kind = 'daily_flow') as reach,
    max(value) filter (where metric = 'views' and value_kind = 'daily_flow') as views,
    max(value) filter (where metric = 'engagement' and value_kind = 'daily_flow') as engagements,
    max(value) filter (where metric = 'link_clicks' and value_kind = 'daily_flow') as link_clicks
from staging.stg_community_day
where metric_date between $first_date and $last_date
group by network, community_id, metric_date
