"""WooCommerce files against the truth: money to the kopiyka, statuses, refunds, repeated deliveries."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from .conftest import Shop


def newest_orders(shop: Shop) -> dict[str, dict[str, Any]]:
    """The last delivered state of each order."""
    orders: dict[str, dict[str, Any]] = {}
    for records in shop.json("orders"):
        for record in records:
            known = orders.get(str(record["number"]))
            if known is None or known["date_modified_gmt"] <= record["date_modified_gmt"]:
                orders[str(record["number"])] = record
    return orders


def test_the_order_book_equals_the_truth(shop: Shop) -> None:
    orders = newest_orders(shop)
    assert len(shop.truth) == shop.facts.orders == len(orders)
    for row in shop.truth:
        order = orders[row["order_number"]]
        assert (str(order["id"]), order["total"]) == (row["order_id"], row["total_amount"])
        assert order["date_created"][:10] == row["order_date_local"]
        assert order["status"] == row["final_status"]
    assert sum(Decimal(o["total"]) for o in orders.values()) == sum(Decimal(r["total_amount"]) for r in shop.truth)


def test_lines_discount_and_shipping_make_the_total(shop: Shop) -> None:
    for order in newest_orders(shop).values():
        lines = order["line_items"]
        subtotal = sum(Decimal(line["subtotal"]) for line in lines)
        assert subtotal - sum(Decimal(line["total"]) for line in lines) == Decimal(order["discount_total"])
        assert subtotal - Decimal(order["discount_total"]) + Decimal(order["shipping_total"]) == Decimal(order["total"])
        assert bool(order["coupon_lines"]) == (Decimal(order["discount_total"]) > 0)


def test_refunds_agree_with_orders_and_truth(shop: Shop) -> None:
    refunds = [refund for records in shop.json("refunds") for refund in records]
    assert len(refunds) == shop.notes["refunds"] == len({refund["id"] for refund in refunds})
    by_order: Counter[str] = Counter()
    for refund in refunds:
        parts = [Decimal(str(line["total"])) for key in ("line_items", "shipping_lines") for line in _list(refund, key)]
        assert -sum(parts) == Decimal(str(refund["amount"])) > 0
        by_order[str(refund["_order_id"])] += int(Decimal(str(refund["amount"])) * 100)
    assert by_order == {
        r["order_id"]: int(Decimal(r["refunded_amount"]) * 100) for r in shop.truth if r["refunded_amount"] != "0.00"
    }
    for order in newest_orders(shop).values():
        listed = -sum(Decimal(refund["total"]) for refund in order["refunds"])
        assert int(listed * 100) == by_order[str(order["id"])]
        assert (order["status"] == "refunded") == (0 < listed == Decimal(order["total"]))


def _list(record: dict[str, object], key: str) -> list[dict[str, object]]:
    value = record[key]
    assert isinstance(value, list)
    return value


def test_statuses_move_over_days_and_some_records_come_again(shop: Shop) -> None:
    seen: dict[object, list[object]] = {}
    repeated = 0
    for records in shop.json("orders"):
        for record in records:
            states = seen.setdefault(record["id"], [])
            repeated += bool(states) and states[-1] == record
            states.append(record)
    assert repeated == shop.notes["order_records_again"] > 0
    final = Counter(row["final_status"] for row in shop.truth)
    assert {"completed", "cancelled"} <= set(final)
    assert any(len({state["status"] for state in states if isinstance(state, dict)}) > 1 for states in seen.values())


def test_orders_without_visit_are_marked(shop: Shop) -> None:
    orders = newest_orders(shop)
    channels = Counter(row["sales_channel"] for row in shop.truth)
    assert channels["test"] == 3
    assert min(channels["web"], channels["phone"], channels["marketplace"]) > 0
    for row in shop.truth:
        if row["sales_channel"] != "web":
            assert not row["session_keys"]
            assert orders[row["order_number"]]["created_via"] in ("admin", "marketplace", "checkout")
