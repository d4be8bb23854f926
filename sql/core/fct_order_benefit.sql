-- Grain: one row per countable order with the one class it belongs to. The classes exclude each other and leave no order
-- out; the first that fits wins in the order D4, D3, D2, D1.
with chosen as (
    select
        order_key,
        session_key,
        method,
        bought_ts
    from core.brg_order_session
    where order_date_local between $first_date and $last_date and is_chosen
),

shop_order as (
    select
        o.order_key,
        o.order_date_local,
        coalesce(c.bought_ts, o.created_ts) as bought_ts,
        -- The visit is certain only where the order's number found it.
        case when c.method in ('order_ref', 'visit_order_ref') then c.session_key end as buying_session_key
    from core.fct_order as o
    left join chosen as c on c.order_key = o.order_key
    where o.order_date_local between $first_date and $last_date and o.is_countable
),

found as (
    select *
    from core.brg_order_touch
    where order_date_local between $first_date and $last_date
),

-- Members give likes by the dozen: a sign is no touch, and one that shows what was bought explains no purchase.
touch as (
    select *
    from found
    where touch_kind <> 'member_sign'
),

-- Beside a long comparison it is word enough that the community was there: for D3 every action convinces.
last_sign as (
    select
        order_key,
        arg_max(touch_id, (touch_ts, touch_id)) as touch_id
    from found
    where touch_kind = 'member_sign' and age_seconds <= $considered_touch_days * 86400
    group by order_key
),

ordered_item as (
    select distinct
        order_key,
        sku
    from core.fct_order_line
    where order_date_local between $first_date and $last_date and sku is not null
),

ordered_group as (
    select distinct
        order_key,
        product_group,
        sku
    from core.fct_order_line
    where order_date_local between $first_date and $last_date and product_group is not null
),

buyer as (
    select
        v.order_key,
        v.visitor_key,
        v.only_session_key,
        o.order_date_local,
        o.bought_ts,
        o.buying_session_key
    from core.brg_order_visitor as v
    inner join shop_order as o on o.order_key = v.order_key
    where v.order_date_local between $first_date and $last_date
),

-- What the buyer did with each item of the order before it. The visit that ends in the order counts as a whole: clocks of
-- shop and browser differ, and an order may be known by its day alone.
item_interest as (
    select
        b.order_key,
        l.sku,
        count(*) filter (where i.event_name = 'view_item') as views,
        count(distinct i.session_key) filter (where i.event_name = 'view_item') as viewing_sessions,
        min(i.event_ts) filter (where i.event_name = 'view_item') as first_view_ts,
        min(date_diff('second', i.event_ts, b.bought_ts)) filter (
            where
            i.event_name = 'add_to_wishlist'
            and i.event_ts <= b.bought_ts - interval ($deferred_min_days) day
        ) as wished_seconds
    from buyer as b
    inner join core.fct_item_event as i
        on
            i.visitor_key = b.visitor_key
            and (b.only_session_key is null or i.session_key = b.only_session_key)
            and i.event_date_local between $first_date - interval ($touch_lookback_days + 2) day and $last_date + interval 1 day
            and i.event_date_local <= b.order_date_local + interval 1 day
            and (i.event_ts <= b.bought_ts or i.session_key = b.buying_session_key)
            and i.event_ts >= b.bought_ts - interval ($touch_lookback_days) day
    inner join ordered_item as l on l.order_key = b.order_key and l.sku = i.sku
    group by b.order_key, l.sku
),

-- Three items viewed once each are not one item compared three times: D3 and D4 are held against the item that was
-- looked at most. A wish for any of them counts.
ranked_interest as (
    select
        order_key,
        views,
        viewing_sessions,
        first_view_ts,
        min(wished_seconds) over (partition by order_key) as wished_seconds,
        row_number() over (
            partition by order_key order by viewing_sessions desc, views desc, first_view_ts asc nulls last, sku asc
        ) as position
    from item_interest
),

-- A buyer none of whose visits is known has unknown views, not none.
interest as (
    select
        b.order_key,
        coalesce(max(r.views), 0) as views,
        coalesce(max(r.viewing_sessions), 0) as viewing_sessions,
        max(r.first_view_ts) as first_view_ts,
        max(r.wished_seconds) as wished_seconds
    from buyer as b
    left join ranked_interest as r on r.order_key = b.order_key and r.position = 1
    group by b.order_key
),

-- When the items of each group of the order were first viewed: the latest of these views, as one item that was just seen is
-- enough. It is unknown for a group of which nothing was viewed.
group_interest as (
    select
        g.order_key,
        g.product_group,
        max(i.first_view_ts) as first_view_ts
    from ordered_group as g
    left join item_interest as i on i.order_key = g.order_key and i.sku = g.sku
    group by g.order_key, g.product_group
),

-- How much longer than nothing an impulse may take for D2 to fit: the oldest of touch, post and first view, of the touch that
-- asks for least. The view is of what the touch is about: of the items of its group where any was ordered. A code says nothing
-- of an item, so there it is the one looked at most.
fresh as (
    select
        t.order_key,
        min(greatest(
            t.age_seconds,
            t.post_age_seconds,
            date_diff('second', case when g.order_key is not null then g.first_view_ts else r.first_view_ts end, o.bought_ts)
        )) as impulse_seconds
    from touch as t
    inner join shop_order as o on o.order_key = t.order_key
    left join group_interest as g on g.order_key = t.order_key and g.product_group = t.product_group
    left join ranked_interest as r on r.order_key = t.order_key and r.position = 1
    where
        t.is_matched
        and t.touch_kind in ('visit', 'order_attribution')
        and t.post_age_seconds >= 0
        and case when g.order_key is not null then g.first_view_ts else r.first_view_ts end is not null
    group by t.order_key
),

-- The touches of an order, folded into the facts the rules ask for. A code is a touch, but typing it in at the checkout is
-- none that came before the order: it neither breaks the quiet of a deferred order nor convinces anybody.
touched as (
    select
        order_key,
        count(*) as touches,
        min(age_seconds) filter (where is_matched and age_seconds >= $deferred_min_days * 86400) as deferred_seconds,
        max(case
            when is_matched and touch_kind <> 'promo_code' and age_seconds <= $deferred_quiet_days * 86400 then 1
            else 0
        end) as has_recent_match,
        min(age_seconds) filter (
            where action = 'save' and is_matched and age_seconds >= $deferred_min_days * 86400
        ) as saved_seconds,
        max(case
            when touch_kind <> 'promo_code' and age_seconds <= $considered_touch_days * 86400 then 1
            else 0
        end) as has_convincing_touch,
        max(case when promo_kind = 'friend' then 1 else 0 end) as has_friend_code,
        min(age_seconds) filter (
            where action in ('recommend', 'reshare', 'comment') and is_matched
        ) as recommended_seconds,
        min(age_seconds) filter (where is_matched) as matched_seconds,
        max(case when touch_kind = 'visit' then 1 else 0 end) as has_visit,
        min(age_seconds) filter (where is_core_member) as core_seconds,
        -- The touch to name: a matched one before others, and of these the code's community, whose word the buyer gave. There
        -- a real touch before the code itself, so that the order stays with the post of its visit; then the latest.
        arg_max(
            touch_id,
            (
                case when is_matched then 1 else 0 end,
                case when match_reason = 'promo_code' then 1 else 0 end,
                case when touch_kind <> 'promo_code' then 1 else 0 end,
                touch_ts,
                touch_id
            )
        ) as touch_id
    from touch
    group by order_key
),

-- What the rules ask for, so that they can be held against other thresholds as well.
fact as (
    select
        o.order_key,
        o.order_date_local,
        coalesce(t.touch_id, s.touch_id) as touch_id,
        coalesce(t.touches, 0) as touches,
        coalesce(t.has_visit, 0) = 1 as has_observed_visit,
        coalesce(i.views, 0) as item_views,
        coalesce(i.viewing_sessions, 0) as viewing_sessions,
        i.first_view_ts,
        coalesce(d.is_due, false) as is_due,
        date_diff('second', i.first_view_ts, o.bought_ts) as first_view_seconds,
        coalesce(t.has_convincing_touch, 0) = 1 or s.order_key is not null as is_convinced,
        i.views <= $deferred_max_views and t.has_recent_match = 0 as is_quiet,
        coalesce(t.has_friend_code, 0) = 1 as has_friend_code,
        f.impulse_seconds,
        case when t.order_key is not null then least(i.wished_seconds, t.saved_seconds) end as saved_seconds,
        t.deferred_seconds,
        t.recommended_seconds,
        t.matched_seconds,
        t.core_seconds
    from shop_order as o
    left join touched as t on t.order_key = o.order_key
    left join last_sign as s on s.order_key = o.order_key
    left join fresh as f on f.order_key = o.order_key
    left join interest as i on i.order_key = o.order_key
    left join core.dim_date as d on d.date_local = o.order_date_local
),

-- kpi.kpi_benefit_sensitivity holds the same order of cases against other thresholds; its suite wants the same answer for these.
classed as (
    select
        *,
        case
            -- D4: put off and bought when due; a saved item proves it, else an old touch and little looking since.
            when is_due and saved_seconds <= $deferred_max_days * 86400 then 'D4a'
            when is_due and deferred_seconds <= $deferred_max_days * 86400 and is_quiet then 'D4b'
            -- D3: compared for long, then convinced by the community.
            when
                viewing_sessions >= $considered_min_sessions
                and first_view_seconds >= $considered_first_view_days * 86400
                and is_convinced
                then 'D3'
            when touches = 0 then 'none'
            -- D2: saw, wanted, bought.
            when impulse_seconds <= $impulse_hours * 3600 then 'D2'
            -- D1: on somebody's word.
            when has_friend_code then 'D1a'
            when recommended_seconds <= $recommendation_days * 86400 then 'D1b'
            when matched_seconds <= $recommendation_days * 86400 then 'D1c'
            -- Or as one of those who keep a community alive, whatever its posts showed.
            when core_seconds <= $recommendation_days * 86400 then 'D1d'
            else 'anyway'
        end as rule_id
    from fact
)

select
    c.order_key,
    c.order_date_local,
    case
        when c.rule_id in ('D4a', 'D4b') then 'D4_deferred'
        when c.rule_id = 'D3' then 'D3_considered'
        when c.rule_id = 'D2' then 'D2_impulse'
        when c.rule_id in ('D1a', 'D1b', 'D1c', 'D1d') then 'D1_recommendation'
        when c.rule_id = 'anyway' then 'anyway'
        else 'no_social_touch'
    end as benefit_class,
    c.rule_id,
    t.touch_id,
    t.network,
    t.community_id,
    t.post_id,
    c.touches,
    c.has_observed_visit,
    c.item_views,
    c.viewing_sessions,
    c.first_view_ts,
    c.is_due,
    c.first_view_seconds,
    c.is_convinced,
    coalesce(c.is_quiet, false) as is_quiet,
    c.has_friend_code,
    c.impulse_seconds,
    c.saved_seconds,
    c.deferred_seconds,
    c.recommended_seconds,
    c.matched_seconds,
    c.core_seconds is not null as has_core_touch,
    c.core_seconds
from classed as c
-- A sign that convinced nobody is not named.
left join found as t on t.order_key = c.order_key and t.touch_id = c.touch_id and c.rule_id <> 'none'
