-- Grain: one row per visit that came from a page, or at least a site, which spoke of the shop with a link: by which mention.
with visit as (
    select
        session_key,
        session_date_local,
        start_ts,
        referrer_host,
        regexp_extract(lower(page_referrer), '^[a-z]+://(?:www\.)?([^?#]*)', 1) as referrer_address
    from core.fct_session
    where
        session_date_local between $first_date and $last_date
        and visit_kind = 'session'
        and channel = 'Referral'
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
        regexp_extract(lower(url), '^[a-z]+://(?:www\.)?([^?#]*)', 1) as address
    from core.fct_mention
    where
        mention_date_local between $first_date - interval 28 day and $last_date
        and is_own_brand
        and not is_spam and not is_repeat
        and linked_url is not null
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
        v.referrer_address = m.address as is_same_page,
        row_number() over (
            partition by v.session_key
            order by
                case when v.referrer_address = m.address then 0 else 1 end,
                m.published_ts desc,
                m.source_system asc,
                m.monitor_id asc,
                m.mention_id asc,
                m.brand asc
        ) as position
    from visit as v
    inner join mention as m
        on
            m.domain = v.referrer_host
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
    coalesce(is_same_page, false) as is_same_page
from ranked
where position = 1
