-- Grain: one row per community, day of measurement and group of its members. A group that the network withholds is unknown.
select
    network,
    community_id,
    audience_date,
    dimension,
    segment,
    value as members
from staging.stg_audience_day
where audience_date between $first_date and $last_date and metric = 'members' and value is not null
