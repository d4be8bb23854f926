"""How each feed stands: what came of it, up to which day, and how much of it could be joined.

Belongs here: these figures, read from the books of ingest and the built tables, and which silence is an error. Does not
belong here: which feed counts as daily and as silent (sql/kpi/data_quality.sql), rejects (outcomes.py) and wording
(room cli).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import sql_day
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.silence import NEEDED_TABLES, overdue_sql

Verdict = Literal["fresh", "late", "silent", "irregular", "unknown", "never"]
# Feeds come at different hours of the night; one day behind the newest is no delay.
FRESH_DAYS = 1
# As in data_quality: a daily feed without a record for more than three days is silent.
QUIET_DAYS = 3
# Shares are of the days up to the feed's own newest one: counters as of today would leave nothing of a history.
SHARE_DAYS = 30

_DELIVERIES = """
select
    feed,
    count(*) filter (where status = 'loaded') as loaded,
    count(*) filter (where status = 'failed') as failed,
    max(recorded_at) filter (where status = 'loaded') as arrived_at,
    max(extracted_ts) filter (where status = 'loaded') as extracted_at
from meta.delivery
group by feed
"""
_CONTRACTS = """
select feed, list_sort(list(distinct substr(table_name, 5)))
from meta.delivery_count
where starts_with(table_name, 'raw.') and rows_in > 0
group by feed
"""
_DAYS = "select feed, max(date_local) from core.fct_feed_day group by feed"
# A feed has a row of silent_share on a day exactly where it is a daily one.
_DAILY = """
select substr(subject, 6), numerator > 0
from kpi.data_quality
where metric = 'silent_share' and date_local = (select max(date_local) from kpi.data_quality)
"""
_OVERDUE = f"select feed from ({overdue_sql()})"
# A delivery without records is the source's word that there was nothing.
_EMPTY = """
select d.feed, max(cast(timezone(?, d.extracted_ts) as date))
from meta.delivery as d
inner join meta.delivery_count as c
    on c.feed = d.feed and c.delivery_id = d.delivery_id and c.table_name = '(records)' and c.rows_in = 0
group by d.feed
"""
_MATCHED_ORDERS = f"""
with given as (
    select distinct _feed as feed, source_system || '|' || store_id || '|' || order_id as order_key
    from raw.shop_order
    where _is_current
),

newest as (select feed, max(date_local) as day from core.fct_feed_day group by feed)

-- The shop's own note of where an order came from is no visit of the site.
select g.feed, count(b.order_key) filter (where b.method <> 'order_attribution'), count(*)
from core.fct_order as o
inner join given as g on g.order_key = o.order_key
inner join newest as n on n.feed = g.feed
left join core.brg_order_session as b on b.order_key = o.order_key and b.is_chosen
where o.is_countable and o.order_date_local > n.day - {SHARE_DAYS}
group by g.feed
"""
_KNOWN_VISITS = f"""
with given as (
    select distinct _feed as feed, source_system, property_id from raw.web_event
    union
    select distinct _feed as feed, source_system, property_id from raw.web_session
),

newest as (select feed, max(date_local) as day from core.fct_feed_day group by feed)

select g.feed, count(*) filter (where s.channel <> 'Unassigned'), count(*)
from core.fct_session as s
inner join given as g on g.source_system = s.source_system and g.property_id = s.property_id
inner join newest as n on n.feed = g.feed
where s.visit_kind = 'session' and not coalesce(s.is_referrer_spam, false)
    and s.session_date_local > n.day - {SHARE_DAYS}
group by g.feed
"""


@dataclass(frozen=True)
class Share:
    """How much of what a feed brought could be joined, over its last SHARE_DAYS days.

    `of` is what is counted: orders (joined are those with the visit of the site in which they were placed) or visits
    (joined are those of a known channel).
    """

    of: Literal["orders", "visits"]
    joined: int
    total: int

    @property
    def share(self) -> float:
        """0..1; a feed without any has no Share."""
        return self.joined / self.total


@dataclass(frozen=True)
class FeedState:
    """What the work database knows of one feed; `last_day` is that of its records, in the shop's zone."""

    loaded: int = 0
    failed: int = 0
    arrived_at: datetime | None = None
    extracted_at: datetime | None = None
    last_day: date | None = None
    contracts: Sequence[str] = ()
    verdict: Verdict = "never"
    shares: Sequence[Share] = field(default=())


def feed_states(con: duckdb.DuckDBPyConnection) -> tuple[date | None, dict[str, FeedState]]:
    """The newest day that any feed gave, and the state of every feed that ever delivered."""
    days = dict(con.execute(_DAYS).fetchall())
    contracts = dict(con.execute(_CONTRACTS).fetchall())
    daily = dict(con.execute(_DAILY).fetchall())
    overdue = {feed for (feed,) in con.execute(_OVERDUE).fetchall()}
    newest = max(days.values(), default=None)
    shares: dict[str, list[Share]] = {}
    for feed, joined, total in con.execute(_MATCHED_ORDERS).fetchall():
        shares.setdefault(feed, []).append(Share("orders", joined, total))
    for feed, joined, total in con.execute(_KNOWN_VISITS).fetchall():
        shares.setdefault(feed, []).append(Share("visits", joined, total))
    states = {
        feed: FeedState(
            loaded,
            failed,
            arrived_at,
            extracted_at,
            days.get(feed),
            contracts.get(feed, ()),
            _verdict(loaded, days.get(feed), newest, is_silent=feed in overdue or daily.get(feed)),
            shares.get(feed, ()),
        )
        for feed, loaded, failed, arrived_at, extracted_at in con.execute(_DELIVERIES).fetchall()
    }
    return newest, states


def silence_errors(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings, today: date
) -> dict[str, SmmError]:
    """SMM-403 for each feed that is silent and whose silence smm.toml calls an error.

    It is so as of today: where all feeds stop together none is silent beside the others. One that never delivered has
    not fallen silent.

    Args:
        con: the open work database.
        catalog: without the tables that tell daily feeds only stopped deliveries are noticed.
        settings: which feeds these are.
        today: in the shop's zone.
    """
    needed = sorted(name for name, feed in settings.feeds.items() if feed.silence == "error")
    if not needed:
        return {}
    since = dict(con.execute(overdue_sql(sql_day(today))).fetchall())
    if catalog.tables.keys() >= NEEDED_TABLES:
        days = dict(con.execute(_DAYS).fetchall())
        told = dict(con.execute(_EMPTY, [settings.shop.time_zone]).fetchall())
        for feed in dict(con.execute(_DAILY).fetchall()).keys() & days.keys():
            heard = max(days[feed], told.get(feed, days[feed]))
            if (today - heard).days > QUIET_DAYS:
                since[feed] = heard
    return {name: _silence_error(name, since[name]) for name in needed if name in since}


def _silence_error(feed: str, since: date) -> SmmError:
    return SmmError(
        "SMM-403",
        f"feed {feed} has been silent since {since}, and smm.toml calls that an error",
        hint="bring its deliveries; what the others brought is built and published all the same",
    )


def _verdict(loaded: int, last_day: date | None, newest: date | None, *, is_silent: bool | None) -> Verdict:
    """Freshness beside the newest day of all feeds; `is_silent` is None of a feed that is not daily."""
    if not loaded:
        return "never"
    if last_day is None or newest is None:
        return "unknown"
    if is_silent is None:
        return "irregular"
    if is_silent:
        return "silent"
    return "fresh" if (newest - last_day).days <= FRESH_DAYS else "late"
