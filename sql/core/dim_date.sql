-- Grain: one row per day on which the site, the orders, their refunds, the communities or mentions have a record. Other days are
-- left out, because nothing can be said of them: a rate, a cost or a search position alone makes no day of figures.
with active_day as (
    select distinct event_date_local as date_local
    from staging.stg_web_event
    where event_date_local between $first_date and $last_date
    union
    select distinct session_date_local from staging.stg_web_session
    where session_date_local between $first_date and $last_date
    union
    select distinct order_date_local from staging.stg_shop_order
    where order_date_local between $first_date and $last_date
    union
    select distinct refund_date_local from staging.stg_shop_refund
    where refund_date_local between $first_date and $last_date
    union
    select distinct metric_date from staging.stg_community_day
    where metric_date between $first_date and $last_date
    union
    select distinct post_date_local from staging.stg_community_post
    where post_date_local between $first_date and $last_date
    union
    select distinct mention_date_local from staging.stg_mention
    where mention_date_local between $first_date and $last_date
    union
    select distinct activity_date_local from staging.stg_member_activity
    where activity_date_local between $first_date and $last_date
    union
    select distinct message_date_local from staging.stg_community_message
    where message_date_local between $first_date and $last_date
    union
    select distinct moderation_date from staging.stg_community_moderation
    where moderation_date between $first_date and $last_date
),

occasion as (
    select
        calendar_date,
        kind,
        name
    from staging.stg_calendar_day
),

calendar_payday as (
    select count(*) as days
    from occasion
    where kind = 'payday'
),

-- Paydays of the settings, where no calendar feed delivers any. A payday late in the month may be due early in the next.
set_payday as (
    select cast(day_of_month as integer) as day_of_month
    from (select unnest(string_split($paydays, ',')) as day_of_month) as written
    -- The text of an empty list.
    where day_of_month <> ''
),

set_due as (
    select
        d.date_local,
        max(case when extract(day from d.date_local) = p.day_of_month then 1 else 0 end) as payday,
        max(case
            when extract(day from d.date_local) - p.day_of_month between 0 and $due_payday_days then 1
            when
                p.day_of_month <= extract(day from date_trunc('month', d.date_local) - interval 1 day)
                and extract(day from d.date_local)
                + extract(day from date_trunc('month', d.date_local) - interval 1 day)
                - p.day_of_month between 0 and $due_payday_days
                then 1
            else 0
        end) as due_payday
    from active_day as d
    cross join set_payday as p
    cross join calendar_payday as c
    where c.days = 0
    group by d.date_local
),

-- A payday is due on the day itself and some days after; a holiday is shopped for mostly before. The settings go no further
-- than what is asked for here.
due as (
    select
        d.date_local,
        max(case when o.calendar_date = d.date_local and o.kind = 'payday' then 1 else 0 end) as payday,
        max(case when o.calendar_date = d.date_local and o.kind = 'holiday' then 1 else 0 end) as holiday,
        string_agg(
            distinct case when o.calendar_date = d.date_local then o.name end, ', '
            order by case when o.calendar_date = d.date_local then o.name end
        ) as occasions,
        max(case
            when o.kind = 'payday' and date_diff('day', o.calendar_date, d.date_local) between 0 and $due_payday_days
                then 1
            else 0
        end) as due_payday,
        max(case
            when
                o.kind = 'holiday'
                and date_diff('day', d.date_local, o.calendar_date)
                between -$due_holiday_days_after and $due_holiday_days_before
                then 1
            else 0
        end) as due_holiday
    from active_day as d
    left join occasion as o
        on o.calendar_date between d.date_local - interval 60 day and d.date_local + interval 60 day
    group by d.date_local
)

select
    d.date_local,
    cast(extract(year from d.date_local) as integer) as year_number,
    cast(extract(month from d.date_local) as integer) as month_number,
    cast(extract(day from d.date_local) as integer) as day_of_month,
    cast(date_trunc('week', d.date_local) as date) as week_start_date,
    d.occasions,
    d.payday = 1 or coalesce(s.payday, 0) = 1 as is_payday,
    d.holiday = 1 as is_holiday,
    d.due_payday = 1 or d.due_holiday = 1 or coalesce(s.due_payday, 0) = 1 as is_due
from due as d
left join set_due as s on s.date_local = d.date_local
