-- Grain: one row per one refund line. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    store_id,
    refund_id,
    line_id,
    refund_ts,
    refund_date_local,
    sku,
    quantity,
    refund_amount
from raw.shop_refund_line
where
    _is_current
    and refund_date_local between $first_date and $last_date
