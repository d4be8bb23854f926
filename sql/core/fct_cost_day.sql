-- Grain: one row per cost and day it belongs to: a period may span months, and a month is asked what it cost.
with recursive cost as (
    select
        source_system,
        cost_id,
        cost_date,
        -- A cost that ends before it begins is one of its first day; a check of staging tells of it.
        date_diff('day', cost_date, greatest(coalesce(period_end, cost_date), cost_date)) + 1 as days,
        kind,
        network,
        community_id,
        campaign,
        cost_amount,
        currency
    from staging.stg_smm_cost
),

cost_day as (
    select
        source_system,
        cost_id,
        cost_date as date_local,
        days,
        cast(1 as bigint) as day_no
    from cost
    union all
    select
        source_system,
        cost_id,
        cast(date_local + interval 1 day as date) as date_local,
        days,
        day_no + 1 as day_no
    from cost_day
    where day_no < days
),

parted as (
    select
        d.source_system,
        d.cost_id,
        d.date_local,
        d.days,
        c.kind,
        c.network,
        c.community_id,
        c.campaign,
        -- What is due until the day, less what was due before it: the days sum to the amount, whatever they are rounded to.
        cast(
            case
                when d.day_no = d.days then c.cost_amount
                else cast(round(cast(c.cost_amount as double) * d.day_no / nullif(d.days, 0), 4) as decimal(18, 4))
            end
            - cast(round(cast(c.cost_amount as double) * (d.day_no - 1) / nullif(d.days, 0), 4) as decimal(18, 4))
            as decimal(18, 4)
        ) as cost_amount,
        c.currency
    from cost_day as d
    inner join cost as c on c.source_system = d.source_system and c.cost_id = d.cost_id
)

select
    p.source_system,
    p.cost_id,
    p.date_local,
    p.days,
    p.kind,
    p.network,
    p.community_id,
    p.campaign,
    p.cost_amount,
    p.currency,
    case
        when p.currency = $shop_currency then p.cost_amount
        else cast(p.cost_amount * x.rate as decimal(18, 4))
    end as cost_base_amount
from parted as p
left join core.fct_exchange_rate as x on x.date_local = p.date_local and x.currency = p.currency
