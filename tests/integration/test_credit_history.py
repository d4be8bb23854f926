"""Credit stands unless something changes it; then meta.credit_change says what, when and because of which delivery."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

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

    def order(self, key: str, amount: str) -> None:
        self.con.execute("delete from core.fct_order where order_key = ?", [key])
        self.con.execute(
            "insert into core.fct_order (order_key, order_date_local, created_ts, is_countable, is_marketplace, "
            "net_revenue_amount) values (?, ?, '2026-03-10 12:00:00+00', true, false, ?)",
            [key, DAY, amount],
        )
        self.con.execute(
            "insert into core.brg_order_visitor (order_key, visitor_key, order_date_local) select ?, 'v', ? "
            "where not exists (from core.brg_order_visitor where order_key = ?)",
            [key, DAY, key],
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

    def build(self, run_id: str, settings: Settings | None = None) -> None:
        settings = settings or self.settings
        view = StateView(self.con, CATALOG, settings)
        spec = CATALOG["core.fct_attribution_credit"]
        build_table(self.con, spec, [DAY], settings, view, run_id=run_id, validate=lambda *_, **__: ())

    def changes(self, model: str = "first") -> list[tuple[Any, ...]]:
        return self.con.execute(
            "select run_id, order_key, channel, old_credited_orders, new_credited_orders, old_credited_revenue_amount, "
            "new_credited_revenue_amount, reason, feeds, delivery_ids from meta.credit_change where model = ? "
            "order by changed_at, order_key, channel",
            [model],
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


def test_an_order_that_left_the_book_is_on_record(shelf: Shelf) -> None:
    shelf.build("r1")
    shelf.con.execute("update core.fct_order set is_countable = false")
    shelf.build("r2")
    assert shelf.changes() == [("r2", "a", "Email", 1.0, 0.0, Decimal(100), Decimal(0), "unknown", [], [])]
