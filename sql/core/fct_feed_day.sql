-- Grain: one row per feed and day of which it gave any record.
select
    feed,
    date_local
from staging.stg_feed_day
where date_local between $first_date and $last_date
