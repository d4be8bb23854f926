"""Credit stands unless something changes it; then meta.credit_change says what, when and because of which delivery."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from smm_pipeline.channel_settings import Channels
from smm_pipeline.settings import Rules, Settings, Shop
from smm_pipeline.warehouse.build import build_table
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView, bump
from tests.project_catalog import project_catalog

DAY = date(2026, 3, 10)
CATALOG = project_catalog()
SHOP = Shop(name="Shop", time_zone="UTC", currency="UAH")


class Shelf:
    """One order of a day, and the builds of its credit."""

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        self.con, self.settings = con, settings
        ensure_schema(con, CATALOG, settings)
        bump(con, "raw.shop_order", [DAY.isoformat()], run_id="0")
        bump(con, "core.fct_order", [DAY.isoformat()], run_id="0")
        self.order("a", "100.00")
        self.visit("s1", "Email", "2026-03-10 11:00:00+00")

    def order(self, key: str, amount: str, day: date = DAY) -> None:
        self.con.execute("delete from core.fct_order where order_key = ?", [key])
        self.con.execute(
            "insert into core.fct_order (order_key, order_date_local, created_ts, is_countable, is_marketplace, "
            "net_revenue_amount) values (?, ?, ?, true, false, ?)",
            [key, day, datetime(day.year, day.month, day.day, 12, tzinfo=UTC), amount],
        )
        self.con.execute(
            "insert into core.brg_order_visitor (order_key, visitor_key, order_date_local) select ?, 'v', ? "
            "where not exists (from core.brg_order_visitor where order_key = ?)",
            [key, day, key],
        )

    def touch(self, key: str, age_seconds: int, post: str | None, **columns: Any) -> None:
        """A touch of order a that showed what was bought."""
        values = {
            "order_key": "a",
            "order_date_local": DAY,
            "touch_id": key,
            "touch_kind": "visit",
            "touch_ts": datetime(2026, 3, 10, 12, tzinfo=UTC) - timedelta(seconds=age_seconds),
            "age_seconds": age_seconds,
            "is_matched": True,
            "network": "telegram",
            "community_id": "c",
            "post_id": post,
            **columns,
        }
        marks = ", ".join("?" for _ in values)
        self.con.execute(
            f"insert into core.brg_order_touch ({', '.join(values)}) values ({marks})", list(values.values())
        )

    def visit(self, key: str, channel: str, start: str) -> None:
        self.con.execute(
            "insert into core.fct_session (session_key, visitor_key, start_ts, session_date_local, channel) "
            "values (?, 'v', ?, cast(? as timestamptz), ?)",
            [key, start, start, channel],
        )

    def deliver(self, table: str, feed: str, delivery: str, **columns: Any) -> None:
        """A row of a raw table that is loaded now."""
        values = {"_feed": feed, "_delivery_id": delivery, "_loaded_at": datetime.now(UTC), **columns}
        marks = ", ".join("?" for _ in values)
        self.con.execute(f"insert into raw.{table} ({', '.join(values)}) values ({marks})", list(values.values()))

    def build(
        self,
        run_id: str,
        settings: Settings | None = None,
        *,
        tables: tuple[str, ...] = ("core.fct_attribution_credit",),
        days: tuple[date, ...] = (DAY,),
    ) -> None:
        settings = settings or self.settings
        for table in tables:
            view = StateView(self.con, CATALOG, settings)
            build_table(self.con, CATALOG[table], days, settings, view, run_id=run_id, validate=lambda *_, **__: ())

    def build_class(self, run_id: str) -> None:
        """The class, and what is made of it: there stands what an order was worth."""
        self.build(run_id, tables=("core.fct_order_benefit", "core.order_credit_part"))

    def changes(self, model: str = "first") -> list[tuple[Any, ...]]:
        return self.con.execute(
            "select run_id, order_key, channel, old_credited_orders, new_credited_orders, old_credited_revenue_amount, "
            "new_credited_revenue_amount, reason, feeds, delivery_ids from meta.credit_change where model = ? "
            "order by changed_at, order_key, channel",
            [model],
        ).fetchall()

    def reclassed(self) -> list[tuple[Any, ...]]:
        """Changes of the class: those of what it was before those of what it is."""
        return self.con.execute(
            "select run_id, network, community_id, post_id, benefit_class, rule_id, old_credited_orders, "
            "new_credited_orders, old_credited_revenue_amount, new_credited_revenue_amount, reason, feeds, "
            "delivery_ids from meta.credit_change "
            "where model = 'benefit_touch' and level = 'touch' and channel = '(all)' "
            "order by changed_at, order_key, new_credited_orders"
        ).fetchall()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    settings = Settings(home=tmp_path, shop=SHOP)
    with connect(settings) as con:
        yield Shelf(con, settings)


def test_a_late_visit_moves_the_credit_and_is_named(shelf: Shelf) -> None:
    """The visit came first but was delivered later: the first touch is another, the last one stays."""
    shelf.build("r1")
    assert shelf.changes() == []
    shelf.visit("s0", "Organic Social", "2026-03-09 11:00:00+00")
    shelf.deliver("web_event", "web", "d2", event_date_local=date(2026, 3, 9))
    # Neither can touch the order: it is of another day, or came before.
    shelf.deliver("web_event", "web", "d3", event_date_local=date(2026, 3, 20))
    shelf.deliver("shop_order", "orders", "d0", order_date_local=DAY, _loaded_at=datetime(2026, 3, 11, tzinfo=UTC))
    shelf.build("r2")
    why = ("data", ["web"], ["d2"])
    assert shelf.changes() == [
        ("r2", "a", "Email", 1.0, 0.0, Decimal(100), Decimal(0), *why),
        ("r2", "a", "Organic Social", 0.0, 1.0, Decimal(0), Decimal(100), *why),
    ]
    assert shelf.changes("last") == []


def test_the_same_again_is_no_change_and_a_new_order_neither(shelf: Shelf) -> None:
    shelf.build("r1")
    shelf.order("b", "7.00")
    shelf.build("r2")
    shelf.build("r3")
    assert shelf.changes() == []


def test_a_refund_of_any_later_day_changes_what_is_credited(shelf: Shelf) -> None:
    shelf.build("r1")
    shelf.order("a", "60.00")
    shelf.deliver("shop_refund", "orders", "d9", refund_date_local=date(2026, 9, 1))
    shelf.build("r2")
    assert shelf.changes() == [("r2", "a", "Email", 1.0, 1.0, Decimal(100), Decimal(60), "data", ["orders"], ["d9"])]


def test_another_rule_is_told_from_data(shelf: Shelf) -> None:
    """With a lookback of one day the visit of four days before is on the path no more."""
    shelf.visit("s0", "Display", "2026-03-06 11:00:00+00")
    shelf.build("r1")
    shelf.build("r2", Settings(home=shelf.settings.home, shop=SHOP, rules=Rules(attribution_lookback_days=1)))
    assert [(row[2], row[3], row[4], row[7]) for row in shelf.changes()] == [
        ("Display", 1.0, 0.0, "rules"),
        ("Email", 0.0, 1.0, "rules"),
    ]


@pytest.mark.parametrize(
    "said",
    [
        # Neither the table of credit nor its own code knows of them: gaps between visits are the visits' affair.
        {"rules": Rules(session_gap_seconds=600)},
        {"channels": Channels(spam_hosts=["spam.example"])},
    ],
    ids=["a_setting_of_the_visits", "a_host_of_the_channels"],
)
def test_a_rule_of_a_table_before_it_is_a_rule_too(shelf: Shelf, said: dict[str, Any]) -> None:
    shelf.build("r1")
    settings = Settings(home=shelf.settings.home, shop=SHOP, **said)
    ensure_schema(shelf.con, CATALOG, settings)
    shelf.con.execute("update core.fct_session set channel = 'Referral'")
    shelf.build("r2", settings)
    shelf.con.execute("update core.fct_session set channel = 'Display'")
    shelf.build("r3", settings)
    assert [(row[0], row[2], row[3], row[4], row[7]) for row in shelf.changes()] == [
        ("r2", "Email", 1.0, 0.0, "rules"),
        ("r2", "Referral", 0.0, 1.0, "rules"),
        ("r3", "Display", 0.0, 1.0, "unknown"),
        ("r3", "Referral", 1.0, 0.0, "unknown"),
    ]


def test_an_order_that_left_the_book_is_on_record(shelf: Shelf) -> None:
    shelf.build("r1")
    shelf.con.execute("update core.fct_order set is_countable = false")
    shelf.build("r2")
    assert shelf.changes() == [("r2", "a", "Email", 1.0, 0.0, Decimal(100), Decimal(0), "unknown", [], [])]


def test_a_late_touch_gives_another_class_and_both_are_on_record(shelf: Shelf) -> None:
    """Without a touch the order is nobody's; one of an hour before, which showed what was bought, makes it D1 by D1c.

    It is no due day (D4), nothing was compared (D3) or seen for the first time (D2), and there is no code and no word.
    """
    shelf.build_class("r1")
    assert shelf.reclassed() == []
    shelf.touch("t1", 3600, "12")
    shelf.deliver("web_event", "web", "d2", event_date_local=DAY)
    shelf.build_class("r2")
    why = ("data", ["web"], ["d2"])
    assert shelf.reclassed() == [
        ("r2", "(none)", "(none)", "(none)", "no_social_touch", "none", 1.0, 0.0, Decimal(100), Decimal(0), *why),
        ("r2", "telegram", "c", "12", "D1_recommendation", "D1c", 0.0, 1.0, Decimal(0), Decimal(100), *why),
    ]


def test_of_the_class_the_community_the_post_and_the_worth_are_on_record_too(shelf: Shelf) -> None:
    """The class stays; the newer touch is named, then its post is known, then part of the order is paid back."""
    shelf.touch("t1", 3600, "12")
    shelf.build_class("r1")
    shelf.touch("t2", 60, None, community_id=None)
    shelf.build_class("r2")
    shelf.con.execute("update core.brg_order_touch set post_id = '13' where touch_id = 't2'")
    shelf.build_class("r3")
    shelf.order("a", "60.00")
    shelf.build_class("r4")
    assert {row[4:6] for row in shelf.reclassed()} == {("D1_recommendation", "D1c")}
    assert [(*row[:4], *row[6:10]) for row in shelf.reclassed()] == [
        ("r2", "telegram", "c", "12", 1.0, 0.0, Decimal(100), Decimal(0)),
        ("r2", "telegram", "(unknown)", "(none)", 0.0, 1.0, Decimal(0), Decimal(100)),
        ("r3", "telegram", "(unknown)", "(none)", 1.0, 0.0, Decimal(100), Decimal(0)),
        ("r3", "telegram", "(unknown)", "13", 0.0, 1.0, Decimal(0), Decimal(100)),
        ("r4", "telegram", "(unknown)", "13", 1.0, 1.0, Decimal(100), Decimal(60)),
    ]


def test_a_class_built_again_is_no_change(shelf: Shelf) -> None:
    """Neither without news, nor with another touch of the same post, nor where what is made of the class is gone."""
    shelf.touch("t1", 3600, "12")
    shelf.build_class("r1")
    shelf.build_class("r2")
    shelf.touch("t2", 60, "12")
    shelf.order("b", "7.00")
    shelf.build_class("r3")
    for table in ("order_credit_part", "fct_attribution_credit"):
        shelf.con.execute(f"delete from core.{table}")
    shelf.con.execute("delete from meta.partition_state where table_name like 'core.%credit%'")
    shelf.build_class("r4")
    # As when a new version of the program makes its tables anew.
    shelf.con.execute("delete from core.fct_order_benefit")
    shelf.build_class("r5")
    assert shelf.con.execute("select count(*) from meta.credit_change").fetchone() == (0,)


def test_an_order_that_left_the_book_has_no_class_any_more(shelf: Shelf) -> None:
    shelf.build_class("r1")
    shelf.con.execute("update core.fct_order set is_countable = false")
    shelf.build_class("r2")
    [change] = shelf.reclassed()
    assert change[4:10] == ("no_social_touch", "none", 1.0, 0.0, Decimal(100), Decimal(0))


def test_a_change_is_put_down_to_what_can_touch_its_own_day(shelf: Shelf) -> None:
    """Two orders are built in one go: what came for the days of the later one did nothing to the earlier one."""
    later = DAY + timedelta(days=20)
    days = tuple(DAY + timedelta(days=n) for n in range(21))
    shelf.order("b", "7.00", later)
    shelf.visit("s2", "Email", "2026-03-29 11:00:00+00")
    shelf.build("r1", days=days)
    shelf.visit("s0", "Organic Social", "2026-03-09 11:00:00+00")
    shelf.deliver("web_event", "web", "d2", event_date_local=date(2026, 3, 9))
    shelf.deliver("web_event", "web", "d3", event_date_local=later)
    shelf.build("r2", days=days)
    told = {row[1]: row[7:] for row in shelf.changes()}
    assert told == {"a": ("data", ["web"], ["d2"]), "b": ("data", ["web"], ["d2", "d3"])}


def test_an_event_as_far_back_as_the_tables_read_is_named(shelf: Shelf) -> None:
    """By orders of long ago a device is shared, and is the buyer's no more: 182 days of lookbacks upon lookbacks."""
    shelf.build("r1")
    shelf.visit("s0", "Organic Social", "2026-03-09 11:00:00+00")
    shelf.deliver("web_event", "web", "reaches", event_date_local=DAY - timedelta(days=182))
    shelf.deliver("web_event", "web", "does not", event_date_local=DAY - timedelta(days=183))
    shelf.build("r2")
    assert {(*row[8], *row[9]) for row in shelf.changes()} == {("web", "reaches")}


def test_a_work_database_of_before_keeps_its_changes(shelf: Shelf) -> None:
    shelf.build("r1")
    shelf.con.execute("update core.fct_order set is_countable = false")
    shelf.build("r2")
    for column in ("benefit_class", "rule_id", "post_id"):
        shelf.con.execute(f"alter table meta.credit_change drop column {column}")
    ensure_schema(shelf.con, CATALOG, shelf.settings)
    kept = shelf.con.execute("select distinct benefit_class, rule_id, post_id from meta.credit_change").fetchall()
    assert kept == [("(all)", "(all)", "(all)")]
