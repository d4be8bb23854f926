-- Grain: one row per link of a post: which host and page it names, and whether that is the shop's.
with link as (
    select
        network,
        community_id,
        post_id,
        post_date_local,
        link_urls,
        unnest(string_split(link_urls, ' ')) as url
    from staging.stg_community_post
    where post_date_local between $first_date and $last_date and link_urls is not null
),

split_link as (
    select
        network,
        community_id,
        post_id,
        post_date_local,
        strpos(link_urls, url) as place,
        regexp_extract(lower(url), '^https?://(?:[^/?#@]*@)?(?:www\.)?([^/?#:]+)', 1) as link_host,
        -- In the letters of the address: a short link with others leads elsewhere. A full stop after it is the sentence's.
        regexp_replace(regexp_extract(url, '^(?i:https?)://[^/?#]+(/[^?#]*)', 1), '[/.,;:!?)»”]+$', '') as link_path
    from link
),

own_host as (
    select regexp_replace(host, '^www\.', '') as host
    from seeds.shop_host
    where kind = 'own'
),

host_list as (
    select count(*) as hosts
    from own_host
)

-- A page of another site may have the same path; where the shop names no hosts of its own, any site may be it.
select
    l.network,
    l.community_id,
    l.post_id,
    l.post_date_local,
    l.link_host,
    l.link_path,
    min(l.place) as place,
    max(case when n.hosts = 0 or h.host is not null then 1 else 0 end) = 1 as is_of_shop
from split_link as l
cross join host_list as n
left join own_host as h on l.link_host = h.host or ends_with(l.link_host, '.' || h.host)
where l.link_host <> ''
group by l.network, l.community_id, l.post_id, l.post_date_local, l.link_host, l.link_path
