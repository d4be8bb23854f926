-- Grain: one row per visit with its channel: the first rule of seeds.channel_rule that its source, medium and campaign
-- meet. Patterns are tried once per distinct value, rules once per distinct combination.
with visit as (
    select
        s.visit_key,
        s.session_date_local,
        s.source,
        s.medium,
        s.utm_campaign,
        s.utm_content,
        lower(coalesce(s.utm_campaign, '')) as campaign_tag,
        -- A link that only passes on is what own posts show it to be.
        case when s.network is null and l.network is not null then 'own_link' else s.source_category end as source_category,
        coalesce(s.network, l.network) as network,
        s.evidence,
        s.referrer_kind,
        s.vendor_channel,
        s.landing_path,
        s.referrer_host,
        s.referrer_path,
        s.source_kind,
        s.referrer_network,
        s.is_unknown_referrer,
        s.is_source_of_shop
    from core.visit_source as s
    left join core.visit_link as l
        on l.visit_key = s.visit_key and l.session_date_local between $first_date and $last_date
    where s.session_date_local between $first_date and $last_date
),

listed_rule as (
    select
        position,
        rule_id,
        channel,
        source_category,
        source_pattern,
        medium_pattern,
        campaign_pattern
    from seeds.channel_rule
    union all
    -- The shop's own come first: their positions lie below 0.
    select
        position,
        rule_id,
        channel,
        source_category,
        source_pattern,
        medium_pattern,
        campaign_pattern
    from seeds.shop_channel_rule
),

rule as (
    select
        r.position,
        r.rule_id,
        r.channel,
        nullif(r.source_category, '') as source_category,
        nullif(r.source_pattern, '') as source_pattern,
        nullif(r.medium_pattern, '') as medium_pattern,
        nullif(r.campaign_pattern, '') as campaign_pattern,
        k.is_other_carrier
    from listed_rule as r
    left join seeds.channel as k on k.channel = r.channel
),

value as (
    select 'source' as field, source as value from visit
    union
    select 'medium' as field, medium as value from visit
    union
    select 'campaign' as field, campaign_tag as value from visit
),

pattern as (
    select 'source' as field, source_pattern as pattern from rule
    union
    select 'medium' as field, medium_pattern as pattern from rule
    union
    select 'campaign' as field, campaign_pattern as pattern from rule
),

hit as (
    select
        v.field,
        v.value,
        p.pattern
    from value as v
    inner join pattern as p on p.field = v.field and regexp_matches(v.value, p.pattern)
),

combination as (
    select distinct
        source,
        coalesce(source_category, '') as source_category,
        medium,
        campaign_tag
    from visit
),

-- A condition that a rule leaves empty is met by every visit; the first rule in position order decides. Which carrier the
-- tags name is asked of all rules: an e-mail of a campaign named shop is Organic Shopping to GA4, and an e-mail still.
decided as (
    select
        c.source,
        c.source_category,
        c.medium,
        c.campaign_tag,
        min(r.position) as position,
        max(case when r.is_other_carrier then 1 else 0 end) = 1 as has_other_carrier
    from combination as c
    inner join rule as r on r.source_category is null or r.source_category = c.source_category
    left join hit as s on s.field = 'source' and s.value = c.source and s.pattern = r.source_pattern
    left join hit as m on m.field = 'medium' and m.value = c.medium and m.pattern = r.medium_pattern
    left join hit as t on t.field = 'campaign' and t.value = c.campaign_tag and t.pattern = r.campaign_pattern
    where
        (r.source_pattern is null or s.pattern is not null)
        and (r.medium_pattern is null or m.pattern is not null)
        and (r.campaign_pattern is null or t.pattern is not null)
    group by c.source, c.source_category, c.medium, c.campaign_tag
),

-- The vendor's own channel counts only for a visit of which nothing else is known.
judged as (
    select
        v.*,
        -- Where the shop's own list of sources made the rule fit, the rule says so.
        case when v.is_source_of_shop and r.source_category is not null then 'own_host:' else '' end || r.rule_id as own_rule_id,
        r.channel as own_channel,
        d.has_other_carrier,
        v.vendor_channel is not null
        and v.evidence = 'none'
        and v.source = '(direct)'
        and v.referrer_kind = 'none' as is_vendor_word
    from visit as v
    inner join decided as d
        on
            d.source = v.source
            and d.source_category = coalesce(v.source_category, '')
            and d.medium = v.medium
            and d.campaign_tag = v.campaign_tag
    inner join rule as r on r.position = d.position
),

channelled as (
    select
        j.*,
        -- A vendor's word that nobody has mapped yet is not Direct: it says that the vendor knew more.
        case when j.is_vendor_word then coalesce(w.channel, 'Unassigned') else j.own_channel end as channel,
        case when j.is_vendor_word then coalesce(w.source, '(not set)') else j.source end as final_source,
        case when j.is_vendor_word then coalesce(w.medium, '(not set)') else j.medium end as final_medium,
        case when j.is_vendor_word then coalesce(w.rule_id, 'vendor_unknown') else j.own_rule_id end as rule_id
    from judged as j
    left join seeds.vendor_channel as w on w.vendor_channel = j.vendor_channel
),

described as (
    select
        c.*,
        k.is_paid,
        k.is_spam
    from channelled as c
    left join seeds.channel as k on k.channel = c.channel
)

select
    visit_key,
    session_date_local,
    final_source as source,
    final_medium as medium,
    utm_campaign as campaign,
    utm_content as content,
    channel,
    -- The network is the source's, whatever else its tags made of the channel. Only an e-mail or a partner's link that was
    -- opened in a network's app is not social; a visit can be social without its network being known, as where the medium
    -- alone says so.
    case
        when is_spam then null
        when channel in ('Organic Social', 'Paid Social') then coalesce(network, '(unknown)')
        when source_category in ('social', 'video') or not has_other_carrier then network
    end as network,
    is_paid,
    is_spam as is_referrer_spam,
    rule_id,
    evidence,
    landing_path,
    referrer_host,
    referrer_path,
    source_kind,
    referrer_network,
    is_unknown_referrer
from described
