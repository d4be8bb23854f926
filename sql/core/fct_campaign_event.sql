-- Grain: one row per mailing or offline event, with its cost in the shop's currency at the rate of its day.
select
    e.source_system,
    e.event_id,
    e.kind,
    e.name,
    e.start_ts,
    e.event_date_local,
    e.end_ts,
    e.place,
    nullif(lower(regexp_replace(trim(e.utm_campaign), '\p{Cf}', '', 'g')), '') as campaign,
    e.audience,
    e.sent,
    e.delivered,
    e.opened,
    e.opened_without_proxies,
    e.clicked,
    e.unsubscribed,
    e.bounced,
    e.complained,
    e.attended,
    e.cost_amount,
    e.currency,
    -- A cost that names no currency is in the shop's.
    case
        when coalesce(e.currency, $shop_currency) = $shop_currency then e.cost_amount
        else cast(e.cost_amount * x.rate as decimal(18, 4))
    end as cost_base_amount
from staging.stg_campaign_event as e
left join core.fct_exchange_rate as x on x.date_local = e.event_date_local and x.currency = e.currency
where e.event_date_local between $first_date and $last_date
