-- Grain: one row per order without a social touch and hint that a community may have had a part in it all the same. A hint
-- makes no touch and no class; it raises the upper bound of what communities brought, and nothing else.
with benefit as (
    select
        order_key,
        order_date_local
    from core.fct_order_benefit
    where order_date_local between $first_date and $last_date and benefit_class = 'no_social_touch'
),

placed as (
    select
        s.order_key,
        b.order_date_local,
        s.session_key,
        s.method,
        s.is_chosen
    from benefit as b
    inner join core.brg_order_session as s
        on s.order_key = b.order_key and s.order_date_local between $first_date and $last_date
),

-- The only visit is direct to a page that an own post linked to in the two days before; of several posts the newest.
direct_spike as (
    select
        s.order_key,
        s.order_date_local,
        'direct_after_post' as hint,
        s.session_key,
        arg_max(p.network, (p.published_ts, p.network, p.community_id, p.post_id)) as network,
        arg_max(p.community_id, (p.published_ts, p.network, p.community_id, p.post_id)) as community_id,
        arg_max(p.post_id, (p.published_ts, p.network, p.community_id, p.post_id)) as post_id
    from placed as s
    inner join core.fct_session as v
        on
            v.session_key = s.session_key
            and v.channel = 'Direct'
            and not coalesce(v.is_referrer_spam, false)
            and v.landing_section = 'product'
            and v.session_date_local between $first_date - interval 3 day and $last_date + interval 1 day
    inner join core.fct_post as p
        on
            p.is_own
            and p.link_path = regexp_replace(lower(v.landing_path), '/+$', '')
            and p.published_ts between v.start_ts - interval 2 day and v.start_ts
            and p.post_date_local between $first_date - interval 6 day and $last_date + interval 1 day
    where s.is_chosen
    group by s.order_key, s.order_date_local, s.session_key
),

-- The shop system's own note may name a network where the visit that was found by number does not. What is bought counts
-- no more here than among the touches.
noted as (
    select
        s.order_key,
        s.order_date_local,
        'order_note' as hint,
        s.session_key,
        v.network,
        v.community_id,
        v.post_id
    from placed as s
    inner join core.fct_session as v
        on
            v.session_key = s.session_key
            and v.network is not null
            and not coalesce(v.is_referrer_spam, false)
            and (not v.is_paid or v.community_id is not null)
            and v.session_date_local between $first_date and $last_date
    where s.method = 'order_attribution'
),

-- The buyer said so when asked; what names two networks names neither.
surveyed as (
    select
        b.order_key,
        b.order_date_local,
        'survey' as hint,
        cast(null as varchar) as session_key,
        case when count(distinct a.network) = 1 then min(a.network) end as network,
        cast(null as varchar) as community_id,
        cast(null as varchar) as post_id
    from benefit as b
    inner join core.brg_order_survey as a
        on a.order_key = b.order_key and a.order_date_local between $first_date and $last_date
    where a.network is not null
    group by b.order_key, b.order_date_local
)

select * from direct_spike
union all
select * from noted
union all
select * from surveyed
