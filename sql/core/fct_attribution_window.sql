-- Grain: one row per end of a month, level, model and unit of that level: what the two models that look at all paths at once
-- make of the 90 days up to that day. A unit is a channel, or a channel with its network and community. Orders without a visit
-- are on no path: they keep what they are worth under a name of their own.
with month_end as (
    select date_local as window_end_date
    from core.dim_date
    where
        date_local between $first_date and $last_date
        and extract(month from date_local + interval 1 day) <> extract(month from date_local)
),

level as (
    select 'channel' as level
    union all
    select 'community' as level
),

model as (
    select 'markov' as model
    union all
    select 'shapley' as model
),

touch as (
    select
        order_key,
        order_date_local,
        session_key,
        touch_position,
        channel,
        network,
        community_id,
        credited_revenue_amount
    from core.fct_attribution_credit
    where model = 'linear' and order_date_local between $first_date - interval 89 day and $last_date
),

-- A path ends with an order.
converted as (
    select
        m.window_end_date,
        t.order_key,
        string_agg(
            t.channel || chr(30) || t.network || chr(30) || t.community_id, chr(31) order by t.touch_position
        ) as path,
        -- Linear credit is unknown for an order of unknown worth, which adds nothing.
        coalesce(sum(t.credited_revenue_amount), 0) as amount
    from month_end as m
    inner join touch as t on t.order_date_local between m.window_end_date - interval 89 day and m.window_end_date
    where t.session_key <> 'none'
    group by m.window_end_date, t.order_key
),

on_path as (
    select distinct
        m.window_end_date,
        t.session_key
    from month_end as m
    inner join touch as t on t.order_date_local between m.window_end_date - interval 89 day and m.window_end_date
),

-- Or without one: the visits of a visitor that are on the path of no order.
free_visit as (
    select
        m.window_end_date,
        s.visitor_key,
        s.session_key,
        s.start_ts,
        s.channel || chr(30) || coalesce(s.network, '(none)') || chr(30)
        || coalesce(s.community_id, case when s.network is null then '(none)' else '(unknown)' end) as unit
    from month_end as m
    inner join core.fct_session as s
        on
            s.session_date_local between m.window_end_date - interval 89 day and m.window_end_date
            and s.session_date_local between $first_date - interval 89 day and $last_date
            and s.visit_kind = 'session'
            and s.visitor_key is not null
            and not coalesce(s.is_referrer_spam, false)
    left join on_path as p on p.window_end_date = m.window_end_date and p.session_key = s.session_key
    where p.session_key is null
),

visitor as (
    select
        window_end_date,
        visitor_key,
        count(*) as visits,
        max(unit) as unit
    from free_visit
    group by window_end_date, visitor_key
),

-- Who came once has a path of one visit, which needs no order: most visitors, and putting visits in order is the dear part.
told as (
    select
        window_end_date,
        path,
        1 as conversions,
        0 as nulls,
        amount
    from converted
    union all
    select
        window_end_date,
        unit as path,
        0 as conversions,
        1 as nulls,
        cast(0 as decimal(18, 4)) as amount
    from visitor
    where visits = 1
    union all
    select
        f.window_end_date,
        string_agg(f.unit, chr(31) order by f.start_ts, f.session_key) as path,
        0 as conversions,
        1 as nulls,
        cast(0 as decimal(18, 4)) as amount
    from free_visit as f
    inner join visitor as v on v.window_end_date = f.window_end_date and v.visitor_key = f.visitor_key
    where v.visits > 1
    group by f.window_end_date, f.visitor_key
),

distinct_path as (
    select
        window_end_date,
        path,
        sum(conversions) as conversions,
        sum(nulls) as nulls,
        sum(amount) as amount
    from told
    group by window_end_date, path
),

-- The channels of a path are its units without network and community.
levelled as (
    select
        d.window_end_date,
        l.level,
        case
            when l.level = 'channel' then regexp_replace(d.path, chr(30) || '[^' || chr(31) || ']*', '', 'g') else d.path
        end as path,
        d.conversions,
        d.nulls,
        d.amount
    from distinct_path as d
    cross join level as l
),

counted as (
    select
        window_end_date,
        level,
        path,
        cast(sum(conversions) as bigint) as conversions,
        cast(sum(nulls) as bigint) as nulls,
        cast(sum(amount) as decimal(18, 4)) as amount
    from levelled
    group by window_end_date, level, path
),

credited as (
    select
        window_end_date,
        level,
        unnest(attribution_models(list_sort(list({
            'path': path,
            'conversions': conversions,
            'nulls': nulls,
            'amount': amount
        })))) as credit
    from counted
    group by window_end_date, level
)

select
    c.window_end_date,
    cast(c.window_end_date - interval 89 day as date) as window_first_date,
    c.level,
    c.credit.model,
    split_part(c.credit.unit, chr(30), 1) as channel,
    case when c.level = 'channel' then '(all)' else split_part(c.credit.unit, chr(30), 2) end as network,
    case when c.level = 'channel' then '(all)' else split_part(c.credit.unit, chr(30), 3) end as community_id,
    c.credit.credited_orders,
    c.credit.credited_orders_low,
    c.credit.credited_orders_high,
    c.credit.credited_revenue_amount,
    c.credit.credited_revenue_low_amount,
    c.credit.credited_revenue_high_amount,
    c.credit.removal_effect,
    c.credit.touched_orders,
    c.credit.last_orders,
    c.credit.unconverted_paths,
    c.credit.has_too_few_paths
from credited as c
union all
select
    m.window_end_date,
    cast(m.window_end_date - interval 89 day as date) as window_first_date,
    l.level,
    d.model,
    t.channel,
    case when l.level = 'channel' then '(all)' else t.network end as network,
    case when l.level = 'channel' then '(all)' else t.community_id end as community_id,
    cast(count(*) as double) as credited_orders,
    cast(null as double) as credited_orders_low,
    cast(null as double) as credited_orders_high,
    cast(coalesce(sum(t.credited_revenue_amount), 0) as decimal(18, 4)) as credited_revenue_amount,
    cast(null as decimal(18, 4)) as credited_revenue_low_amount,
    cast(null as decimal(18, 4)) as credited_revenue_high_amount,
    cast(null as double) as removal_effect,
    count(*) as touched_orders,
    count(*) as last_orders,
    cast(0 as bigint) as unconverted_paths,
    false as has_too_few_paths
from month_end as m
inner join touch as t on t.order_date_local between m.window_end_date - interval 89 day and m.window_end_date
cross join level as l
cross join model as d
where t.session_key = 'none'
group by m.window_end_date, l.level, d.model, t.channel, t.network, t.community_id
