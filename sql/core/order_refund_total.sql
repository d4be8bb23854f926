-- Grain: one row per refunded order, with what was given back up to now, whenever that was.
with order_ref as (
    select
        source_system,
        store_id,
        order_id,
        order_date_local,
        status,
        currency,
        refunded_amount as original_amount
    from staging.stg_shop_order
    where order_date_local between $first_date and $last_date
),

-- All that an order gives back is worth what it was on the order's day, so that a whole refund takes away the whole order.
rate as (
    select
        date_local,
        currency,
        rate
    from core.fct_exchange_rate
    where date_local between $first_date and $last_date
),

stated as (
    select
        o.*,
        -- In the order's own currency: without a rate it is unknown.
        case
            when coalesce(o.currency, $shop_currency) = $shop_currency then o.original_amount
            else cast(o.original_amount * x.rate as decimal(18, 4))
        end as refunded_amount,
        coalesce(o.currency, $shop_currency) <> $shop_currency and x.rate is null and o.original_amount <> 0 as is_unrated
    from order_ref as o
    left join rate as x on x.date_local = o.order_date_local and x.currency = o.currency
),

line as (
    select
        source_system,
        store_id,
        refund_id,
        -- One line of unknown amount makes a refund that is told by its lines alone unknown.
        case when count(*) = count(refund_amount) then sum(refund_amount) end as refund_amount
    from staging.stg_shop_refund_line
    where refund_date_local >= $first_date
    group by source_system, store_id, refund_id
),

dated as (
    select
        o.source_system,
        o.store_id,
        o.order_id,
        -- A refund in a currency without a rate is unknown, and one that names none is in its order's, as in fct_refund.
        sum(
            case
                when coalesce(r.currency, o.currency, $shop_currency) = $shop_currency
                    then coalesce(r.refund_amount, l.refund_amount)
                else cast(coalesce(r.refund_amount, l.refund_amount) * x.rate as decimal(18, 4))
            end
        ) as refund_amount,
        max(case
            when
                (coalesce(r.currency, o.currency, $shop_currency) <> $shop_currency and x.rate is null)
                or coalesce(r.refund_amount, l.refund_amount) is null
                then 1
            else 0
        end) as has_unknown
    from order_ref as o
    inner join staging.stg_shop_refund as r
        on
            r.source_system = o.source_system
            and r.store_id = o.store_id
            and r.order_id = o.order_id
            -- As in fct_refund: a refund dated before its order is not this order's.
            and r.refund_date_local >= o.order_date_local
    left join line as l
        on l.source_system = r.source_system and l.store_id = r.store_id and l.refund_id = r.refund_id
    left join rate as x on x.date_local = o.order_date_local and x.currency = coalesce(r.currency, o.currency)
    group by o.source_system, o.store_id, o.order_id
)

select
    o.source_system || '|' || o.store_id || '|' || o.order_id as order_key,
    o.order_date_local,
    cast(coalesce(d.refund_amount, 0) as decimal(18, 4)) as dated_refund_amount,
    -- An order may say that money went back before the refund itself is delivered; one that says nothing adds nothing.
    cast(coalesce(greatest(o.refunded_amount - coalesce(d.refund_amount, 0), 0), 0) as decimal(18, 4))
        as undated_refund_amount,
    -- What the order itself says covers a refund whose own amount is unknown.
    coalesce(o.is_unrated, false) or (coalesce(d.has_unknown, 0) = 1 and o.refunded_amount is null) as has_unknown_amount
from stated as o
left join dated as d
    on d.source_system = o.source_system and d.store_id = o.store_id and d.order_id = o.order_id
where coalesce(d.refund_amount, 0) <> 0 or coalesce(o.refunded_amount, 0) <> 0 or o.is_unrated or d.has_unknown = 1
