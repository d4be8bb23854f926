-- Grain: one row per rate of a source for a day and a pair of currencies. The newest version of each key, as ingest told
-- the versions apart. Codes of currencies are part of the key: they stay as delivered.
select
    source_system,
    rate_date,
    from_currency,
    to_currency,
    rate,
    units,
    observed_ts
from raw.exchange_rate
where
    _is_current
    and rate_date between $first_date and $last_date
