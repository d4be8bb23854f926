-- Grain: one row per day, deciding rule, network and referring host that no list and no rule of the shop knows. What is
-- known is counted by its rule alone, so that no address of a person's page is published.
with visit as (
    select
        session_date_local as date_local,
        rule_id,
        channel,
        coalesce(network, '(none)') as network,
        case
            when
                is_unknown_referrer
                -- The host of a flood is one to name: as spam, or as a source if it was none.
                and (not is_referrer_spam or rule_id = 'referrer_flood')
                and not regexp_matches(rule_id, '^own_[a-z0-9_]+$')
                then referrer_host
            else '(none)'
        end as unknown_host,
        is_referrer_spam,
        -- Paths may hold an address or a number of somebody.
        case when not regexp_matches(lower(landing_path), '@|%40|[0-9]{7}') then landing_path end as landing_path
    from core.fct_session
    where session_date_local between $first_date and $last_date and visit_kind = 'session'
)

select
    date_local,
    rule_id,
    channel,
    network,
    unknown_host,
    is_referrer_spam,
    count(*) as sessions,
    case when unknown_host <> '(none)' then min(landing_path) end as example_landing_path
from visit
group by date_local, rule_id, channel, network, unknown_host, is_referrer_spam
