-- Grain: one row per day and sign of brand demand: what was counted and what the eight weeks before let expect.
-- The model is ordinary least squares: a level for each day of the week and one straight trend. It is solved in closed
-- form: within a day of the week, values and days less their means leave the trend alone (Frisch, Waugh and Lovell).
with searched as (
    select
        metric_date as date_local,
        -- Without a brand query there were none; of brand queries that come without the count it is unknown.
        case when count(*) filter (where is_brand) = 0 then 0 else sum(impressions) filter (where is_brand) end as brand_impressions,
        case when count(*) filter (where is_brand) = 0 then 0 else sum(clicks) filter (where is_brand) end as brand_clicks,
        count(*) filter (where not is_final) = 0 as is_final
    from core.fct_search_day
    where metric_date between $first_date - interval 56 day and $last_date and subject_kind = 'query'
    group by metric_date
),

visited as (
    select
        session_date_local as date_local,
        count(*) filter (where channel = 'Direct') as direct_sessions
    from core.fct_session
    where
        session_date_local between $first_date - interval 56 day and $last_date
        and visit_kind = 'session'
        and not coalesce(is_referrer_spam, false)
    group by session_date_local
),

counted as (
    select
        date_local,
        'brand_search_impressions' as signal,
        brand_impressions as observed_count,
        is_final
    from searched
    where brand_impressions is not null
    union all
    select
        date_local,
        'brand_search_clicks' as signal,
        brand_clicks as observed_count,
        is_final
    from searched
    where brand_clicks is not null
    union all
    select
        date_local,
        'direct_sessions' as signal,
        direct_sessions as observed_count,
        true as is_final
    from visited
),

sign as (
    select 'brand_search_impressions' as signal
    union all
    select 'brand_search_clicks' as signal
    union all
    select 'direct_sessions' as signal
),

-- Where one source spoke of a day and another did not, the other's row says so.
cell as (
    select distinct
        d.date_local,
        s.signal
    from counted as d
    cross join sign as s
    where d.date_local >= $first_date
),

-- Days of the window, each with its age and place in the week; 0 is the weekday of the day that is expected.
point as (
    select
        c.date_local,
        c.signal,
        h.observed_count,
        date_diff('day', c.date_local, h.date_local) as x,
        date_diff('day', h.date_local, c.date_local) % 7 as place
    from cell as c
    inner join counted as h
        on
            h.signal = c.signal
            and h.is_final
            and h.date_local between c.date_local - interval 56 day and c.date_local - interval 1 day
),

centred as (
    select
        date_local,
        signal,
        place,
        x - avg(x) over (partition by date_local, signal, place) as x_rest,
        observed_count - avg(observed_count) over (partition by date_local, signal, place) as y_rest
    from point
),

fitted as (
    select
        date_local,
        signal,
        count(*) as history_days,
        count(*) - count(distinct place) - 1 as freedom,
        sum(x_rest * x_rest) as sxx,
        sum(x_rest * y_rest) as sxy,
        sum(y_rest * y_rest) as syy
    from centred
    group by date_local, signal
),

same_weekday as (
    select
        date_local,
        signal,
        count(*) as weekdays,
        avg(x) as x_mean,
        avg(observed_count) as y_mean
    from point
    where place = 0
    group by date_local, signal
),

-- Less than four weeks of days, or three of the same weekday, say too little.
expected as (
    select
        f.date_local,
        f.signal,
        w.y_mean - w.x_mean * f.sxy / nullif(f.sxx, 0) as level,
        -- Quantile 0.975 of Student's t by the expansion of Cornish and Fisher, right to six digits from 20 degrees on.
        (
            1.959963985 + 2.372271230 / nullif(f.freedom, 0) + 2.822498616 / nullif(f.freedom * f.freedom, 0)
            + 2.555849680 / nullif(f.freedom * f.freedom * f.freedom, 0)
            + 1.589534053 / nullif(f.freedom * f.freedom * f.freedom * f.freedom, 0)
        )
        * sqrt(
            greatest(f.syy - f.sxy * f.sxy / nullif(f.sxx, 0), 0) / nullif(f.freedom, 0)
            * (1 + 1.0 / nullif(w.weekdays, 0) + w.x_mean * w.x_mean / nullif(f.sxx, 0))
        ) as half_width
    from fitted as f
    inner join same_weekday as w on w.date_local = f.date_local and w.signal = f.signal
    where f.history_days >= 28 and w.weekdays >= 3
),

-- Counts are not below 0.
bounded as (
    select
        date_local,
        signal,
        round(greatest(level, 0), 6) as expected_count,
        round(greatest(level - half_width, 0), 6) as expected_lower_count,
        round(greatest(level + half_width, 0), 6) as expected_upper_count
    from expected
),

joined as (
    select
        c.date_local,
        c.signal,
        cast(o.observed_count as bigint) as observed_count,
        coalesce(f.history_days, 0) as history_days,
        e.expected_count,
        e.expected_lower_count,
        e.expected_upper_count,
        case
            when o.date_local is null then 'not_delivered'
            when not o.is_final then 'still_counted'
            when e.date_local is null then 'too_little_history'
        end as no_difference_reason
    from cell as c
    left join counted as o on o.date_local = c.date_local and o.signal = c.signal
    left join fitted as f on f.date_local = c.date_local and f.signal = c.signal
    left join bounded as e on e.date_local = c.date_local and e.signal = c.signal
)

select
    date_local,
    signal,
    observed_count,
    history_days,
    expected_count,
    expected_lower_count,
    expected_upper_count,
    case when no_difference_reason is null then round(observed_count - expected_count, 6) end as difference_count,
    case when no_difference_reason is null then round(observed_count - expected_upper_count, 6) end as difference_lower_count,
    case when no_difference_reason is null then round(observed_count - expected_lower_count, 6) end as difference_upper_count,
    case
        when no_difference_reason is null then observed_count < expected_lower_count or observed_count > expected_upper_count
    end as is_outside_interval,
    no_difference_reason
from joined
