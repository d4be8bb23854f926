-- Grain: one row per day, brand and class of author: who speaks of the shop and its competitors, and what came of it.
with mention as (
    select *
    from core.fct_mention
    where mention_date_local between $first_date and $last_date and not is_spam and not is_repeat
),

-- The first day on which an outlet ever spoke of the brand.
first_seen as (
    select
        brand,
        outlet_key,
        min(mention_date_local) as first_date_local
    from core.fct_mention
    where mention_date_local <= $last_date and not is_spam and not is_repeat and outlet_key is not null
    group by brand, outlet_key
),

linked as (
    select
        brand,
        author_class,
        session_key,
        session_date_local
    from core.brg_session_mention
    where session_date_local between $first_date and $last_date
),

-- Orders outside the order book (test, cancelled) are no result.
placed as (
    select
        b.session_key,
        b.order_key
    from core.brg_order_session as b
    inner join core.fct_order as o on o.order_key = b.order_key and o.order_date_local = b.order_date_local
    where
        -- The visit of an order just before midnight may begin just after it.
        b.order_date_local between $first_date - interval 1 day and $last_date + interval 3 day
        and b.is_chosen
        and o.is_countable
),

link_result as (
    select
        l.brand,
        l.author_class,
        l.session_date_local,
        count(distinct l.session_key) as linked_sessions,
        count(distinct p.order_key) as linked_orders
    from linked as l
    left join placed as p on p.session_key = l.session_key
    group by l.brand, l.author_class, l.session_date_local
),

summed as (
    select
        m.mention_date_local,
        m.brand,
        m.author_class,
        count(*) as mentions,
        count(distinct m.outlet_key) as unique_outlets,
        count(distinct case when f.first_date_local = m.mention_date_local then m.outlet_key end) as first_time_outlets,
        sum(m.reach) as reach,
        sum(m.engagements) as engagements,
        count(*) filter (where m.sentiment = 'positive') as positive,
        count(*) filter (where m.sentiment = 'neutral') as neutral,
        count(*) filter (where m.sentiment = 'negative') as negative
    from mention as m
    left join first_seen as f on f.brand = m.brand and f.outlet_key = m.outlet_key
    group by m.mention_date_local, m.brand, m.author_class
),

cell as (
    select mention_date_local as date_local, brand, author_class from summed
    union
    select session_date_local as date_local, brand, author_class from link_result
)

select
    c.date_local,
    c.brand,
    c.author_class,
    coalesce(s.mentions, 0) as mentions,
    coalesce(s.unique_outlets, 0) as unique_outlets,
    coalesce(s.first_time_outlets, 0) as first_time_outlets,
    cast(s.reach as bigint) as reach,
    cast(s.engagements as bigint) as engagements,
    coalesce(s.positive, 0) as positive,
    coalesce(s.neutral, 0) as neutral,
    coalesce(s.negative, 0) as negative,
    100.0 * (s.positive - s.negative) / nullif(cast(s.positive + s.neutral + s.negative as double), 0) as net_sentiment_pct,
    coalesce(l.linked_sessions, 0) as linked_sessions,
    coalesce(l.linked_orders, 0) as linked_orders
from cell as c
left join summed as s
    on s.mention_date_local = c.date_local and s.brand = c.brand and s.author_class = c.author_class
left join link_result as l
    on l.session_date_local = c.date_local and l.brand = c.brand and l.author_class = c.author_class
