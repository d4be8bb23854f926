-- Grain: one row per day: events as delivered, and those that no visit can be made of.
select
    event_date_local,
    count(*) as events,
    count(*) filter (where visitor_key is null) as events_without_visitor,
    count(*) filter (where is_bot) as bot_events
from staging.stg_web_event
where event_date_local between $first_date and $last_date
group by event_date_local
