"""The figures of the HTML page: one query per table or chart, all on the serving file.

Belongs here: sums and orderings over published rows, as lists of dictionaries. Does not belong here: formatting,
charts, and any rule of measurement. Amounts are in shop currency; a share is 0..1; None is unknown.
"""

from __future__ import annotations

from datetime import date

from smm_pipeline.reporting.serving import MONTHLY, Row, Serving
from smm_pipeline.reporting.wording import BENEFITS, UNKNOWN_COMMUNITY

BEST_POSTS = 15
DAILY_UP_TO_DAYS = 100
WEEKLY_UP_TO_DAYS = 400

_NAMES = "left join core.dim_community as n using (network, community_id)"

# Members gained from the start of the period to the end of each day: the net changes where every day has one, else
# the member count less the first one known. Chart, table and headline all read it, so that they never differ.
_GAINED = """
    day as (
        select
            *,
            case
                when count(members_net) over community = count(*) over community or count(members) over community = 0
                    then sum(members_net) over so_far
                else members - arg_min(members, date_local) over community
            end as gained
        from kpi_daily_supporters
        window
            community as (partition by network, community_id),
            so_far as (partition by network, community_id order by date_local)
    )
"""


def bucket(first: date | None, last: date | None) -> str:
    """The step of time charts: day, week or month, so that a chart has at most a hundred steps."""
    days = (last - first).days + 1 if first and last else 0
    if days <= DAILY_UP_TO_DAYS:
        return "day"
    return "week" if days <= WEEKLY_UP_TO_DAYS else "month"


def benefit_over_time(source: Serving, step: str) -> list[Row]:
    """period_start, benefit_class, amount: net revenue of the benefits D1 to D4 per step."""
    return source.rows(
        """
        select
            cast(date_trunc($step, date_local) as date) as period_start,
            benefit_class,
            sum(net_revenue_amount) as amount
        from kpi_daily_benefit
        where benefit_class in (select unnest($benefits))
        group by all
        order by all
        """,
        {"step": step, "benefits": list(BENEFITS)},
    )


def benefit_by_community(source: Serving) -> list[Row]:
    """network, community_id, community_name, benefit_class, amount: one row per class with any order."""
    return source.rows(
        f"""
        select
            network,
            community_id,
            coalesce(any_value(n.community_name), community_id) as community_name,
            b.benefit_class,
            sum(b.net_revenue_amount) as amount
        from kpi_daily_benefit as b
        {_NAMES}
        where b.benefit_class in (select unnest($benefits))
        group by network, community_id, b.benefit_class
        order by network, community_id, b.benefit_class
        """,
        {"benefits": list(BENEFITS)},
    )


def communities(source: Serving) -> list[Row]:
    """One row per community with an order or a visit: sessions, engaged share, touched orders, benefit; best first.

    Visits of unknown communities without any order are one row of all their networks.
    """
    return source.rows(
        f"""
        with money as (
            select
                network,
                community_id,
                sum(orders) as orders,
                sum(case when benefit_class in (select unnest($benefits)) then orders else 0 end) as benefit_orders,
                sum(case when benefit_class in (select unnest($benefits)) then net_revenue_amount else 0 end) as amount
            from kpi_daily_benefit
            where benefit_class <> 'no_social_touch'
            group by network, community_id
        ),
        traffic as (
            select network, community_id, sum(sessions) as sessions, sum(engaged_sessions) as engaged_sessions
            from kpi_daily_social_traffic
            group by network, community_id
        ),
        community as (
            select
                network,
                community_id,
                coalesce(m.orders, 0) = 0 and community_id = $unknown as is_rest,
                t.sessions,
                t.engaged_sessions,
                case when m.network is null and b.is_known then 0 else m.orders end as orders,
                case when m.network is null and b.is_known then 0 else m.benefit_orders end as benefit_orders,
                case when m.network is null and b.is_known then 0 else m.amount end as amount
            from money as m
            full join traffic as t using (network, community_id)
            cross join (select count(*) > 0 as is_known from kpi_daily_benefit) as b
            where coalesce(m.orders, 0) > 0 or coalesce(t.sessions, 0) > 0
        )
        select
            list(network order by network) as networks,
            coalesce(any_value(n.community_name), community_id) as community_name,
            sum(sessions) as sessions,
            sum(engaged_sessions) / nullif(sum(sessions), 0) as engaged_share,
            sum(orders) as orders,
            sum(benefit_orders) as benefit_orders,
            sum(amount) as amount
        from community
        {_NAMES}
        group by community_id, is_rest, case when not is_rest then network end
        order by amount desc nulls last, is_rest, networks, community_id
        """,
        {"benefits": list(BENEFITS), "unknown": UNKNOWN_COMMUNITY},
    )


def attribution(source: Serving) -> list[Row]:
    """channel, model, amount, orders over the whole period; the strongest channels, over all models, first."""
    return source.rows(
        """
        with totals as (
            select channel, model, sum(credited_revenue_amount) as amount, sum(credited_orders) as orders
            from kpi_daily_attribution
            group by channel, model
        )
        select channel, model, amount, orders
        from totals
        order by sum(amount) over (partition by channel) desc nulls last, channel, model
        """
    )


def supporters_over_time(source: Serving, step: str) -> list[Row]:
    """period_start, community and gained: members gained from the start of the period to each step's end."""
    return source.rows(
        f"""
        with {_GAINED}
        select
            cast(date_trunc($step, date_local) as date) as period_start,
            network, community_id,
            coalesce(any_value(n.community_name), community_id) as community_name,
            arg_max(gained, date_local) as gained
        from day
        {_NAMES}
        where gained is not null
        group by network, community_id, period_start
        order by network, community_id, period_start
        """,
        {"step": step},
    )


def supporters(source: Serving) -> list[Row]:
    """One row per community: members and core on the last day known; joined, left and gained in the period."""
    return source.rows(
        f"""
        with {_GAINED}
        select
            network,
            coalesce(any_value(n.community_name), community_id) as community_name,
            arg_max(members, date_local) as members,
            cast(sum(members_joined) as bigint) as joined,
            cast(sum(members_left) as bigint) as departed,
            cast(arg_max(gained, date_local) as bigint) as gained,
            arg_max(active_core_members, date_local) as active_core
        from day
        {_NAMES}
        group by network, community_id
        order by members desc nulls last, network, community_id
        """
    )


def mentions_over_time(source: Serving, step: str) -> list[Row]:
    """period_start, author_class, mentions of the own brand."""
    return source.rows(
        """
        select
            cast(date_trunc($step, date_local) as date) as period_start,
            author_class,
            sum(mentions) as mentions
        from kpi_daily_media_interest
        where brand in (select brand from kpi_daily_share_of_voice where is_own)
        group by all
        order by all
        """,
        {"step": step},
    )


def media_interest(source: Serving) -> list[Row]:
    """One row per author class, own brand: mentions, new outlets, reach, tone, linked visits and orders."""
    return source.rows(
        """
        select
            author_class,
            sum(mentions) as mentions,
            sum(first_time_outlets) as first_time_outlets,
            sum(reach) as reach,
            sum(positive) as positive,
            sum(negative) as negative,
            sum(linked_sessions) as linked_sessions,
            sum(linked_orders) as linked_orders
        from kpi_daily_media_interest
        where brand in (select brand from kpi_daily_share_of_voice where is_own)
        group by author_class
        order by array_position(['media', 'blogger', 'user'], author_class)
        """
    )


def share_of_voice(source: Serving) -> list[Row]:
    """One row per brand: mentions, reach, engagements and the shares of mentions and reach; largest first.

    Days on which the feed of a brand was silent are left out: the others would share what is not known to be all.
    """
    return source.rows(
        """
        with brands as (
            select
                brand,
                is_own,
                sum(mentions) as mentions,
                sum(reach) as reach,
                sum(engagements) as engagements
            from kpi_daily_share_of_voice
            where mentions_share is not null
            group by brand, is_own
        )
        select
            *,
            mentions / nullif(sum(mentions) over (), 0) as mentions_share,
            reach / nullif(sum(reach) over (), 0) as reach_share
        from brands
        order by mentions desc, brand
        """
    )


def best_posts(source: Serving) -> list[Row]:
    """The posts with the highest net revenue, then the most sessions."""
    return source.rows(
        f"""
        select p.*, coalesce(n.community_name, community_id) as community_name
        from kpi.kpi_post_performance as p
        {_NAMES}
        where p.sessions > 0 or p.orders > 0
        order by p.net_revenue_amount desc nulls last, p.sessions desc, network, community_id, p.post_id
        limit $top
        """,
        {"top": BEST_POSTS},
    )


def feeds(source: Serving) -> list[Row]:
    """One row per feed: its deliveries, those that could not be read, its records and those refused."""
    return source.rows(
        """
        select
            feed,
            cast(last_extracted_ts as date) as last_date,
            deliveries,
            failed_deliveries,
            records,
            rejected_records
        from kpi._feeds
        order by feed
        """
    )


def checks_not_passed(source: Serving) -> list[Row]:
    """One row per check with another outcome than passed: windows of days, rows that should not be there."""
    return source.rows(
        """
        select table_name, check_id, severity, status, windows_not_passed as windows, unexpected_count as unexpected
        from kpi._checks
        where status <> 'passed'
        order by array_position(['critical', 'warning', 'info'], severity), table_name, check_id
        """
    )


def definitions(source: Serving) -> list[Row]:
    """The metric dictionary, by table, in the order of the columns of each table."""
    return source.rows(
        """
        select d.*
        from kpi.metric_dictionary as d
        left join duckdb_columns() as c
            on c.schema_name in ('kpi', 'core') and c.table_name = d.table_name and c.column_name = d.column_name
        order by d.table_name, c.column_index, d.column_name
        """
    )


def incomplete_days(source: Serving) -> list[Row]:
    """Days, or months, in a row for which feeds were missing.

    table_name, state, missing_feeds, first_date, last_date, unit (day or month), units (how many of them).
    """
    return source.rows(
        f"""
        with missing as (
            select *, case when table_name in {MONTHLY} then 'month' else 'day' end as unit
            from _completeness
            where missing_feeds is not null
        )
        select
            table_name,
            state,
            missing_feeds,
            unit,
            min(date_local) as first_date,
            max(case unit when 'month' then last_day(date_local) else date_local end) as last_date,
            count(*) as units
        from (
            select
                *,
                date_diff(unit, date '2000-01-01', date_local) - row_number() over (
                    partition by table_name, state, missing_feeds order by date_local
                ) as run
            from missing
        )
        group by table_name, state, missing_feeds, unit, run
        order by table_name, first_date
        """
    )
