-- Grain: one row per goal: how far it is, how far it should be by now, and where it will end if the days go on as they do.
-- The model is the plainest that has an interval: days are independent and alike, of the mean and spread of the last 28.
with last_day as (
    select max(date_local) as date_local, min(date_local) as first_date_local
    from core.dim_date
),

goal as (
    select
        g.*,
        split_part(g.kpi, '.', 1) as kpi_table,
        coalesce(g.starts_on, d.first_date_local) as first_date_local,
        least(d.date_local, g.due_on) as as_of_date, d.date_local >= g.due_on as is_over,
        m.kpi_kind
    from core.dim_goal as g
    cross join last_day as d
    left join seeds.goal_metric as m on m.kpi = g.kpi
),

-- Figures of communities, each in its own row.
supporter as (
    select
        g.source_system, g.name, g.kpi, g.kpi_kind, s.network, s.community_id, s.date_local,
        cast(case g.kpi
            when 'kpi_daily_supporters.members' then s.members
            when 'kpi_daily_supporters.members_net' then s.members_net
            when 'kpi_daily_supporters.members_joined' then s.members_joined
            when 'kpi_daily_supporters.active_members' then s.active_members
            when 'kpi_daily_supporters.active_core_members' then s.active_core_members
            when 'kpi_daily_supporters.repeat_buying_members_share' then s.repeat_buying_members
        end as decimal(18, 4)) as numerator,
        cast(s.buying_members as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_supporters as s
        on g.scope in ('all', 'social', s.network, lower(s.community_id), lower(s.network || '/' || s.community_id))
    where g.kpi_table = 'kpi_daily_supporters'
),

counted_day as (
    select distinct source_system, name, date_local from supporter
    where kpi_kind = 'level' and numerator is not null
),

-- A count holds for a week, as not every community is counted on the same days; where none is, there is nothing to hold it beside.
held as (
    select
        s.source_system, s.name, s.kpi, d.date_local, s.network, s.community_id,
        arg_max(s.numerator, (s.date_local, s.numerator)) filter (where s.numerator is not null) as numerator,
        arg_max(s.denominator, (s.date_local, s.denominator)) filter (where s.denominator is not null) as denominator,
        max(s.date_local) > d.date_local - interval 7 day as is_held
    from counted_day as d
    inner join supporter as s
        on s.source_system = d.source_system and s.name = d.name and s.date_local <= d.date_local and s.numerator is not null
    group by s.source_system, s.name, s.kpi, d.date_local, s.network, s.community_id
),

-- Of a community that was counted before and is no more the sum is unknown; a share is that of the others.
level as (
    select
        source_system, name, date_local,
        case
            when kpi = 'kpi_daily_supporters.repeat_buying_members_share'
                then cast(sum(numerator) filter (where is_held) as double) / nullif(sum(denominator) filter (where is_held), 0)
            when count(*) filter (where not is_held) = 0 then cast(sum(numerator) as double)
        end as numerator
    from held
    group by source_system, name, kpi, date_local
),

-- Every row of the published table that lies within the goal's scope, as numerator and denominator.
reading as (
    select
        g.source_system, g.name, b.date_local,
        cast(case g.kpi
            when 'kpi_daily_benefit.orders' then b.orders
            when 'kpi_daily_benefit.new_customers' then b.new_customers
            when 'kpi_daily_benefit.core_member_orders' then b.core_member_orders
            when 'kpi_daily_benefit.gross_revenue_amount' then b.gross_revenue_amount
            when 'kpi_daily_benefit.net_revenue_amount' then b.net_revenue_amount
            when 'kpi_daily_benefit.margin_amount' then b.margin_amount
        end as decimal(18, 4)) as numerator,
        cast(null as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_benefit as b
        on
            g.scope in ('all', b.network, lower(b.community_id), lower(b.network || '/' || b.community_id), lower(b.benefit_class))
            or (g.scope = 'social' and b.network <> '(none)')
            or (g.scope = 'benefit' and b.benefit_class like 'D%')
    where g.kpi_table = 'kpi_daily_benefit'
    union all
    select
        g.source_system, g.name, t.date_local,
        cast(case g.kpi
            when 'kpi_daily_social_traffic.sessions' then t.sessions
            when 'kpi_daily_social_traffic.engaged_sessions' then t.engaged_sessions
            when 'kpi_daily_social_traffic.cart_sessions' then t.cart_sessions
            when 'kpi_daily_social_traffic.orders' then t.orders
            when 'kpi_daily_social_traffic.net_revenue_amount' then t.net_revenue_amount
            when 'kpi_daily_social_traffic.engaged_share' then t.engaged_sessions
            when 'kpi_daily_social_traffic.bounce_ga4_share' then t.bounced_ga4_sessions
        end as decimal(18, 4)) as numerator,
        cast(case when g.kpi_kind = 'ratio' then t.sessions end as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_social_traffic as t
        on
            g.scope in ('all', 'social', t.network, lower(t.community_id), lower(t.network || '/' || t.community_id), t.landing_section)
    where g.kpi_table = 'kpi_daily_social_traffic'
    union all
    select source_system, name, date_local, numerator, cast(null as decimal(18, 4)) as denominator from supporter
    where kpi_kind = 'flow'
    union all
    select
        g.source_system, g.name, m.date_local,
        cast(case g.kpi
            when 'kpi_daily_media_interest.mentions' then m.mentions
            when 'kpi_daily_media_interest.first_time_outlets' then m.first_time_outlets
            when 'kpi_daily_media_interest.reach' then m.reach
            when 'kpi_daily_media_interest.negative' then m.negative
            when 'kpi_daily_media_interest.linked_sessions' then m.linked_sessions
            when 'kpi_daily_media_interest.linked_orders' then m.linked_orders
            when 'kpi_daily_media_interest.net_sentiment_pct' then 100 * (m.positive - m.negative)
        end as decimal(18, 4)) as numerator,
        cast(case when g.kpi_kind = 'ratio' then m.positive + m.neutral + m.negative end as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_media_interest as m on m.brand = $own_brand and g.scope in ('all', m.author_class)
    where g.kpi_table = 'kpi_daily_media_interest'
    union all
    select
        g.source_system, g.name, v.date_local,
        cast(case g.kpi
            when 'kpi_daily_share_of_voice.mentions_share' then case when v.is_own then v.mentions else 0 end
            when 'kpi_daily_share_of_voice.reach_share' then case when v.is_own then v.reach else 0 end
            when 'kpi_daily_share_of_voice.engagements_share' then case when v.is_own then v.engagements else 0 end
        end as decimal(18, 4)) as numerator,
        cast(case g.kpi
            when 'kpi_daily_share_of_voice.mentions_share' then v.mentions
            when 'kpi_daily_share_of_voice.reach_share' then v.reach
            when 'kpi_daily_share_of_voice.engagements_share' then v.engagements
        end as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_share_of_voice as v on g.scope = 'all'
    where g.kpi_table = 'kpi_daily_share_of_voice'
    union all
    select
        g.source_system, g.name, a.date_local,
        cast(case g.kpi
            when 'kpi_daily_community_activity.posts' then a.posts
            when 'kpi_daily_community_activity.engagements' then a.engagements
            when 'kpi_daily_community_activity.questions_answered_share' then a.questions_answered
            when 'kpi_daily_community_activity.negative_answered_share' then a.negative_answered
        end as decimal(18, 4)) as numerator,
        cast(case g.kpi
            when 'kpi_daily_community_activity.questions_answered_share' then a.questions
            when 'kpi_daily_community_activity.negative_answered_share' then a.negative_messages
        end as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_community_activity as a
        on g.scope in ('all', 'social', a.network, lower(a.community_id), lower(a.network || '/' || a.community_id))
    where g.kpi_table = 'kpi_daily_community_activity'
    union all
    select
        g.source_system, g.name, c.date_local,
        cast(case g.kpi
            when 'kpi_daily_content_traffic.sessions' then c.sessions
            when 'kpi_daily_content_traffic.engaged_sessions' then c.engaged_sessions
        end as decimal(18, 4)) as numerator,
        cast(null as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_content_traffic as c on g.scope in ('all', c.traffic, lower(c.page_path))
    where g.kpi_table = 'kpi_daily_content_traffic'
    union all
    select
        g.source_system, g.name, p.date_local,
        cast(p.people as decimal(18, 4)) as numerator,
        cast(null as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_potential_customers as p on g.scope in ('all', p.origin, p.state)
    where g.kpi_table = 'kpi_daily_potential_customers'
    union all
    select
        g.source_system, g.name, d.date_local,
        cast(d.observed_count as decimal(18, 4)) as numerator,
        cast(null as decimal(18, 4)) as denominator
    from goal as g
    inner join kpi.kpi_daily_brand_demand as d on d.signal = g.scope
    where g.kpi_table = 'kpi_daily_brand_demand'
),

summed as (
    select
        source_system, name, date_local,
        cast(sum(numerator) as double) as numerator,
        cast(sum(denominator) as double) as denominator
    from reading
    group by source_system, name, date_local
    union all
    select source_system, name, date_local, numerator, cast(null as double) as denominator from level
),

-- Before the first reading nobody knows whether there was nothing.
first_reading as (
    select
        source_system, name,
        min(date_local) as date_local
    from summed
    group by source_system, name
),

-- Days up to the goal's, and as many before as the model looks at. On a day with data nothing of a flow is 0, a level is unknown.
daily as (
    select
        g.source_system, g.name, g.kpi_kind, d.date_local,
        d.date_local >= g.first_date_local as is_counted,
        date_diff('day', d.date_local, g.as_of_date) < 28 as is_recent, date_diff('day', d.date_local, g.as_of_date) < 7 as is_now,
        case
            when g.kpi_kind = 'flow' and s.date_local is null then cast(0 as double)
            else s.numerator
        end as numerator,
        s.denominator,
        lag(s.numerator) over (partition by g.source_system, g.name order by d.date_local) as numerator_before,
        lag(d.date_local) over (partition by g.source_system, g.name order by d.date_local) as date_before
    from goal as g
    inner join core.dim_date as d on d.date_local <= g.as_of_date
    left join summed as s on s.source_system = g.source_system and s.name = g.name and s.date_local = d.date_local
    inner join first_reading as f
        on f.source_system = g.source_system and f.name = g.name and f.date_local <= d.date_local
    where g.kpi_kind is not null
),

reached as (
    select
        source_system, name,
        count(*) filter (where is_counted) as counted_days,
        sum(numerator) filter (where is_counted) as numerator,
        sum(denominator) filter (where is_counted) as denominator,
        arg_max(numerator, (date_local, numerator)) filter (where is_counted and is_now and numerator is not null) as newest_value,
        arg_min(numerator, (date_local, numerator)) filter (where is_counted and numerator is not null) as first_value,
        sum(numerator) filter (where is_recent)
        / nullif(sum(denominator) filter (where is_recent), 0) as recent_ratio
    from daily
    group by source_system, name
),

-- What a day adds: of a flow its value, of a level its change, of a ratio both parts and how far the day was off the ratio.
stepped as (
    select
        d.source_system, d.name,
        case
            when d.kpi_kind = 'flow' then d.numerator
            when d.kpi_kind = 'level'
                then (d.numerator - d.numerator_before) / nullif(date_diff('day', d.date_before, d.date_local), 0)
            else d.numerator - r.recent_ratio * d.denominator
        end as step,
        d.numerator, d.denominator
    from daily as d
    inner join reached as r on r.source_system = d.source_system and r.name = d.name
    where d.is_recent
),

stepping as (
    select
        source_system, name,
        count(step) as days, avg(step) as mean_step, stddev_samp(step) as spread,
        avg(numerator) filter (where step is not null) as mean_numerator,
        avg(denominator) filter (where step is not null) as mean_denominator
    from stepped
    group by source_system, name
),

measured as (
    select
        g.*,
        date_diff('day', g.first_date_local, g.due_on) + 1 as total_days,
        greatest(date_diff('day', g.first_date_local, g.as_of_date) + 1, 0) as elapsed_days,
        greatest(date_diff('day', g.as_of_date, g.due_on), 0) as days_left,
        -- Whatever has figures is a scope, listed or not.
        f.name is not null or k.scope is not null as is_scope_known,
        case g.kpi_kind
            when 'flow' then r.numerator
            when 'level' then r.newest_value
            else r.numerator / nullif(r.denominator, 0)
        end as actual,
        r.first_value, r.numerator, r.denominator,
        case when s.days >= 14 then s.days end as model_days,
        s.mean_step, s.spread, s.mean_numerator, s.mean_denominator
    from goal as g
    left join first_reading as f on f.source_system = g.source_system and f.name = g.name
    left join core.dim_goal_scope as k on k.kpi_table = g.kpi_table and k.scope = g.scope
    left join reached as r on r.source_system = g.source_system and r.name = g.name and r.counted_days > 0
    left join stepping as s on s.source_system = g.source_system and s.name = g.name
),

forecast as (
    select
        *,
        case
            when actual is null or model_days is null then null
            when days_left = 0 then actual
            when kpi_kind = 'ratio'
                then (numerator + days_left * mean_numerator) / nullif(denominator + days_left * mean_denominator, 0)
            else actual + days_left * mean_step
        end as forecast,
        -- The days to come spread by themselves, and the mean is known from so many days only.
        case
            when actual is null or model_days is null then null
            else
                1.96 * spread * sqrt(days_left + days_left * days_left / nullif(cast(model_days as double), 0))
                / nullif(case when kpi_kind = 'ratio' then denominator + days_left * mean_denominator else 1 end, 0)
        end as half_interval,
        case
            when kpi_kind = 'flow' then cast(target as double) * elapsed_days / nullif(total_days, 0)
            when kpi_kind = 'level'
                then first_value + (cast(target as double) - first_value) * elapsed_days / nullif(total_days, 0)
            else cast(target as double)
        end as expected
    from measured
)

select
    source_system, name, kpi, scope, direction, kpi_kind,
    first_date_local as starts_on, due_on, as_of_date, total_days, elapsed_days,
    target as target_value,
    cast(actual as decimal(18, 4)) as actual_value,
    cast(case when actual is not null then expected end as decimal(18, 4)) as expected_value,
    actual / nullif(case when elapsed_days > 0 then expected end, 0) as pace_ratio,
    model_days,
    cast(forecast as decimal(18, 4)) as forecast_value,
    cast(forecast - half_interval as decimal(18, 4)) as forecast_low_value,
    cast(forecast + half_interval as decimal(18, 4)) as forecast_high_value,
    case
        when kpi_kind is null or actual is null then 'unknown'
        when is_over then case when (direction = 'at_least') = (actual >= target) or actual = target then 'reached' else 'missed' end
        when kpi_kind = 'flow' and actual >= target and direction = 'at_least' then 'reached'
        when kpi_kind = 'flow' and actual > target and direction = 'at_most' then 'missed'
        when forecast is null then 'open'
        when direction = 'at_least' and forecast - half_interval >= target then 'on_track'
        when direction = 'at_most' and forecast + half_interval <= target then 'on_track'
        when direction = 'at_least' and forecast + half_interval < target then 'off_track'
        when direction = 'at_most' and forecast - half_interval > target then 'off_track'
        else 'open'
    end as state,
    case
        when kpi_kind is null then 'no such daily figure'
        when not is_scope_known then 'no such scope'
        when as_of_date < first_date_local then 'not begun'
        when kpi_kind = 'level' and actual is null and first_value is not null then 'not counted in the last week'
        when actual is null then 'no data in this scope'
        when model_days is null then 'fewer than 14 days to forecast from'
    end as reason
from forecast
