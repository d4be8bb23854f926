-- Grain: one row per day, product, network and community: what people of the community looked at, and what its orders bought.
-- Net revenue of all products of a day sums to its order book, to the cent.
with visit as (
    select
        session_key,
        coalesce(network, '(none)') as network,
        coalesce(community_id, case when network is null then '(none)' else '(unknown)' end) as community_id,
        coalesce(is_referrer_spam, false) as is_referrer_spam
    from core.fct_session
    where session_date_local between $first_date - interval 1 day and $last_date and visit_kind = 'session'
),

-- An event whose visit is not known came from nowhere that could be named.
interest as (
    select
        i.event_date_local as date_local,
        coalesce(i.product_group, '(unknown)') as product_group,
        i.sku,
        coalesce(v.network, '(none)') as network,
        coalesce(v.community_id, '(none)') as community_id,
        count(*) filter (where i.event_name = 'view_item') as views,
        count(distinct case when i.event_name = 'view_item' then i.session_key end) as viewing_sessions,
        count(*) filter (where i.event_name = 'add_to_wishlist') as saves,
        count(*) filter (where i.event_name = 'add_to_cart') as carts
    from core.fct_item_event as i
    left join visit as v on v.session_key = i.session_key
    where i.event_date_local between $first_date and $last_date and not coalesce(v.is_referrer_spam, false)
    group by
        i.event_date_local,
        coalesce(i.product_group, '(unknown)'),
        i.sku,
        coalesce(v.network, '(none)'),
        coalesce(v.community_id, '(none)')
),

shop_order as (
    select
        b.order_key,
        b.order_date_local,
        b.benefit_class,
        coalesce(b.network, '(none)') as network,
        coalesce(b.community_id, case when b.network is null then '(none)' else '(unknown)' end) as community_id,
        o.net_revenue_amount
    from core.fct_order_benefit as b
    inner join core.fct_order as o
        on o.order_key = b.order_key and o.order_date_local between $first_date and $last_date
    where b.order_date_local between $first_date and $last_date
),

line as (
    select
        l.order_key,
        l.line_id,
        coalesce(l.product_group, '(unknown)') as product_group,
        coalesce(l.sku, '(unknown)') as sku,
        l.quantity,
        -- Where one line has no amount, or all of them together have none, the lines share alike.
        case
            when
                count(*) over (partition by l.order_key) = count(l.line_amount) over (partition by l.order_key)
                and min(l.line_amount) over (partition by l.order_key) >= 0
                and sum(l.line_amount) over (partition by l.order_key) > 0
                then l.line_amount
            else cast(1 as decimal(18, 4))
        end as weight
    from core.fct_order_line as l
    where l.order_date_local between $first_date and $last_date
),

weighed as (
    select
        *,
        sum(weight) over (
            partition by order_key order by line_id rows between unbounded preceding and current row
        ) as until_weight,
        sum(weight) over (partition by order_key) as all_weight,
        row_number() over (partition by order_key order by line_id desc) as position_from_last
    from line
),

-- An order is worth its net revenue, discounts and refunds included; each line has its part of that. What is due up to the
-- line, less what was due before it: the lines sum to the order.
sold_line as (
    select
        o.order_key,
        o.order_date_local,
        o.benefit_class,
        o.network,
        o.community_id,
        coalesce(w.product_group, '(unknown)') as product_group,
        coalesce(w.sku, '(unknown)') as sku,
        w.quantity,
        case
            when w.order_key is null then o.net_revenue_amount
            else
                case
                    when w.position_from_last = 1 then o.net_revenue_amount
                    else
                        cast(
                            round(
                                cast(o.net_revenue_amount as double) * cast(w.until_weight as double)
                                / nullif(cast(w.all_weight as double), 0), 4
                            ) as decimal(18, 4)
                        )
                end
                - cast(
                    round(
                        cast(o.net_revenue_amount as double) * cast(w.until_weight - w.weight as double)
                        / nullif(cast(w.all_weight as double), 0), 4
                    ) as decimal(18, 4)
                )
        end as net_revenue_amount
    from shop_order as o
    left join weighed as w on w.order_key = o.order_key
),

sold as (
    select
        order_date_local as date_local,
        product_group,
        sku,
        network,
        community_id,
        count(distinct order_key) as orders,
        count(distinct case when benefit_class like 'D%' then order_key end) as benefit_orders,
        count(distinct case when net_revenue_amount is null then order_key end) as orders_without_amount,
        count(quantity) as counted_lines,
        sum(quantity) as quantity,
        sum(net_revenue_amount) as net_revenue_amount,
        case
            when count(*) filter (where benefit_class like 'D%') = 0 then 0
            else sum(net_revenue_amount) filter (where benefit_class like 'D%')
        end as benefit_net_revenue_amount
    from sold_line
    group by order_date_local, product_group, sku, network, community_id
),

cell as (
    select
        date_local,
        product_group,
        sku,
        network,
        community_id
    from interest
    union
    select
        date_local,
        product_group,
        sku,
        network,
        community_id
    from sold
),

measured as (
    select
        c.date_local,
        c.product_group,
        c.sku,
        c.network,
        c.community_id,
        coalesce(i.views, 0) as views,
        coalesce(i.viewing_sessions, 0) as viewing_sessions,
        coalesce(i.saves, 0) as saves,
        coalesce(i.carts, 0) as carts,
        coalesce(s.orders, 0) as orders,
        coalesce(s.benefit_orders, 0) as benefit_orders,
        coalesce(s.orders_without_amount, 0) as orders_without_amount,
        -- Pieces of unknown number add nothing; a cell of nothing else has an unknown number of them.
        case when s.orders > 0 then case when s.counted_lines > 0 then s.quantity end else 0 end as quantity,
        case when s.orders > 0 then s.net_revenue_amount else 0 end as net_revenue_amount,
        case when s.orders > 0 then s.benefit_net_revenue_amount else 0 end as benefit_net_revenue_amount
    from cell as c
    left join interest as i
        on
            i.date_local = c.date_local
            and i.product_group = c.product_group
            and i.sku = c.sku
            and i.network = c.network
            and i.community_id = c.community_id
    left join sold as s
        on
            s.date_local = c.date_local
            and s.product_group = c.product_group
            and s.sku = c.sku
            and s.network = c.network
            and s.community_id = c.community_id
),

totalled as (
    select
        *,
        sum(viewing_sessions) over (partition by date_local, network, community_id) as community_product_views,
        sum(orders) over (partition by date_local, network, community_id) as community_product_orders
    from measured
)

select
    date_local,
    product_group,
    sku,
    network,
    community_id,
    views,
    viewing_sessions,
    saves,
    carts,
    orders,
    benefit_orders,
    orders_without_amount,
    cast(quantity as decimal(18, 4)) as quantity,
    cast(net_revenue_amount as decimal(18, 4)) as net_revenue_amount,
    cast(benefit_net_revenue_amount as decimal(18, 4)) as benefit_net_revenue_amount,
    cast(community_product_views as bigint) as community_viewing_sessions,
    cast(community_product_orders as bigint) as community_orders,
    orders / nullif(cast(viewing_sessions as double), 0) as orders_per_viewing_session,
    viewing_sessions / nullif(cast(community_product_views as double), 0) as interest_share,
    orders / nullif(cast(community_product_orders as double), 0) as sales_share,
    -- Above 0 the product is looked at more than it is bought, beside the community's other products.
    viewing_sessions / nullif(cast(community_product_views as double), 0)
    - orders / nullif(cast(community_product_orders as double), 0) as interest_sales_gap,
    $shop_currency as currency
from totalled
