-- Grain: one row per refund on the day it was made, with the order it belongs to where that is known.
with line as (
    select
        source_system,
        store_id,
        refund_id,
        -- One line of unknown amount makes a refund that is told by its lines alone unknown.
        case when count(*) = count(refund_amount) then sum(refund_amount) end as refund_amount
    from staging.stg_shop_refund_line
    where refund_date_local between $first_date and $last_date
    group by source_system, store_id, refund_id
),

shop_order as (
    select
        order_key,
        order_date_local,
        currency,
        is_countable
    from core.fct_order
    where order_date_local <= $last_date
),

refund as (
    select
        r.*,
        o.order_key,
        o.order_date_local,
        o.is_countable,
        -- A refund that names no currency is in its order's.
        coalesce(r.currency, o.currency, $shop_currency) as original_currency,
        coalesce(r.refund_amount, l.refund_amount) as original_amount
    from staging.stg_shop_refund as r
    left join line as l
        on l.source_system = r.source_system and l.store_id = r.store_id and l.refund_id = r.refund_id
    left join shop_order as o
        on
            o.order_key = r.source_system || '|' || r.store_id || '|' || r.order_id
            -- A refund dated before its order is a slip of a clock; it must not depend on how many days are built at once.
            and o.order_date_local <= r.refund_date_local
    where r.refund_date_local between $first_date and $last_date
),

rate as (
    select
        date_local,
        currency,
        rate
    from core.fct_exchange_rate
    where date_local <= $last_date
)

select
    r.source_system || '|' || r.store_id || '|' || r.refund_id as refund_key,
    r.order_key,
    r.order_date_local,
    r.refund_date_local,
    r.refund_ts,
    r.original_currency as currency,
    cast(r.original_amount as decimal(18, 4)) as original_amount,
    r.original_currency <> $shop_currency and x.rate is null as is_rate_missing,
    cast(
        case
            when r.original_currency = $shop_currency then r.original_amount
            else r.original_amount * x.rate
        end
        as decimal(18, 4)
    ) as refund_amount,
    r.order_key is not null as is_order_known,
    coalesce(r.is_countable, true) as is_countable
from refund as r
-- At the rate of the order's day, as in fct_order: what came in is what goes out. Of an unknown order it is the refund's.
left join rate as x
    on x.date_local = coalesce(r.order_date_local, r.refund_date_local) and x.currency = r.original_currency
