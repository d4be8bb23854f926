-- Grain: one row per visit with what its addresses say: hosts, paths, tags and click ids; nothing is decided here.
-- Every address is taken apart once, however many visits share it.
-- Signs that nobody sees, such as a zero-width blank copied from a chat, would make another tag of it.
with seen_visit as (
    select
        visit_key,
        session_date_local,
        landing_url,
        page_referrer,
        trim(regexp_replace(utm_source, '\p{Cf}', '', 'g')) as utm_source,
        trim(regexp_replace(utm_medium, '\p{Cf}', '', 'g')) as utm_medium,
        trim(regexp_replace(utm_campaign, '\p{Cf}', '', 'g')) as utm_campaign,
        trim(regexp_replace(utm_content, '\p{Cf}', '', 'g')) as utm_content,
        trim(regexp_replace(utm_term, '\p{Cf}', '', 'g')) as utm_term,
        vendor_channel
    from core.fct_visit
    where session_date_local between $first_date and $last_date
),

visit as (
    select
        visit_key,
        session_date_local,
        landing_url,
        page_referrer,
        -- What a vendor writes for "no tag" is no tag, nor is a placeholder that nobody filled, as {{campaign.name}}.
        nullif(regexp_replace(utm_source, '^(?i:null|undefined|n/a|-|—|\(none\)|\(not set\)|\{[^}]*\}+)$', ''), '') as utm_source,
        nullif(regexp_replace(utm_medium, '^(?i:null|undefined|n/a|-|—|\(none\)|\(not set\)|\{[^}]*\}+)$', ''), '') as utm_medium,
        nullif(regexp_replace(utm_campaign, '^(?i:null|undefined|n/a|-|—|\(none\)|\(not set\)|\{[^}]*\}+)$', ''), '') as utm_campaign,
        nullif(regexp_replace(utm_content, '^(?i:null|undefined|n/a|-|—|\(none\)|\(not set\)|\{[^}]*\}+)$', ''), '') as utm_content,
        nullif(regexp_replace(utm_term, '^(?i:null|undefined|n/a|-|—|\(none\)|\(not set\)|\{[^}]*\}+)$', ''), '') as utm_term,
        nullif(lower(trim(vendor_channel)), '') as vendor_channel
    from seen_visit
),

url as (
    select landing_url as url from visit
    union
    select page_referrer as url from visit
),

split_url as (
    select
        url,
        case
            -- scheme://authority and //authority; javascript: and mailto: have none.
            when regexp_matches(url, '^\s*([A-Za-z][A-Za-z0-9+.-]*:)?//')
                then regexp_extract(url, '^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#\\]*)', 1)
            -- host/path without a scheme: the name must have a dot, and a colon may only start a port.
            when regexp_matches(url, '^\s*[^\s/?#:@\\]+\.[^\s/?#:@\\]+(:[0-9]+)?\s*([/?#]|$)')
                then regexp_extract(url, '^\s*([^\s/?#:@\\]+)', 1)
        end as authority,
        case
            when regexp_matches(url, '^\s*([A-Za-z][A-Za-z0-9+.-]*:)?//')
                then regexp_extract(url, '^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#\\]*([^?#]*)', 1)
            when regexp_matches(url, '^\s*[^\s/?#:@\\]+\.[^\s/?#:@\\]+(:[0-9]+)?\s*([/?#]|$)')
                then regexp_extract(url, '^\s*[^/?#]+([^?#]*)', 1)
            else regexp_extract(url, '^\s*(/[^?#]*)', 1)
        end as path,
        replace(regexp_extract(url, '^[^?#]*\?([^#]*)', 1), '&amp;', '&') as query
    from url
    where url is not null
),

-- The host in lower case without user, port, trailing dots and www.; longer than DNS allows is no host.
clean_url as (
    select
        url,
        regexp_replace(
            regexp_replace(regexp_replace(lower(trim(authority)), '^.*@', ''), '\.*(:[0-9]*)?$', ''), '^www\.', ''
        ) as host,
        path,
        query
    from split_url
),

address as (
    select
        url,
        case when length(host) between 1 and 253 then host end as host,
        path,
        query
    from clean_url
),

url_parameter as (
    select
        url,
        query,
        unnest(string_split(query, '&')) as parameter
    from address
    where query <> ''
),

tag_text as (
    select
        url,
        lower(split_part(parameter, '=', 1)) as name,
        strpos('&' || query || '&', '&' || parameter || '&') as place,
        replace(substr(parameter, strpos(parameter, '=') + 1), '+', ' ') as text
    from url_parameter
    where regexp_matches(parameter, '^(?i:utm_(source|medium|campaign|content|term))=')
),

-- Only percent-encoded UTF-8 is decoded; anything else (cp1251, a lone %) stays as it came.
decoded_tag as (
    select
        url,
        name,
        place,
        case
            when
                regexp_matches(
                    text,
                    '^([^%]|%[0-7][0-9A-Fa-f]|%([Cc][2-9A-Fa-f]|[Dd][0-9A-Fa-f]|[Ee]0%[AaBb][0-9A-Fa-f]'
                    || '|[Ee][1-9A-CEFa-cef]%[89ABab][0-9A-Fa-f]|[Ee][Dd]%[89][0-9A-Fa-f]'
                    || '|[Ff]0%[9ABab][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]|[Ff][1-3]%[89ABab][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]'
                    || '|[Ff]4%8[0-9A-Fa-f]%[89ABab][0-9A-Fa-f])%[89ABab][0-9A-Fa-f])*$'
                )
                then url_decode(text)
            else text
        end as text
    from tag_text
),

seen_tag as (
    select
        url,
        name,
        place,
        regexp_replace(text, '^[\s\pZ\p{Cf}]+|[\s\pZ\p{Cf}]+$|\p{Cf}', '', 'g') as text
    from decoded_tag
),

tag_value as (
    select
        url,
        name,
        place,
        nullif(regexp_replace(text, '^(?i:null|undefined|n/a|-|—|\(none\)|\(not set\)|\{[^}]*\}+)$', ''), '') as value
    from seen_tag
),

-- Of a tag that stands twice in an address the first with a value counts.
url_tag as (
    select
        url,
        arg_min(value, (place, value)) filter (where name = 'utm_source' and value is not null) as utm_source,
        arg_min(value, (place, value)) filter (where name = 'utm_medium' and value is not null) as utm_medium,
        arg_min(value, (place, value)) filter (where name = 'utm_campaign' and value is not null) as utm_campaign,
        arg_min(value, (place, value)) filter (where name = 'utm_content' and value is not null) as utm_content,
        arg_min(value, (place, value)) filter (where name = 'utm_term' and value is not null) as utm_term
    from tag_value
    group by url
),

-- The parameters that are click ids and hold something, each once.
url_click as (
    select distinct
        p.url,
        c.parameter as click_id
    from url_parameter as p
    inner join seeds.click_id as c
        on lower(split_part(p.parameter, '=', 1)) = c.parameter and length(p.parameter) > length(c.parameter) + 1
),

url_clicks as (
    select
        url,
        string_agg(click_id, ' ' order by click_id) as click_ids
    from url_click
    group by url
),

tagged as (
    select
        v.visit_key,
        v.session_date_local,
        l.host as landing_host,
        l.path as landing_path,
        r.host as referrer_host,
        r.path as referrer_path,
        coalesce(v.utm_source, t.utm_source) as utm_source,
        coalesce(v.utm_medium, t.utm_medium) as utm_medium,
        coalesce(v.utm_campaign, t.utm_campaign) as utm_campaign,
        coalesce(v.utm_content, t.utm_content) as utm_content,
        coalesce(v.utm_term, t.utm_term) as utm_term,
        c.click_ids,
        v.vendor_channel
    from visit as v
    left join address as l on l.url = v.landing_url
    left join address as r on r.url = v.page_referrer
    left join url_tag as t on t.url = v.landing_url
    left join url_clicks as c on c.url = v.landing_url
)

select
    visit_key,
    session_date_local,
    landing_host,
    landing_path,
    referrer_host,
    referrer_path,
    utm_source,
    -- A tag may hold an address: https://www.facebook.com/shop names facebook.com.
    case
        when strpos(utm_source, '.') > 0
            then regexp_extract(lower(utm_source), '^(?:https?://)?(?:www\.)?([^\s/?#:]*)', 1)
        else lower(utm_source)
    end as utm_source_name,
    utm_medium,
    utm_campaign,
    utm_content,
    utm_term,
    click_ids,
    vendor_channel
from tagged
