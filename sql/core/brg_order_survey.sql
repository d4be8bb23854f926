-- Grain: one row per order and answer in which its buyer names where the shop was heard of.
with answer as (
    select
        source_system,
        answer_id,
        store_id,
        lower(regexp_replace(trim(order_ref), '^#', '')) as order_ref,
        customer_key,
        answered_ts,
        answer_date_local,
        channel,
        network
    from staging.stg_survey_answer
    where
        answer_date_local between $first_date and $last_date + interval 14 day
        and (channel is not null or network is not null)
),

shop_order as (
    select
        order_key,
        order_ref,
        store_id,
        customer_key,
        created_ts,
        order_date_local
    from core.fct_order
    where order_date_local between $first_date and $last_date + interval 14 day
),

found as (
    select
        o.order_key,
        o.order_date_local,
        o.created_ts,
        a.source_system,
        a.answer_id,
        'order_ref' as method,
        a.channel,
        a.network
    from answer as a
    inner join shop_order as o
        on
            o.order_ref = a.order_ref
            and o.store_id = coalesce(a.store_id, o.store_id)
            and a.answer_date_local between o.order_date_local and o.order_date_local + interval 14 day
    union all
    -- An answer that names no order speaks of the customer's newest one.
    select
        o.order_key,
        o.order_date_local,
        o.created_ts,
        a.source_system,
        a.answer_id,
        'customer' as method,
        a.channel,
        a.network
    from answer as a
    inner join shop_order as o
        on
            o.customer_key = a.customer_key
            and o.created_ts <= a.answered_ts
            and a.answer_date_local between o.order_date_local and o.order_date_local + interval 14 day
    where a.order_ref is null
),

ranked as (
    select
        *,
        row_number() over (partition by source_system, answer_id order by created_ts desc, order_key asc) as position
    from found
)

select
    order_key,
    source_system,
    answer_id,
    order_date_local,
    method,
    channel,
    network
from ranked
where position = 1 and order_date_local between $first_date and $last_date
