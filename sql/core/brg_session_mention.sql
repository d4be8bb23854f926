-- Grain: one row per visit that came from a page, or at least a site, which spoke of the shop with a link: by which mention.
with visit as (
    select
        session_key,
        session_date_local,
        start_ts,
        channel,
        referrer_host,
        -- Two spellings: some pages are told apart by their query, to others it adds only tags.
        nullif(regexp_extract(lower(page_referrer), '^[a-z]+://(?:www\.)?([^/?#]+/[^#]*[^/#])', 1), '') as full_address,
        nullif(regexp_extract(lower(page_referrer), '^[a-z]+://(?:www\.)?([^/?#]+/[^?#]*[^/?#])', 1), '') as page_address
    from core.fct_session
    where
        session_date_local between $first_date and $last_date
        and visit_kind = 'session'
        and not is_paid
        and not coalesce(is_referrer_spam, false)
        and referrer_host is not null
),

mention as (
    select
        source_system,
        monitor_id,
        mention_id,
        brand,
        author_class,
        published_ts,
        mention_date_local,
        domain,
        linked_url,
        coalesce(post_type = 'repost', false) as is_repost,
        -- An address without a path is the site's, whatever stands there today.
        nullif(regexp_extract(lower(url), '^[a-z]+://(?:www\.)?([^/?#]+/[^#]*[^/#])', 1), '') as address
    from core.fct_mention
    where
        mention_date_local between $first_date - interval 28 day and $last_date
        and is_own_brand
        and not is_spam and not is_repeat
        and linked_url is not null
),

-- The very page sends a visit in any channel: a blogger's post on a social network is social. Its site alone says something
-- only of referrals: of a network's visits nearly all come from elsewhere on it.
visit_place as (
    select session_key, session_date_local, start_ts, full_address as place, true as is_same_page from visit
    union
    select session_key, session_date_local, start_ts, page_address as place, true as is_same_page from visit
    union
    select session_key, session_date_local, start_ts, referrer_host as place, false as is_same_page
    from visit
    where channel = 'Referral'
),

mention_place as (
    select *, address as place, true as is_same_page from mention
    union all
    select *, domain as place, false as is_same_page from mention
),

-- The very page before the site, then the newest mention: browsers often tell no more than the site.
ranked as (
    select
        v.session_key,
        v.session_date_local,
        m.source_system,
        m.monitor_id,
        m.mention_id,
        m.brand,
        m.author_class,
        m.published_ts,
        m.linked_url,
        m.is_repost,
        m.is_same_page,
        row_number() over (
            partition by v.session_key
            order by
                case when m.is_same_page then 0 else 1 end,
                m.published_ts desc,
                m.source_system asc,
                m.monitor_id asc,
                m.mention_id asc,
                m.brand asc
        ) as position
    from visit_place as v
    inner join mention_place as m
        on
            m.place = v.place
            and m.is_same_page = v.is_same_page
            and m.published_ts <= v.start_ts
            and m.mention_date_local > v.session_date_local - interval 28 day
)

select
    session_key,
    session_date_local,
    source_system,
    monitor_id,
    mention_id,
    brand,
    author_class,
    published_ts,
    linked_url,
    is_repost,
    is_same_page
from ranked
where position = 1
