-- Grain: one row per order and social touch before it, with the reason why the touch is the buyer's and whether it
-- shows what was bought.
with chosen as (
    select
        order_key,
        method,
        bought_ts
    from core.brg_order_session
    where order_date_local between $first_date and $last_date and is_chosen
),

shop_order as (
    select
        o.order_key,
        coalesce(c.bought_ts, o.created_ts) as bought_ts,
        o.order_date_local,
        o.customer_key,
        o.coupon_codes,
        o.store_id
    from core.fct_order as o
    left join chosen as c on c.order_key = o.order_key
    -- A marketplace's order is apart: nothing that its customer did elsewhere explains it.
    where o.order_date_local between $first_date and $last_date and o.is_countable and not o.is_marketplace
),

touch as (
    select *
    from core.fct_touch
    -- An order just before midnight may be bought just after it.
    where touch_date_local between $first_date - interval ($touch_lookback_days + 2) day and $last_date + interval 1 day
),

by_visitor as (
    select
        o.order_key,
        t.touch_id,
        v.method as reason
    from shop_order as o
    inner join core.brg_order_visitor as v
        on v.order_key = o.order_key and v.order_date_local between $first_date and $last_date
    inner join touch as t
        on
            t.visitor_key = v.visitor_key
            and (v.only_session_key is null or t.session_key = v.only_session_key)
            and t.touch_ts <= o.bought_ts
            and t.touch_ts >= o.bought_ts - interval ($touch_lookback_days) day
    where t.touch_kind = 'visit'
),

by_member as (
    select
        o.order_key,
        t.touch_id,
        'member_action' as reason
    from shop_order as o
    inner join touch as t
        on
            t.customer_key = o.customer_key
            and t.touch_ts <= o.bought_ts
            and t.touch_ts >= o.bought_ts - interval ($touch_lookback_days) day
    where t.touch_kind in ('member_action', 'member_sign')
),

-- The order's own note is a touch of its own only where no visit of the order was found by number.
by_note as (
    select
        o.order_key,
        t.touch_id,
        'order_attribution' as reason
    from shop_order as o
    inner join chosen as c on c.order_key = o.order_key and c.method = 'order_attribution'
    inner join touch as t on t.order_key = o.order_key
    where t.touch_kind = 'order_attribution'
),

found as (
    select * from by_visitor
    union all
    select * from by_member
    union all
    select * from by_note
),

promo as (
    select
        store_id,
        code,
        kind,
        network,
        community_id,
        post_id,
        valid_from,
        valid_to
    from staging.stg_promo_code
    where kind in ('friend', 'blogger', 'community')
),

-- Codes are joined by |: the bars around them keep one code from being found inside another.
coupon as (
    select
        o.order_key,
        p.code,
        p.kind,
        p.network,
        p.community_id,
        p.post_id
    from shop_order as o
    inner join promo as p
        on
            contains('|' || lower(o.coupon_codes) || '|', '|' || lower(p.code) || '|')
            and p.store_id = o.store_id
            and o.order_date_local between coalesce(p.valid_from, o.order_date_local) and coalesce(p.valid_to, o.order_date_local)
),

order_group as (
    select distinct
        order_key,
        product_group
    from core.fct_order_line
    where order_date_local between $first_date and $last_date and product_group is not null
),

coupon_community as (
    select distinct
        order_key,
        network,
        community_id
    from coupon
),

-- The accounts that the buyer is known by up to the order. An account that a feed does not name is the customer's own key.
buyer_account as (
    select distinct
        o.order_key,
        m.network,
        m.member_key
    from shop_order as o
    inner join core.brg_customer_member as m
        on
            m.customer_key = o.customer_key
            and m.confidence <> 'shared'
            and m.link_date_local between o.order_date_local - interval ($touch_lookback_days) day and o.order_date_local
            and m.link_date_local between $first_date - interval ($touch_lookback_days) day and $last_date
    union all
    select
        order_key,
        null as network,
        customer_key as member_key
    from shop_order
    where customer_key is not null
),

-- The core as of the touch, not of today: whoever joined it since came as somebody else.
core_touch as (
    select distinct
        f.order_key,
        f.touch_id
    from found as f
    inner join touch as t on t.touch_id = f.touch_id
    inner join buyer_account as b on b.order_key = f.order_key and coalesce(b.network, t.network) = t.network
    inner join core.fct_core_member as k
        on
            k.date_local = t.touch_date_local
            and k.network = t.network
            and k.community_id = t.community_id
            and k.member_key = b.member_key
            and k.date_local between $first_date - interval ($touch_lookback_days + 2) day and $last_date + interval 1 day
),

session_touch as (
    select
        o.order_key,
        o.order_date_local,
        t.touch_id,
        t.touch_kind,
        f.reason,
        t.touch_ts,
        date_diff('second', t.touch_ts, o.bought_ts) as age_seconds,
        t.channel,
        t.network,
        t.community_id,
        t.post_id,
        t.post_method,
        date_diff('second', t.post_published_ts, t.touch_ts) as post_age_seconds,
        t.product_group,
        t.action,
        t.reshare_reason,
        cast(null as varchar) as promo_kind,
        k.order_key is not null as is_core_member,
        case
            when c.order_key is not null then 'promo_code'
            when g.order_key is not null then 'product_group'
        end as match_reason
    from found as f
    inner join shop_order as o on o.order_key = f.order_key
    inner join touch as t on t.touch_id = f.touch_id
    left join order_group as g on g.order_key = f.order_key and g.product_group = t.product_group
    left join coupon_community as c
        on c.order_key = f.order_key and c.network = t.network and c.community_id = t.community_id
    left join core_touch as k on k.order_key = f.order_key and k.touch_id = f.touch_id
),

code_touch as (
    select
        o.order_key,
        o.order_date_local,
        'code:' || c.code as touch_id,
        'promo_code' as touch_kind,
        'promo_code' as reason,
        o.bought_ts as touch_ts,
        cast(0 as bigint) as age_seconds,
        'Organic Social' as channel,
        coalesce(c.network, '(code)') as network,
        c.community_id,
        c.post_id,
        case when c.post_id is not null then 'tagged' else 'none' end as post_method,
        cast(null as bigint) as post_age_seconds,
        cast(null as varchar) as product_group,
        cast(null as varchar) as action,
        cast(null as varchar) as reshare_reason,
        c.kind as promo_kind,
        false as is_core_member,
        'promo_code' as match_reason
    from coupon as c
    inner join shop_order as o on o.order_key = c.order_key
)

select
    *,
    match_reason is not null as is_matched
from session_touch
union all
select
    *,
    true as is_matched
from code_touch
