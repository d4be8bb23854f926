-- Grain: one row per visit whose referrer only passes on and whose link own posts show: of which network, community and
-- post it is. What several posts share is known as far as they agree; posts of two networks prove neither.
with visit as (
    select
        visit_key,
        session_date_local,
        referrer_host,
        coalesce(regexp_replace(referrer_path, '/+$', ''), '') as referrer_path,
        regexp_replace(lower(landing_path), '/+$', '') as landing_path,
        network
    from core.visit_source
    where
        session_date_local between $first_date and $last_date
        and evidence = 'referrer'
        and source_kind in ('short_link', 'link_page')
),

link as (
    select
        l.network,
        l.community_id,
        l.post_id,
        l.post_date_local,
        l.link_host,
        l.link_path,
        l.is_of_shop
    from core.brg_post_link as l
    inner join core.dim_community as c on c.network = l.network and c.community_id = l.community_id and c.is_own
    where l.post_date_local between $first_date - interval 89 day and $last_date
),

-- A network's own short links are found in its own posts only: elsewhere they were copied.
candidate as (
    select
        v.visit_key,
        v.session_date_local,
        v.referrer_path,
        v.landing_path,
        l.network,
        l.community_id,
        l.post_id,
        l.link_path
    from visit as v
    inner join link as l
        on
            l.link_host = v.referrer_host
            and l.post_date_local between v.session_date_local - interval 89 day and v.session_date_local
            and (v.network is null or v.network = l.network)
),

-- The very link; or, where the browser tells no more than the host, a post that shows the page the visit began on, too.
found as (
    select
        visit_key,
        session_date_local,
        network,
        community_id,
        post_id,
        'address' as link_method
    from candidate
    where referrer_path <> '' and referrer_path = link_path
    union all
    select distinct
        c.visit_key,
        c.session_date_local,
        c.network,
        c.community_id,
        c.post_id,
        'target' as link_method
    from candidate as c
    inner join link as t
        on
            t.network = c.network
            and t.community_id = c.community_id
            and t.post_id = c.post_id
            and t.is_of_shop
            and lower(t.link_path) = c.landing_path
    where c.referrer_path = '' and c.landing_path <> ''
)

select
    visit_key,
    session_date_local,
    min(network) as network,
    case when count(distinct community_id) = 1 then min(community_id) end as community_id,
    case when count(distinct community_id) = 1 and count(distinct post_id) = 1 then min(post_id) end as post_id,
    min(link_method) as link_method
from found
group by visit_key, session_date_local
having count(distinct network) = 1
