-- Grain: one row per day, own community and rule of content: how many of what was checked keep it. What cannot be told is
-- unknown, with the reason. Rules of the whole shop stand under (shop).
with day as (
    select date_local
    from core.dim_date
    where date_local between $first_date and $last_date
),

cell as (
    select
        d.date_local,
        c.network,
        c.community_id,
        c.community_name,
        c.product_group,
        c.has_contacts,
        c.has_rules,
        c.has_logo
    from day as d
    inner join core.dim_community as c on c.is_own and coalesce(c.launched_on, d.date_local) <= d.date_local
),

-- What somebody else wrote, and what is gone in a day and has no text, is left out.
posted as (
    select
        c.date_local,
        c.network,
        c.community_id,
        count(*) as posts,
        count(p.hashtags) as tagged_posts,
        count(p.post_type) as typed_posts,
        count(distinct p.post_type) as types
    from cell as c
    inner join core.fct_post as p
        on
            p.network = c.network
            and p.community_id = c.community_id
            and not p.is_reshare
            and coalesce(p.post_type, '') <> 'story'
            and p.post_date_local between c.date_local - interval 27 day and c.date_local
    group by c.date_local, c.network, c.community_id
),

pictured as (
    select
        c.date_local,
        c.network,
        c.community_id,
        count(*) as media,
        count(*) filter (where greatest(m.width, m.height) >= 1080) as large_media
    from cell as c
    inner join core.fct_media as m
        on
            m.network = c.network
            and m.community_id = c.community_id
            and m.width is not null
            and m.height is not null
            and m.media_date_local between c.date_local - interval 27 day and c.date_local
    group by c.date_local, c.network, c.community_id
),

-- Which product stands in which album, and since when.
shown as (
    select
        network,
        community_id,
        album_id,
        product_id,
        min(media_date_local) as first_date
    from core.fct_media
    where product_id is not null and media_date_local <= $last_date
    group by network, community_id, album_id, product_id
),

counted as (
    select
        c.date_local,
        c.network,
        c.community_id,
        s.album_id,
        count(*) over (partition by c.date_local, c.network, c.community_id, s.album_id) as products_of_album,
        count(*) over (partition by c.date_local, c.network, c.community_id, s.product_id) as albums_of_product
    from cell as c
    inner join shown as s
        on
            s.network = c.network
            and s.community_id = c.community_id
            and s.album_id is not null
            and s.first_date <= c.date_local
),

album as (
    select
        date_local,
        network,
        community_id,
        count(distinct album_id) as albums,
        count(distinct case when products_of_album = 1 and albums_of_product = 1 then album_id end) as single_albums
    from counted
    group by date_local, network, community_id
),

-- New products have a week's time: those count whose week is over. A community for a product group shows that group.
arrival as (
    select
        c.date_local,
        c.network,
        c.community_id,
        a.source_system,
        a.store_id,
        a.product_id,
        a.sku,
        a.arrived_on
    from cell as c
    inner join core.dim_product_arrival as a
        on
            a.arrived_on between c.date_local - interval 34 day and c.date_local - interval 7 day
            and (c.product_group is null or c.product_group = a.product_group)
),

telling as (
    select
        network,
        community_id,
        min(first_date) as first_date
    from shown
    group by network, community_id
),

in_album as (
    select
        a.date_local,
        a.network,
        a.community_id,
        a.source_system,
        a.store_id,
        a.product_id,
        max(case when m.media_id is not null then 1 else 0 end) as is_shown
    from arrival as a
    inner join telling as t
        on t.network = a.network and t.community_id = a.community_id and t.first_date <= a.date_local
    left join core.fct_media as m
        on
            m.network = a.network
            and m.community_id = a.community_id
            and (m.product_id = a.product_id or m.product_id = a.sku)
            and m.media_date_local between a.arrived_on - interval 7 day and a.arrived_on + interval 7 day
    group by a.date_local, a.network, a.community_id, a.source_system, a.store_id, a.product_id
),

recent_post as (
    select distinct
        c.date_local,
        c.network,
        c.community_id
    from cell as c
    inner join core.fct_post as p
        on
            p.network = c.network
            and p.community_id = c.community_id
            and p.post_date_local between c.date_local - interval 41 day and c.date_local
),

announced as (
    select
        a.date_local,
        a.network,
        a.community_id,
        a.source_system,
        a.store_id,
        a.product_id,
        max(case when p.post_id is not null then 1 else 0 end) as is_announced
    from arrival as a
    inner join recent_post as r
        on r.date_local = a.date_local and r.network = a.network and r.community_id = a.community_id
    left join core.fct_post as p
        on
            p.network = a.network
            and p.community_id = a.community_id
            and p.linked_sku = a.sku
            and p.post_date_local between a.arrived_on - interval 7 day and a.arrived_on + interval 7 day
    group by a.date_local, a.network, a.community_id, a.source_system, a.store_id, a.product_id
),

-- A kind of event that nobody told of in a year is unknown, not missing.
held as (
    select
        d.date_local,
        e.kind,
        count(*) filter (where e.event_date_local > d.date_local - interval 28 day) as events_28d,
        count(*) filter (where e.event_date_local > d.date_local - interval 92 day) as events_92d
    from day as d
    inner join core.fct_campaign_event as e
        on
            e.kind in ('newsletter', 'offline_event')
            and e.event_date_local between d.date_local - interval 364 day and d.date_local
    group by d.date_local, e.kind
),

result as (
    select date_local, network, community_id, 'hashtag_on_every_post' as rule_id, posts as checked, tagged_posts as kept
    from posted
    union all
    select date_local, network, community_id, 'style_varied' as rule_id, 3 as checked, least(3, types) as kept
    from posted
    where typed_posts >= 3
    union all
    select date_local, network, community_id, 'photo_resolution' as rule_id, media as checked, large_media as kept
    from pictured
    union all
    select date_local, network, community_id, 'one_product_one_album' as rule_id, albums as checked, single_albums as kept
    from album
    union all
    select date_local, network, community_id, 'album_kept_up' as rule_id, count(*) as checked, sum(is_shown) as kept
    from in_album
    group by date_local, network, community_id
    union all
    select date_local, network, community_id, 'new_arrivals_announced' as rule_id, count(*) as checked, sum(is_announced) as kept
    from announced
    group by date_local, network, community_id
    union all
    select date_local, network, community_id, 'contacts_given' as rule_id, 1 as checked, cast(has_contacts as integer) as kept
    from cell
    where has_contacts is not null
    union all
    select date_local, network, community_id, 'rules_given' as rule_id, 1 as checked, cast(has_rules as integer) as kept
    from cell
    where has_rules is not null
    union all
    select date_local, network, community_id, 'logo_shown' as rule_id, 1 as checked, 1 as kept
    from cell
    where has_logo
    union all
    select
        date_local, '(shop)' as network, '(shop)' as community_id, 'newsletters_held' as rule_id, 1 as checked, least(1, events_28d) as kept
    from held
    where kind = 'newsletter'
    union all
    select
        date_local,
        '(shop)' as network,
        '(shop)' as community_id,
        'offline_events_held' as rule_id,
        1 as checked,
        least(1, events_92d) as kept
    from held
    where kind = 'offline_event'
),

asked as (
    select date_local, network, community_id, community_name, false as is_of_shop from cell
    union all
    select date_local, '(shop)' as network, '(shop)' as community_id, '(shop)' as community_name, true as is_of_shop from day
)

select
    a.date_local,
    a.network,
    a.community_id,
    a.community_name,
    u.rule_id,
    u.rule_number,
    u.title,
    u.counted,
    cast(r.checked as bigint) as checked,
    cast(r.kept as bigint) as kept,
    r.kept / nullif(cast(r.checked as double), 0) as kept_share,
    r.kept = r.checked as is_kept,
    case when r.rule_id is null then u.when_unknown end as unknown_reason,
    case when r.kept < r.checked then u.what_to_do end as what_to_do
from asked as a
inner join seeds.content_rule as u on u.is_of_shop = a.is_of_shop
left join result as r
    on
        r.date_local = a.date_local
        and r.network = a.network
        and r.community_id = a.community_id
        and r.rule_id = u.rule_id
