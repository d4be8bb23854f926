-- Grain: one row per post of a community. A post shows a product group when it links to a product page; a post without
-- such a link is about its community's group, and unknown where the community serves the whole shop.
with post as (
    select
        network,
        community_id,
        post_id,
        published_ts,
        post_date_local,
        post_type,
        post_text,
        link_urls,
        permalink,
        is_reshare,
        reshared_from,
        is_paid,
        lower(regexp_extract(link_urls, 'https?://[^/ ]+(/[^?# ]*)', 1)) as link_path
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
    p.reshared_from,
    coalesce(p.is_paid, false) as is_paid,
    p.link_urls is not null as has_link,
    nullif(p.link_path, '') as link_path,
    nullif(array_to_string(regexp_extract_all(lower(p.post_text), '#[^\s#]+'), ' '), '') as hashtags,
    g.sku as linked_sku,
    coalesce(g.product_group, c.product_group) as product_group,
    coalesce(c.is_own, false) as is_own,
    p.permalink
from post as p
left join community as c on c.network = p.network and c.community_id = p.community_id
left join page as g on g.page_path = p.link_path
