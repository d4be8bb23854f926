-- Grain: one row per mention and brand, told apart by who speaks: media, bloggers, users.
with staged as (
    select
        *,
        coalesce(nullif(trim(domain), ''), url) as place
    from staging.stg_mention
    where mention_date_local between $first_date and $last_date
),

-- The host as referrers are written (core.visit_address): lower case, without user, port and www.
mention as (
    select
        *,
        nullif(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        regexp_extract(lower(trim(place)), '^(?:(?:[a-z][a-z0-9+.-]*:)?//)?([^/?#\\]*)', 1), '^.*@', ''
                    ), '\.*(:[0-9]*)?$', ''
                ), '^www\.', ''
            ), ''
        ) as host,
        -- An address as it is shared: without scheme, www., tags of campaigns, fragment and the last slash.
        regexp_replace(
            regexp_replace(
                regexp_replace(replace(lower(trim(url)), '/?', '?'), '#.*$|^[a-z][a-z0-9+.-]*://(www\.)?', '', 'g'),
                '([?&])((utm_[a-z]+|fbclid|gclid)=[^&]*&?)+', '\1', 'g'
            ), '[/?&]+$', ''
        ) as address,
        -- The words alone: two retweets of one text differ in marks, in who is quoted and in shortened addresses.
        trim(
            regexp_replace(
                regexp_replace(
                    lower(concat_ws(' ', title, mention_text)), '^rt @[^:]*:|[a-z][a-z0-9+.-]*://[^\s\pZ]*|@[\pL\pN_]+', ' ', 'g'
                ), '[^\pL\pN]+', ' ', 'g'
            )
        ) as words
    from staged
)

select
    source_system,
    monitor_id,
    mention_id,
    brand,
    lower(brand) = lower($own_brand) as is_own_brand,
    published_ts,
    mention_date_local,
    url,
    host as domain,
    source_type,
    post_type,
    -- Who speaks: a news site is media; a blog, or a social author with a large following, is a blogger; others are users.
    case
        when source_type = 'news' then 'media'
        when source_type = 'blog' then 'blogger'
        when coalesce(author_followers, 0) >= $blogger_min_followers then 'blogger'
        else 'user'
    end as author_class,
    case
        when source_type = 'news' then 'source_news'
        when source_type = 'blog' then 'source_blog'
        when coalesce(author_followers, 0) >= $blogger_min_followers then 'followers'
        else 'default_user'
    end as author_class_rule,
    author_key,
    -- An outlet is the site for media and the author for everybody else.
    case when source_type = 'news' then coalesce(host, outlet) else coalesce(author_key, host) end as outlet_key,
    coalesce(sentiment, 'unknown') as sentiment,
    likes,
    comments,
    shares,
    views,
    reach,
    -- Unknown only where no counter at all was collected.
    case
        when coalesce(likes, comments, shares) is not null
            then coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0)
    end as engagements,
    linked_url,
    coalesce(is_spam, false) as is_spam,
    -- Near-duplicates: the vendor's group, else one address, else the same words of a day. Few words are said by many.
    md5(
        case
            when vendor_group is not null then 'group|' || source_system || '|' || vendor_group
            when address <> '' then 'address|' || address
            when length(words) >= 20 then 'words|' || cast(mention_date_local as varchar) || '|' || words
            else 'mention|' || source_system || '|' || monitor_id || '|' || mention_id
        end
    ) as dedup_group,
    -- Two topics of a monitor find the same page or post; one that is no spam stands for it. Two services find the same page
    -- of a day; the first of them by name stands for it, since their instants differ.
    row_number() over (
        partition by source_system, brand, published_ts, coalesce(url, mention_id)
        order by coalesce(is_spam, false), monitor_id, mention_id
    ) > 1
    or coalesce(
        address <> '' and source_system > min(case when not coalesce(is_spam, false) then source_system end) over (
            partition by brand, mention_date_local, address
        ), false
    ) as is_repeat
from mention
