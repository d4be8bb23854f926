-- Grain: one row per visit with the source and medium that its evidence gives.
-- Tags, click id, referrer, nothing: in this order. Names, hosts and click ids are judged once per distinct value.
with recursive visit as (
    select
        *,
        -- The programs that run forums name their pages alike.
        coalesce(
            regexp_matches(
                lower(referrer_path), '^/forums?(/|$)|/(viewtopic|viewforum|showthread|forumdisplay|showtopic)(\.php)?(/|$)'
            ), false
        ) as is_forum_page
    from core.visit_address
    where session_date_local between $first_date and $last_date
),

name as (
    select referrer_host as name from visit
    union
    select landing_host as name from visit
    union
    select utm_source_name as name from visit
    union
    select source as name from seeds.click_id
),

-- a.b.example.ua, b.example.ua, example.ua, ua: names match on label borders only, never inside a label.
suffix as (
    select
        name,
        name as suffix,
        0 as depth
    from name
    where length(name) between 1 and 253
    union all
    select
        name,
        regexp_replace(suffix, '^[^.]*\.', '') as suffix,
        depth + 1 as depth
    from suffix
    where strpos(suffix, '.') > 0 and depth < 20
),

-- google.com.ua is looked up as google.* too.
pattern as (
    select name, depth, suffix as pattern, 0 as is_any_country from suffix
    union all
    select name, depth, regexp_replace(suffix, '\.([a-z]{2,3}|com?\.[a-z]{2})$', '.*') as pattern, 1 as is_any_country
    from suffix
    where regexp_matches(suffix, '\.([a-z]{2,3}|com?\.[a-z]{2})$')
),

listed as (
    select
        source,
        scope,
        category,
        network,
        kind,
        0 as list_rank
    from seeds.shop_source
    union all
    select
        source,
        scope,
        category,
        network,
        kind,
        1 as list_rank
    from seeds.source_host
    union all
    select
        host,
        'subdomains' as scope,
        'spam' as category,
        cast(null as varchar) as network,
        'spam' as kind,
        2 as list_rank
    from seeds.spam_host
),

known_source as (
    select
        p.name,
        h.category,
        h.network,
        h.kind,
        h.list_rank = 0 as is_of_shop
    from pattern as p
    inner join listed as h on h.source = p.pattern and (p.depth = 0 or h.scope = 'subdomains')
    -- The longest listed name wins, a name in full beats one for any country, and the shop's own list the shipped ones.
    qualify row_number() over (partition by p.name order by p.depth, p.is_any_country, h.list_rank) = 1
),

barred_host as (
    select
        regexp_extract(lower(trim(host)), '^(?:https?://)?(?:www\.)?([^/:?#]*)', 1) as host,
        kind
    from seeds.shop_host
    union all
    select
        host,
        'payment' as kind
    from seeds.payment_host
),

-- Hosts that never take a visit: 'own' sorts before 'payment' where a host is both.
barred as (
    select
        s.name,
        min(h.kind) as kind
    from suffix as s
    inner join barred_host as h on h.host = s.suffix
    group by s.name
),

-- The name somebody registered: one label more than the suffix under which anybody can.
site as (
    select
        s.name,
        s.suffix as site
    from suffix as s
    left join seeds.domain_suffix as d on d.suffix = regexp_replace(s.suffix, '^[^.]*\.', '')
    where
        strpos(s.suffix, '.') > 0
        and (d.suffix is not null or strpos(regexp_replace(s.suffix, '^[^.]*\.', ''), '.') = 0)
        and not regexp_matches(s.name, '^[0-9.]+$')
    qualify row_number() over (partition by s.name order by s.depth) = 1
),

host_pair as (
    select distinct
        landing_host,
        referrer_host,
        is_forum_page
    from visit
    where referrer_host is not null
),

paired as (
    select
        p.landing_host,
        p.referrer_host,
        p.is_forum_page,
        k.category,
        k.network,
        k.kind as source_kind,
        coalesce(rs.site, p.referrer_host) as site,
        -- Forums are too many to list: one that is not says so in its pages' names, or beside a site in its first label.
        k.category is null
        and (p.is_forum_page or (regexp_matches(p.referrer_host, '^forums?\.') and rs.site <> p.referrer_host)) as is_forum,
        case
            when rb.kind is not null then rb.kind
            when p.referrer_host = p.landing_host then 'self'
            -- A landing page outside the shop's declared hosts: its whole site counts as own, unless the referrer is a
            -- listed source that merely shares the name (a shop on sites.google.com found through google.com).
            when lb.kind is null and k.category is null and rs.site = ls.site then 'self'
            else 'external'
        end as kind
    from host_pair as p
    left join known_source as k on k.name = p.referrer_host
    left join barred as rb on rb.name = p.referrer_host
    left join barred as lb on lb.name = p.landing_host
    left join site as rs on rs.name = p.referrer_host
    left join site as ls on ls.name = p.landing_host
),

referrer as (
    select
        landing_host,
        referrer_host,
        is_forum_page,
        kind,
        case when is_forum then 'forum' else category end as category,
        case when is_forum then site else network end as network,
        case when is_forum then 'forum' else source_kind end as source_kind
    from paired
),

-- Only an external referrer shows a network.
judged as (
    select
        v.*,
        coalesce(r.kind, 'none') as referrer_kind,
        case when r.kind = 'external' then r.category end as referrer_category,
        case when r.kind = 'external' then r.network end as referrer_network,
        case when r.kind = 'external' then r.source_kind end as referrer_source_kind
    from visit as v
    left join referrer as r
        on
            r.referrer_host = v.referrer_host
            and r.landing_host is not distinct from v.landing_host
            and r.is_forum_page = v.is_forum_page
),

click_set as (
    select distinct
        click_ids,
        referrer_network
    from judged
    where click_ids is not null
),

click_candidate as (
    select
        click_ids,
        referrer_network,
        unnest(string_split(click_ids, ' ')) as click_id
    from click_set
),

-- Of several click ids the one that the referrer confirms counts, else the first by position: a social network adds its
-- own to an address that already carries another's.
click as (
    select
        s.click_ids,
        s.referrer_network,
        s.click_id,
        c.network,
        c.source,
        c.medium
    from click_candidate as s
    inner join seeds.click_id as c on c.parameter = s.click_id
    qualify row_number() over (
        partition by s.click_ids, s.referrer_network
        order by case when c.network = s.referrer_network then 0 else 1 end, c.position
    ) = 1
),

evidence as (
    select
        j.*,
        c.click_id,
        c.network as click_network,
        c.source as click_source,
        c.medium as click_medium,
        case
            -- Tags of spam are written by whoever wrote the entry.
            when j.referrer_category = 'spam' then 'referrer'
            when j.utm_source is not null then 'tag'
            -- A click id is copied with the address, a referrer is not: a listed source of another network contradicts it.
            when
                c.click_id is not null
                and (
                    coalesce(j.referrer_category, 'email') = 'email'
                    or j.referrer_network = c.network
                    -- A host that only passes on is no source: what it passed on may show one.
                    or (j.referrer_network is null and j.referrer_source_kind in ('short_link', 'link_page'))
                )
                then 'click_id'
            when j.referrer_kind = 'external' then 'referrer'
            else 'none'
        end as evidence
    from judged as j
    left join click as c on c.click_ids = j.click_ids and c.referrer_network is not distinct from j.referrer_network
),

-- A flood: a hundred visits of a day and more, from a site that no list knows, of which hardly one did anything but land. Not
-- one reader in a hundred who opens a second page, stays or reaches for the cart is no audience, however many bounce.
-- A visit of unknown pages proves nothing.
flood as (
    select
        e.session_date_local,
        e.referrer_host
    from evidence as e
    inner join core.fct_visit as v
        on v.visit_key = e.visit_key and v.session_date_local between $first_date and $last_date
    where
        e.evidence = 'referrer' and e.referrer_category is null and v.visit_kind = 'session'
    group by e.session_date_local, e.referrer_host
    having
        count(*) >= 100
        and count(*) filter (
            where v.pageviews <= 1
            and coalesce(v.engagement_seconds, 0) = 0
            and coalesce(v.cart_events, 0) = 0
            and coalesce(v.key_events, 0) = 0
            and v.order_ref is null
        ) >= 0.99 * count(*)
),

named as (
    select
        e.* replace (case when f.referrer_host is null then e.referrer_category else 'flood' end as referrer_category),
        e.referrer_kind = 'external' and e.referrer_category is null as is_unknown_referrer,
        case
            when e.evidence = 'tag' then lower(e.utm_source)
            when e.evidence = 'click_id' and coalesce(e.referrer_network, '') <> e.click_network then e.click_source
            -- A search engine is one source under all its addresses, as in GA4.
            when e.evidence in ('click_id', 'referrer') and e.referrer_category = 'search' then e.referrer_network
            when e.evidence in ('click_id', 'referrer') then e.referrer_host
            -- Somebody tagged the link and left the source out: unknown, not direct.
            when coalesce(e.utm_medium, e.utm_campaign) is not null then '(not set)'
            else '(direct)'
        end as source,
        case
            when e.evidence = 'tag' then e.utm_source_name
            when e.evidence = 'click_id' and coalesce(e.referrer_network, '') <> e.click_network then e.click_source
            when e.evidence in ('click_id', 'referrer') then e.referrer_host
        end as source_name
    from evidence as e
    left join flood as f
        on f.session_date_local = e.session_date_local and f.referrer_host = e.referrer_host and e.evidence = 'referrer'
)

select
    n.visit_key,
    n.session_date_local,
    n.landing_host,
    n.landing_path,
    n.referrer_host,
    n.referrer_path,
    n.referrer_kind,
    n.utm_source,
    n.utm_medium,
    n.utm_campaign,
    n.utm_content,
    n.utm_term,
    n.click_id,
    n.click_network,
    n.vendor_channel,
    n.evidence,
    n.source,
    case
        when n.utm_medium is not null then lower(n.utm_medium)
        when n.source = '(direct)' then '(none)'
        when n.evidence = 'click_id' then n.click_medium
        when n.evidence = 'referrer' and n.referrer_category = 'search' then 'organic'
        when n.evidence = 'referrer' then 'referral'
        -- A tagged source without medium: the click id of the same network tells how it came.
        when n.evidence = 'tag' and n.click_network = k.network then n.click_medium
        else '(not set)'
    end as medium,
    case when n.evidence = 'referrer' then n.referrer_category else k.category end as source_category,
    case when n.evidence = 'referrer' then n.referrer_source_kind else k.kind end as source_kind,
    -- The social or video network, where the source is one, else where click id or referrer show one.
    case
        when n.evidence = 'referrer' and n.referrer_category = 'forum' then n.referrer_network
        when k.category in ('social', 'video') and k.network is not null then k.network
        when coalesce(k.kind, 'link_page') not in ('link_page', 'short_link') then null
        when ck.category in ('social', 'video') then n.click_network
        when n.referrer_category in ('social', 'video', 'forum') then n.referrer_network
    end as network,
    -- A referrer that no list knows, though it could have been a source: what to add to the lists.
    n.is_unknown_referrer,
    case when n.referrer_category in ('social', 'video', 'forum') then n.referrer_network end as referrer_network,
    coalesce(k.is_of_shop, false) as is_source_of_shop
from named as n
left join known_source as k on k.name = n.source_name
left join known_source as ck on ck.name = n.click_source
