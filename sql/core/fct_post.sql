-- Grain: one row per post of a community. A post shows a product group when it links to a product page of the shop; a post
-- without such a link is about its community's group, and unknown where the community serves the whole shop.
with post as (
    select
        network,
        community_id,
        post_id,
        published_ts,
        post_date_local,
        post_type,
        -- Addresses of the web and of people, words with a telephone's digits and the start of HTML entities such as
        -- &#39; become a stroke: no tag begins in them or right after.
        regexp_replace(
            regexp_replace(
                lower(post_text), '[a-z][a-z0-9+.-]*://[^\s\pZ]*|[^\s\pZ#:;,()]*@[^\s\pZ,;]*|&(amp;)*#', '/', 'g'
            ),
            '[\pL\pM\pN_]*\pN([_()-]*\pN){8,}[\pL\pM\pN_]*', '/', 'g'
        ) as tag_text,
        link_urls,
        permalink,
        is_reshare,
        reshared_from_key,
        is_paid
    from staging.stg_community_post
    where post_date_local between $first_date and $last_date
),

community as (
    select
        network,
        community_id,
        is_own,
        product_group
    from core.dim_community
),

page as (
    select
        page_path,
        min(sku) as sku,
        min(product_group) as product_group
    from core.dim_product_group
    where page_path is not null
    group by page_path
),

own_link as (
    select distinct
        network,
        community_id,
        post_id,
        place,
        -- Written as product pages are in dim_product_group.
        lower(link_path) as path
    from core.brg_post_link
    where post_date_local between $first_date and $last_date and is_of_shop
),

-- Of several links the first that shows a product counts, else the first to the shop.
shown as (
    select
        l.network,
        l.community_id,
        l.post_id,
        l.path,
        g.sku,
        g.product_group,
        row_number() over (
            partition by l.network, l.community_id, l.post_id
            order by case when g.page_path is not null then 0 else 1 end, l.place, l.path
        ) as position
    from own_link as l
    left join page as g on g.page_path = l.path
)

select
    p.network,
    p.community_id,
    p.post_id,
    p.published_ts,
    p.post_date_local,
    cast(extract(hour from p.published_ts at time zone $time_zone) as integer) as post_hour_local,
    p.post_type,
    coalesce(p.is_reshare, false) as is_reshare,
    p.reshared_from_key,
    coalesce(p.is_paid, false) as is_paid,
    p.link_urls is not null as has_link,
    nullif(g.path, '') as link_path,
    -- As networks read them: letters of any alphabet, digits and underscores, at least one of them a letter; several may
    -- follow each other without a space. None begins within a word or an address without its scheme.
    nullif(trim(replace(
        array_to_string(
            regexp_extract_all(p.tag_text, '(?:^|[^\pL\pN_/#=])((?:#[\pN_]*\pL[\pL\pM\pN_]*)+)', 1), ''
        ), '#', ' #'
    )), '') as hashtags,
    g.sku as linked_sku,
    coalesce(g.product_group, c.product_group) as product_group,
    coalesce(c.is_own, false) as is_own,
    p.permalink
from post as p
left join community as c on c.network = p.network and c.community_id = p.community_id
left join shown as g
    on g.network = p.network and g.community_id = p.community_id and g.post_id = p.post_id and g.position = 1
