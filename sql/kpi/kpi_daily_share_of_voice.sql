-- Grain: one row per day and brand: what part of the day's conversation each brand has.
with spoken as (
    select
        mention_date_local as date_local,
        brand,
        max(case when is_own_brand then 1 else 0 end) = 1 as is_own,
        count(*) as mentions,
        sum(reach) as reach,
        sum(engagements) as engagements,
        count(*) filter (where sentiment = 'positive') as positive,
        count(*) filter (where sentiment = 'neutral') as neutral,
        count(*) filter (where sentiment = 'negative') as negative
    from core.fct_mention
    where mention_date_local between $first_date and $last_date and not is_spam and not is_repeat
    group by mention_date_local, brand
)

select
    date_local,
    brand,
    is_own,
    mentions,
    cast(reach as bigint) as reach,
    cast(engagements as bigint) as engagements,
    mentions / nullif(cast(sum(mentions) over (partition by date_local) as double), 0) as mentions_share,
    reach / nullif(cast(sum(reach) over (partition by date_local) as double), 0) as reach_share,
    engagements / nullif(cast(sum(engagements) over (partition by date_local) as double), 0) as engagements_share,
    100.0 * (positive - negative) / nullif(cast(positive + neutral + negative as double), 0) as net_sentiment_pct
from spoken
