-- Grain: one row per day, way of selling, channel by the order's own note and channel of the visit that was found: how many
-- orders have a visit, and where the ways of finding it disagree.
with shop_order as (
    select
        order_key,
        order_date_local,
        case when is_marketplace then '(marketplace)' else coalesce(sales_channel, '(unknown)') end as sales_channel,
        net_revenue_amount
    from core.fct_order
    where order_date_local between $first_date and $last_date and is_countable
),

session as (
    select
        session_key,
        channel
    from core.fct_session
    where
        session_date_local between $first_date - interval 3 day and $last_date + interval 1 day
        -- Where spam wrote the visit nobody came.
        and not coalesce(is_referrer_spam, false)
),

way as (
    select
        b.order_key,
        b.method,
        b.session_key,
        s.channel,
        row_number() over (
            partition by b.order_key
            order by
                case b.method when 'order_ref' then 1 when 'visit_order_ref' then 2 when 'customer_window' then 3 else 4 end,
                b.method
        ) as position
    from core.brg_order_session as b
    inner join session as s on s.session_key = b.session_key
    where b.order_date_local between $first_date and $last_date
),

-- The ways of one order side by side. The note is a visit of its own, so with a visit of the site only channels compare.
matched as (
    select
        order_key,
        max(case when method <> 'order_attribution' and position = 1 then channel end) as visit_channel,
        max(case when method = 'order_attribution' then channel end) as noted_channel,
        max(case when method in ('order_ref', 'visit_order_ref') then 1 else 0 end) as has_number,
        count(distinct case when method <> 'order_attribution' then method end) as visit_ways,
        count(distinct case when method <> 'order_attribution' then session_key end) as visits
    from way
    group by order_key
),

found as (
    select
        o.order_key,
        o.order_date_local as date_local,
        o.sales_channel,
        coalesce(m.noted_channel, '(no note)') as noted_channel,
        coalesce(m.visit_channel, '(no visit)') as visit_channel,
        o.net_revenue_amount,
        case when m.visit_channel is not null then 1 else 0 end as is_matched,
        coalesce(m.has_number, 0) as has_number,
        case when m.visit_ways > 1 then 1 else 0 end as has_two_ways,
        case when m.visits > 1 then 1 else 0 end as has_two_visits,
        case when m.noted_channel is not null and m.visit_channel is not null then 1 else 0 end as has_two_channels,
        case when m.noted_channel <> m.visit_channel then 1 else 0 end as is_disagreeing
    from shop_order as o
    left join matched as m on m.order_key = o.order_key
),

cell as (
    select
        date_local,
        sales_channel,
        noted_channel,
        visit_channel,
        count(*) as orders,
        sum(is_matched) as matched_orders,
        sum(has_number) as number_matched_orders,
        sum(has_two_ways) as compared_visit_orders,
        sum(has_two_visits) as different_visit_orders,
        sum(has_two_channels) as compared_channel_orders,
        sum(is_disagreeing) as different_channel_orders,
        count(*) - count(net_revenue_amount) as orders_without_amount,
        sum(net_revenue_amount) as net_revenue_amount
    from found
    group by date_local, sales_channel, noted_channel, visit_channel
)

select
    date_local,
    sales_channel,
    noted_channel,
    visit_channel,
    orders,
    cast(matched_orders as bigint) as matched_orders,
    cast(number_matched_orders as bigint) as number_matched_orders,
    cast(compared_visit_orders as bigint) as compared_visit_orders,
    cast(different_visit_orders as bigint) as different_visit_orders,
    cast(compared_channel_orders as bigint) as compared_channel_orders,
    cast(different_channel_orders as bigint) as different_channel_orders,
    -- Of all orders of the day that were sold this way and say the same of themselves: in one row it would be all or nothing.
    sum(matched_orders) over (partition by date_local, sales_channel, noted_channel)
    / nullif(cast(sum(orders) over (partition by date_local, sales_channel, noted_channel) as double), 0) as matched_share,
    cast(orders_without_amount as bigint) as orders_without_amount,
    cast(net_revenue_amount as decimal(18, 4)) as net_revenue_amount,
    $shop_currency as currency
from cell
