"""Which 0 is published as unknown, worked out by hand for feeds that fall silent, never came, or were given up.

The shop's orders come every day from February 16 to March 1 and not on March 2, the club's days likewise where the club
is the silent one. `all` gave every contract on February 1 and March 2 and is no daily feed, so that only they matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.serving_fixture import SILENT_CLUB, SILENT_SHOP, gave, publish_rows

Row = Mapping[str, Any]
FEB, MAR = 2, 3


def _published(
    home: Path, table: str, rows: Sequence[Row], columns: str, *books: str, feeds: Sequence[str] = ("shop", "club")
) -> list[tuple[Any, ...]]:
    serving = publish_rows(home, {table: rows}, books=books, feeds=feeds).serving_file
    with duckdb.connect(str(serving), read_only=True) as con:
        return con.execute(f"select {columns} from kpi.{table} order by all").fetchall()


def _visits(month: int, day: int, section: str = "home", **figures: Any) -> Row:
    key = {"date_local": date(2026, month, day), "network": "vk", "community_id": "1", "landing_section": section}
    return {**key, "sessions": 4, **figures}


def test_a_zero_of_days_without_orders_is_unknown_and_a_number_stays(tmp_path: Path) -> None:
    rows = [
        _visits(MAR, 1, orders=0, engaged_sessions=0),
        _visits(MAR, 2, orders=0, engaged_sessions=0),
        _visits(MAR, 2, "product", orders=3, engaged_sessions=2),
    ]
    found = _published(tmp_path, "kpi_daily_social_traffic", rows, "date_local, orders, engaged_sessions", *SILENT_SHOP)
    assert found == [
        (date(2026, 3, 1), 0, 0),
        (date(2026, 3, 2), 3, 2),
        (date(2026, 3, 2), None, 0),
    ]


def test_without_a_silent_feed_every_zero_stays(tmp_path: Path) -> None:
    rows = [_visits(MAR, day, orders=0, engaged_sessions=0) for day in (1, 2)]
    found = _published(tmp_path, "kpi_daily_social_traffic", rows, "orders, engaged_sessions")
    assert found == [(0, 0), (0, 0)]


def test_the_days_of_a_need_lie_about_the_row(tmp_path: Path) -> None:
    """Later orders are those of 14 days: from February 16 on they may fall on March 2."""
    key = {"page_path": "/blog", "traffic": "social", "later_orders": 0}
    rows = [{"date_local": day, **key} for day in (date(2026, 2, 15), date(2026, 2, 16), date(2026, 3, 2))]
    found = _published(tmp_path, "kpi_daily_content_traffic", rows, "date_local, later_orders", *SILENT_SHOP)
    assert [orders for _, orders in found] == [0, None, None]


@pytest.mark.parametrize(
    ("network", "community", "expected"),
    [("telegram", "1", None), ("telegram", "2", 0), ("telegram", "(unknown)", None), ("vk", "1", 0), ("ok", "1", 0)],
)
def test_only_what_the_silent_feed_tells_of_is_in_doubt(
    tmp_path: Path, network: str, community: str, expected: int | None
) -> None:
    """The club tells of community 1 of Telegram alone, `all` of 2 and of VK, nobody of OK. Posts are 0 in all."""
    tells = (
        "delete from raw.community_day",
        """insert into raw.community_day by name
        select * from (values ('club', 'telegram', '1'), ('all', 'telegram', '2'), ('all', 'vk', '1'))
        as t (_feed, network, community_id)""",
    )
    key = {"date_local": date(2026, 3, 2), "network": network, "community_id": community}
    row = {**key, "engagements_of_day": 0, "posts": 0}
    found = _published(
        tmp_path, "kpi_daily_community_activity", [row], "engagements_of_day, posts", *SILENT_CLUB, *tells
    )
    assert found == [(expected, 0)]


def test_a_need_of_some_rows_is_none_of_the_others(tmp_path: Path) -> None:
    """Visits that did not come take nothing away from orders that no visit explains; the shop has no feed of them."""
    none = "delete from meta.delivery_count where table_name in ('raw.web_event', 'raw.web_session')"
    key = {"date_local": date(2026, 3, 1), "network": "(none)", "community_id": "(none)"}
    rows = [
        {**key, "benefit_class": name, "orders": 3, "new_customers": 0, "net_revenue_upper_amount": 0}
        for name in ("D2_impulse", "no_social_touch")
    ]
    columns = "benefit_class, orders, new_customers, net_revenue_upper_amount"
    assert _published(tmp_path, "kpi_daily_benefit", rows, columns, none) == [
        ("D2_impulse", 3, None, None),
        ("no_social_touch", 3, 0, None),
    ]


@pytest.mark.parametrize(("books", "expected"), [((), 0), (SILENT_CLUB, None)])
def test_a_feed_that_a_shop_may_lack_is_missed_only_while_it_is_silent(
    tmp_path: Path, books: Sequence[str], expected: int | None
) -> None:
    """Posts raise the upper bound; a shop without a feed of them has one all the same."""
    none = "delete from meta.delivery_count where table_name = 'raw.community_post'"
    given = (none, *books, gave("club", "raw.community_post")) if books else (none,)
    key = {"date_local": date(2026, 3, 2), "network": "(none)", "community_id": "(none)"}
    row = {**key, "benefit_class": "no_social_touch", "net_revenue_upper_amount": 0}
    assert _published(tmp_path, "kpi_daily_benefit", [row], "net_revenue_upper_amount", *given) == [(expected,)]


def test_a_month_with_a_silent_day_is_in_doubt_and_what_is_made_of_its_zero_too(tmp_path: Path) -> None:
    """A return of -100 % out of no margin at all is no finding; the month before had all its days."""
    key = {"model": "last", "level": "social", "network": "(all)", "community_id": "(all)"}
    rows = [
        {
            "month_start_date": date(2026, month, 1),
            **key,
            "margin_amount": 0,
            "romi_on_margin_share": -1,
            "customers": 2,
        }
        for month in (FEB, MAR)
    ]
    columns = "month_start_date, margin_amount, romi_on_margin_share, customers"
    assert _published(tmp_path, "kpi_monthly_return", rows, columns, *SILENT_SHOP) == [
        (date(2026, 2, 1), 0, -1, 2),
        (date(2026, 3, 1), None, None, 2),
    ]


def test_what_no_feed_ever_told_is_unknown(tmp_path: Path) -> None:
    none = "delete from meta.delivery_count where table_name = 'raw.search_position_day'"
    key = {"date_local": date(2026, 3, 1), "page_path": "/blog", "traffic": "other"}
    rows = [{**key, "page_search_clicks": 0, "sessions": 0}]
    found = _published(tmp_path, "kpi_daily_content_traffic", rows, "page_search_clicks, sessions", none)
    assert found == [(None, 0)]


def test_a_feed_vouches_from_its_first_day_to_the_last_before_it_was_given_up(tmp_path: Path) -> None:
    """`old` gave mentions on February 20 and 25, and is in smm.toml no longer; nobody else gives any."""
    books = (
        "delete from meta.delivery_count where table_name = 'raw.mention'",
        gave("old", "raw.mention"),
        "insert into core.fct_feed_day values ('old', '2026-02-20'), ('old', '2026-02-25')",
    )
    rows = [
        {"date_local": date(2026, 2, day), "brand": "Kozak", "author_class": "media", "mentions": 0, "linked_orders": 0}
        for day in (19, 20, 22, 25, 26)
    ]
    found = _published(tmp_path, "kpi_daily_media_interest", rows, "date_local, mentions", *SILENT_SHOP, *books)
    assert [(day.day, mentions) for day, mentions in found] == [(19, None), (20, 0), (22, 0), (25, 0), (26, None)]


def test_a_goal_at_zero_is_in_doubt_where_its_figure_is(tmp_path: Path) -> None:
    """And it is not missed, nor reached, by what did not come; it says so, unless it has a reason of its own."""

    def goal(name: str, kpi: str, first: date, last: date, reason: str | None = None) -> Row:
        days = {"starts_on": first, "due_on": date(2026, 3, 31), "as_of_date": last}
        key = {"source_system": "smm.toml", "name": name, "kpi": kpi, "scope": "social"}
        return {**key, **days, "actual_value": 0, "pace_ratio": 0, "state": "off_track", "reason": reason}

    few = "fewer than 14 days to forecast from"
    orders, visits = "kpi_daily_social_traffic.orders", "kpi_daily_social_traffic.engaged_sessions"
    rows = [
        goal("february", orders, date(2026, 2, 16), date(2026, 2, 27)),
        goal("march", orders, date(2026, 2, 16), date(2026, 3, 2)),
        goal("short", orders, date(2026, 3, 1), date(2026, 3, 2), few),
        goal("visits", visits, date(2026, 3, 1), date(2026, 3, 2)),
    ]
    columns = "name, actual_value, pace_ratio, state, reason"
    assert _published(tmp_path, "kpi_goal_progress", rows, columns, *SILENT_SHOP) == [
        ("february", 0, 0, "off_track", None),
        ("march", None, None, None, "a feed of its figure is missing"),
        ("short", None, None, None, few),
        ("visits", 0, 0, "off_track", None),
    ]


def test_the_comment_of_a_column_says_when_its_zero_is_none(tmp_path: Path) -> None:
    serving = publish_rows(tmp_path, {}).serving_file
    with duckdb.connect(str(serving), read_only=True) as con:
        comments = dict(
            con.execute(
                "select column_name, comment from duckdb_columns() where table_name = 'kpi_daily_social_traffic'"
            ).fetchall()
        )
    assert comments["orders"].endswith(
        "NULL, not 0, where a feed of these is missing: shop_order, web_event, web_session"
    )
    assert "NULL" not in comments["network"]


def test_another_state_of_the_feeds_is_another_build(tmp_path: Path) -> None:
    """The rows of the work database are the same."""
    rows = {"kpi_daily_social_traffic": [_visits(MAR, 2, orders=0)]}
    builds = []
    for name, books in (("complete", ()), ("silent", SILENT_SHOP)):
        serving = publish_rows(tmp_path / name, rows, books=books, feeds=("shop", "club")).serving_file
        with duckdb.connect(str(serving), read_only=True) as con:
            builds += con.execute("select build_id from kpi._publication").fetchall()
    assert len(set(builds)) == 2


def test_a_judgement_made_without_a_silent_feed_is_unknown_whatever_it_says(tmp_path: Path) -> None:
    """An alarm looks back 28 days: one of them is March 2. Before the feed of posts began, February 1, it stands."""
    silent = (*SILENT_CLUB, gave("club", "raw.community_post"))
    key = {"network": "telegram", "community_id": "1", "is_dead_alarm": True, "dead_signs": "rare_posts"}
    rows = [
        {"date_local": day, **key, "posts_28d": 2} for day in (date(2026, 2, 1), date(2026, 3, 1), date(2026, 3, 2))
    ]
    columns = "date_local, posts_28d, is_dead_alarm, dead_signs"
    tells = "insert into raw.community_post by name select 'club' as _feed, 'telegram' as network, '1' as community_id"
    assert _published(tmp_path, "kpi_daily_community_activity", rows, columns, *silent, tells) == [
        (date(2026, 2, 1), 2, True, "rare_posts"),
        (date(2026, 3, 1), 2, True, "rare_posts"),
        (date(2026, 3, 2), 2, None, None),
    ]
