-- Grain: one row per day, property of the search console and query, and one per page: what people searched and found.
-- A feed may ask several questions (by query, by query and page, by page and device ...) whose rows describe the same
-- clicks, and properties may lie within each other. Of each only one is taken, so that the rows of a kind can be added up.
with row_of_day as (
    select
        site,
        metric_date,
        search_type,
        query,
        page,
        clicks,
        impressions,
        position,
        is_final,
        case when country <> '' then 1 else 0 end as by_country,
        case when device <> '' then 1 else 0 end as by_device
    from staging.stg_search_position_day
    where metric_date between $first_date and $last_date and period = '' and search_type in ('web', '')
),

-- The number of the question: the fewer further dimensions, the less the console leaves out. Rows that name no kind of
-- search may be the same clicks as those of web search.
asked as (
    select
        site,
        metric_date,
        'query' as subject_kind,
        query as subject,
        clicks,
        impressions,
        position,
        is_final,
        case when search_type = 'web' then 0 else 100 end
        + 10 * (case when page <> '' then 1 else 0 end + by_country + by_device)
        + case when page <> '' then 4 else 0 end + 2 * by_country + by_device as question
    from row_of_day
    where query <> ''
    union all
    select
        site,
        metric_date,
        'page' as subject_kind,
        page as subject,
        clicks,
        impressions,
        position,
        is_final,
        case when search_type = 'web' then 0 else 100 end
        + 10 * (case when query <> '' then 1 else 0 end + by_country + by_device)
        + case when query <> '' then 4 else 0 end + 2 * by_country + by_device as question
    from row_of_day
    where page <> ''
),

chosen as (
    select
        site,
        metric_date,
        subject_kind,
        min(question) as question
    from asked
    group by site, metric_date, subject_kind
),

property as (
    select
        site,
        metric_date,
        subject_kind,
        lower(site) as address,
        case when lower(site) like 'sc-domain:%' then substr(lower(site), 11) end as domain,
        case
            when lower(site) like 'sc-domain:%' then substr(lower(site), 11)
            else regexp_extract(lower(site), '^https?://([^/:?#]*)', 1)
        end as host
    from chosen
),

-- A domain holds its hosts and subdomains, an address all that begins with it.
covered as (
    select distinct
        a.site,
        a.metric_date,
        a.subject_kind
    from property as a
    inner join property as b
        on
            b.metric_date = a.metric_date
            and b.subject_kind = a.subject_kind
            and b.site <> a.site
            and (
                (b.domain = a.host and a.domain is null)
                or a.host like '%.' || b.domain
                or (b.address like '%/' and starts_with(a.address, b.address))
            )
),

summed as (
    select
        q.metric_date,
        q.site,
        q.subject_kind,
        q.subject,
        cast(sum(q.clicks) as bigint) as clicks,
        cast(sum(q.impressions) as bigint) as impressions,
        sum(cast(q.position as double) * q.impressions)
        / nullif(cast(sum(q.impressions) filter (where q.position is not null) as double), 0) as position,
        case
            when count(*) filter (where not q.is_final) > 0 then false
            when count(q.is_final) > 0 then true
        end as is_final
    from asked as q
    inner join chosen as h
        on
            h.site = q.site
            and h.metric_date = q.metric_date
            and h.subject_kind = q.subject_kind
            and h.question = q.question
    left join covered as c
        on c.site = q.site and c.metric_date = q.metric_date and c.subject_kind = q.subject_kind
    where c.site is null
    group by q.metric_date, q.site, q.subject_kind, q.subject
)

select
    metric_date,
    site,
    subject_kind,
    subject,
    case when subject_kind = 'query' then regexp_matches(lower(subject), $brand_word_pattern) end as is_brand,
    case
        when subject_kind = 'page'
            then regexp_replace(regexp_extract(subject, '^(?:[A-Za-z]+://[^/?#]*)?([^?#]*)', 1), '/+$', '')
    end as page_path,
    clicks,
    impressions,
    round(position, 6) as position,
    is_final
from summed
