-- Grain: one row per day and foreign currency whose rate is known on that day. The one place that says which rate holds.
with active_day as (
    select distinct date_local
    from staging.stg_feed_day
    where date_local between $first_date and $last_date
),

-- Into the shop's currency: as published, or the other way round where only that is. A product of two decimals of 18 digits
-- has 18 itself, room for ten thousand; with 20 digits a rate may be multiplied with any amount.
published as (
    select
        rate_date,
        from_currency as currency,
        cast(rate / nullif(coalesce(units, 1), 0) as decimal(20, 10)) as rate,
        1 as is_direct,
        observed_ts,
        source_system
    from staging.stg_exchange_rate
    where
        to_currency = $shop_currency
        and from_currency <> $shop_currency
        and rate_date between $first_date - interval ($exchange_rate_max_age_days) day and $last_date
    union all
    select
        rate_date,
        to_currency as currency,
        cast(coalesce(units, 1) / nullif(cast(rate as double), 0) as decimal(20, 10)) as rate,
        0 as is_direct,
        observed_ts,
        source_system
    from staging.stg_exchange_rate
    where
        from_currency = $shop_currency
        and to_currency <> $shop_currency
        and rate_date between $first_date - interval ($exchange_rate_max_age_days) day and $last_date
),

-- Of several sources the newest observation; without instants the name decides, so that it is always the same one.
ranked as (
    select
        d.date_local,
        p.currency,
        p.rate,
        p.rate_date,
        p.source_system,
        row_number() over (
            partition by d.date_local, p.currency
            order by p.rate_date desc, p.is_direct desc, p.observed_ts desc nulls last, p.source_system asc
        ) as position
    from active_day as d
    inner join published as p
        on p.rate_date between d.date_local - interval ($exchange_rate_max_age_days) day and d.date_local
    where p.rate > 0
)

select
    date_local,
    currency,
    rate,
    rate_date,
    cast(date_diff('day', rate_date, date_local) as integer) as age_days,
    source_system
from ranked
where position = 1
