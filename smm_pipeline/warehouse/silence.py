"""On which days a feed gave nothing that it should have given.

Belongs here: the queries that find it, out of the days that a feed gave and the books of ingest. Does not belong here:
which feed is a daily one (sql/kpi/data_quality.sql), and what follows from a silence (completeness.py, zeros.py).

A day without records of a feed may be a quiet day or a silence, and a sum cannot tell one from the other. A feed that
gave every day for a fortnight is missed from its first day without, unless it delivered that there was nothing; one
with quiet days now and then, when it has been quiet for four days, and until then nobody knows. Neither where it has so
few records that such days come by chance. It is asked of the feed's whole history, also of what came later: a feed that
came late closes its gap, and of two or three silent days the days in a row before and after make up the fortnight
together, so that they are missed in the first weeks and soon after another silence too. A single day there may well be
a quiet one. Any feed that came five times, daily or not, is missed when its deliveries stop.
"""

from __future__ import annotations

from smm_pipeline.quoting import sql_text
from smm_pipeline.settings import Settings

# What the queries here are made from, beside the books of ingest.
NEEDED_TABLES = {"core.fct_feed_day", "core.fct_feed_arrival", "kpi.data_quality"}
PERIOD_SQL = "select min(date_local) as first_date, max(date_local) as last_date from core.fct_feed_day"


def overdue_sql(until: str = f"(select last_date from ({PERIOD_SQL}))") -> str:
    """The query of feeds whose deliveries stopped, whatever days their records are of: feed, made_date of the last one.

    They did for twice the time that usually lies between two of them, and for more than four days.

    Args:
        until: SQL of the day up to which they are missed; default: the newest of any record.
    """
    return f"""
select h.feed, h.made_date
from (
    select feed, max(made_date) as made_date, quantile_disc(days, 0.9) as usual_days
    from (
        select feed, made_date, date_diff('day', lag(made_date) over of_feed, made_date) as days
        from (select distinct feed, cast(extracted_ts as date) as made_date from meta.delivery)
        window of_feed as (partition by feed order by made_date)
    )
    group by feed
    having count(*) >= 5
) as h
where date_diff('day', h.made_date, {until}) > greatest(4, 2 * h.usual_days)
"""


def silence_sql(settings: Settings) -> str:
    """The query of days on which a feed, once begun, gave nothing that it should have: feed, date_local, is_missing.

    Where is_missing is false the feed may still come. Feeds that were given up are among them.
    """
    return f"""
with period as ({PERIOD_SQL}),

day as (select cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as date_local from period),

numbered as (
    select
        f.feed,
        f.date_local,
        a.given_rows,
        f.date_local - cast(row_number() over (partition by f.feed order by f.date_local) as integer) as run_key
    from core.fct_feed_day as f
    left join core.fct_feed_arrival as a on a.feed = f.feed and a.date_local = f.date_local
),

-- A record may give several rows, as an order and its lines.
record as (
    select
        feed,
        sum(rows_in) filter (where starts_with(table_name, 'raw.'))
        / nullif(cast(sum(rows_in) filter (where table_name = '(records)') as double), 0) as rows_of_one
    from meta.delivery_count
    group by feed
),

-- Days in a row, without a gap between them.
run as (
    select feed, max(date_local) as date_local, min(date_local) as first_date, count(*) as days
    from numbered
    group by feed, run_key
),

-- Over all days from the feed's first to its last, those without a record among them.
habit as (
    select
        n.feed,
        sum(coalesce(n.given_rows, 1)) / greatest(coalesce(max(r.rows_of_one), 1), 1)
        / (date_diff('day', min(n.date_local), max(n.date_local)) + 1) as records_of_a_day,
        count(distinct n.run_key) as gaps
    from numbered as n
    left join record as r on r.feed = n.feed
    group by n.feed
),

neighbour as (
    select
        r.*,
        lead(r.first_date) over of_feed as next_date,
        lead(r.days) over of_feed as next_days,
        date_diff('day', r.date_local, coalesce(lead(r.first_date) over of_feed, p.last_date + 1)) - 1 as gap_days
    from run as r
    cross join period as p
    window of_feed as (partition by r.feed order by r.date_local)
),

-- A shop of two orders a day has days without one, and fortnights without such a day. By Poisson's law neither the gap
-- nor, of regular feeds, the days in a row may be chance: one in a hundred, for all gaps of the feed together.
given as (
    select
        n.feed,
        n.date_local,
        n.next_date,
        n.days >= 14 or (n.days + n.next_days >= 14 and n.gap_days >= 2) as is_fortnight,
        exp(-h.records_of_a_day * n.gap_days) * h.gaps < 0.01 as is_no_chance,
        pow(1 - exp(-h.records_of_a_day), if(n.days >= 14, n.days, n.days + n.next_days)) * h.gaps < 0.01
            as is_never_quiet
    from neighbour as n
    inner join habit as h on h.feed = n.feed
),

-- A feed has a row of silent_share on a day that it gave exactly where it is a daily one by then.
gap as (
    select
        g.feed,
        g.date_local as last_date,
        coalesce(g.next_date, p.last_date + 1) as end_date,
        g.next_date is null as is_open,
        g.is_fortnight and (g.is_no_chance or g.is_never_quiet) as is_regular,
        g.is_no_chance
    from given as g
    cross join period as p
    inner join kpi.data_quality as q
        on q.subject = 'feed:' || g.feed and q.metric = 'silent_share' and q.date_local = g.date_local
    where date_diff('day', g.date_local, coalesce(g.next_date, p.last_date + 1)) > 1
),

-- A delivery without records, made on the day or the day after, is the source's word that there was nothing.
empty_delivery as (
    select distinct d.feed, cast(timezone({sql_text(settings.shop.time_zone)}, d.extracted_ts) as date) as made_date
    from meta.delivery as d
    inner join meta.delivery_count as c
        on c.feed = d.feed and c.delivery_id = d.delivery_id and c.table_name = '(records)' and c.rows_in = 0
),

silent_day as (
    select
        g.feed,
        d.date_local,
        g.is_open,
        g.is_regular,
        g.is_no_chance and date_diff('day', g.last_date, g.end_date) > 4 as is_long,
        exists (
            select 1
            from empty_delivery as e
            where e.feed = g.feed and e.made_date between d.date_local and d.date_local + 1
        ) as is_told
    from gap as g
    inner join day as d on d.date_local > g.last_date and d.date_local < g.end_date
)

select feed, date_local, bool_or(is_missing) as is_missing
from (
    select feed, date_local, is_long or is_regular as is_missing
    from silent_day
    where not is_told and (is_long or is_regular or is_open)
    union all
    select o.feed, d.date_local, true as is_missing
    from ({overdue_sql()}) as o
    inner join day as d on d.date_local > o.made_date
    where not exists (select 1 from core.fct_feed_day as f where f.feed = o.feed and f.date_local = d.date_local)
)
group by feed, date_local
"""
