"""Lines of orders and refunds that cannot be read: what is made of their sum is unknown, not too small.

The files are ingested and the tables built by their own SQL; sums are worked out by hand.
"""

from __future__ import annotations

import itertools
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.ingest.results import Counts
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import relation
from tests.ingest_fixture import Instance

DAY = date(2026, 3, 2)
CREATED = {"date_created_gmt": "2026-03-02T08:00:00"}
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SHEET = {"sheet": "mapping = \"uci_orders.yml\"\nextracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"}
LINES = "select sku, quantity, unit_price_amount, _is_current from raw.shop_order_line order by all"


def sheet(*lines: tuple[str, str, str, str]) -> str:
    """Invoice, article, quantity and price of each line."""
    return HEADER + "".join(f"{o},{sku},,{n},2026-03-02 08:00:00,{price},,\n" for o, sku, n, price in lines)


def built(shop: Instance, table: str, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query, once the table and all that it is made from are built for the day."""
    settings = load_settings(shop.home)
    values = {**settings.sql_parameters(), **window_parameters(DAY, DAY, settings)}
    used = shop.catalog.upstream(table) | {table}
    with connect(settings) as con:
        for spec in shop.catalog.build_order:
            if spec.full_name in used:
                given = {parameter: values[parameter] for parameter in spec.parameters}
                con.execute(f"insert into {relation(spec)} by name {spec.sql}", given)
        return con.execute(sql).fetchall()


def test_an_order_with_an_unread_line_is_of_unknown_amount(tmp_path: Path) -> None:
    """Rows are told as those of the sheet, its header is row 1.

    Order 1: 2 x 5 and an unreadable price; order 2: 3 x 5 = 15; order 3: one line of unreadable quantity.
    """
    shop = Instance(tmp_path, SHEET, currency="GBP")
    rows = [("1", "a", "2", "5"), ("1", "b", "1", "free"), ("2", "a", "3", "5"), ("3", "b", "two", "4.5")]
    shop.deliver("sheet", "s_x20260303T010000Z.csv", sheet(*rows))
    [result] = shop.ingest()
    assert result.counts["raw.shop_order_line"] == Counts(rows_in=4, loaded=2, rejected=2)
    assert shop.rejects() == [
        ("raw.shop_order_line", 3, ["bad_number:unit_price_amount"]),
        ("raw.shop_order_line", 5, ["bad_number:quantity"]),
    ]
    assert shop.rows(LINES) == [
        ("a", Decimal(2), Decimal(5), True),
        ("a", Decimal(3), Decimal(5), True),
        ("b", None, None, True),
        ("b", None, None, True),
    ]
    sums = built(shop, "core.fct_order", "select order_id, gross_revenue_amount from core.fct_order order by 1")
    assert sums == [("1", None), ("2", Decimal(15)), ("3", None)]


def test_a_line_that_cannot_be_placed_leaves_nothing(tmp_path: Path) -> None:
    shop = Instance(tmp_path, SHEET)
    text = sheet(("1", "a", "2", "5")) + "1,b,,x,someday,5,,\n"
    shop.deliver("sheet", "s_x20260303T010000Z.csv", text)
    shop.ingest()
    assert [r[2] for r in shop.rejects() if r[0] == "raw.shop_order_line"] == [
        ["bad_time:created_ts", "bad_number:quantity"]
    ]
    assert shop.rows(LINES) == [("a", Decimal(2), Decimal(5), True)]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_the_newest_reading_of_a_line_holds_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    """4 at one o'clock, junk at two, 6 at three: 6 holds; junk without the third: unknown."""
    totals = {1: "4.00", 2: "junk", 3: "6.00"}
    shop = Instance(tmp_path, {"woo": "vendor = \"woocommerce_orders\"\nextracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"})
    current = "select line_total_amount from raw.shop_order_line where _is_current"
    counts = Counts()
    for n, hour in enumerate(order, start=1):
        line = {"id": 1, "quantity": 1, "total": totals[hour]}
        told = {"id": 7, "status": "completed", **CREATED, "line_items": [line]}
        shop.deliver("woo", f"o_x20260303T0{hour}0000Z.json", json.dumps([told]))
        [result] = shop.ingest()
        counts = result.counts["raw.shop_order_line"]
        assert counts.rejected == (hour == 2)
        newest = max(order[:n])
        assert shop.rows(current) == [({1: Decimal(4), 2: None, 3: Decimal(6)}[newest],)]
    assert shop.rows("select count(*) from raw.shop_order_line") == [(3,)]


def test_the_total_that_an_order_states_stands(tmp_path: Path) -> None:
    """17 is told, 9 and junk are its lines; told by the same lines alone it is unknown."""
    line = {"id": 1, "quantity": 1, "price": "9", "total": "9.00", "subtotal": "9.00"}
    torn = {**line, "id": 2, "total": "x"}
    told = {"status": "completed", "currency": "UAH", **CREATED, "line_items": [line, torn]}
    shop = Instance(tmp_path, {"woo": 'vendor = "woocommerce_orders"'})
    shop.deliver("woo", "a.json", json.dumps([{"id": 1, "total": "17", **told}, {"id": 2, **told}]))
    shop.ingest()
    sums = built(shop, "core.fct_order", "select order_id, gross_revenue_amount from core.fct_order order by 1")
    assert sums == [("1", Decimal(17)), ("2", None)]


def test_a_refund_with_an_unread_line_is_of_unknown_amount(tmp_path: Path) -> None:
    """Refund 9 tells no amount: 3 and junk; refund 10: 3 and 0.6 of tax."""
    refunds = [
        {"id": 9, "parent_id": 7, "line_items": [{"id": 1, "total": "-3.00"}, {"id": 2, "total": "junk"}]},
        {"id": 10, "parent_id": 7, "line_items": [{"id": 1, "total": "-3.00", "total_tax": "-0.60"}]},
    ]
    shop = Instance(tmp_path, {"woo": 'vendor = "woocommerce_refunds"'})
    shop.deliver("woo", "a.json", json.dumps([{**CREATED, **refund} for refund in refunds]))
    shop.ingest()
    sums = built(shop, "core.fct_refund", "select refund_key, refund_amount from core.fct_refund order by 1")
    assert sums == [("woocommerce|main|10", Decimal("3.6")), ("woocommerce|main|9", None)]
