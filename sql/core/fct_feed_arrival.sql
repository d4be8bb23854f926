-- Grain: one row per feed and day of which it gave any record. Apart from fct_feed_day, which every later day reads: a
-- correction of an old day must not make them all stale.
select
    feed,
    date_local,
    given_rows,
    late_rows,
    restated_rows
from staging.stg_feed_day
where date_local between $first_date and $last_date
