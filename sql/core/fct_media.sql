-- Grain: one row per photo or video of a community.
select
    network,
    community_id,
    media_id,
    post_id,
    album_id,
    product_id,
    width,
    height,
    media_date_local
from staging.stg_community_media
where media_date_local between $first_date and $last_date
