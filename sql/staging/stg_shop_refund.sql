-- Grain: one row per one refund. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    store_id,
    refund_id,
    order_id,
    refund_ts,
    refund_date_local,
    refund_amount,
    upper(currency) as currency,
    reason
from raw.shop_refund
where
    _is_current
    and refund_date_local between $first_date and $last_date
