"""Values that vendors' mappings make of others: what cannot be read rejects its row, what is absent stays unknown.

Each case is a record of the vendor's shape with one value that is junk; sums are worked out by hand.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.settings import PROJECT_ROOT
from tests.ingest_fixture import Instance

CREATED = {"date_created_gmt": "2026-03-02T08:00:00"}


def loaded(home: Path, vendor: str, document: Any) -> Instance:
    """An instance that took in one JSON document."""
    shop = Instance(home, {"feed": f'vendor = "{vendor}"'})
    shop.deliver("feed", "a.json", document if isinstance(document, str) else json.dumps(document))
    shop.ingest()
    return shop


def order(number: int, *lines: dict[str, object], **more: object) -> dict[str, object]:
    told = {"id": number, "number": str(number), "status": "completed", "currency": "UAH", "total": "12"}
    numbered = [{"id": n, "quantity": 1, "total": "9.00", **line} for n, line in enumerate(lines, start=1)]
    return {**told, **CREATED, "line_items": numbered, **more}


def test_woocommerce_orders(tmp_path: Path) -> None:
    orders = [
        order(1, {"subtotal": "10.00"}, {"subtotal": "zz"}),
        order(2, {"subtotal": "10.00"}, {"subtotal": "2.50"}),
        order(3, {"subtotal": "10.00"}, {"subtotal": None}),
        order(4, refunds=[{"id": 1, "total": "-5.00"}, {"id": 2, "total": "-0.50"}]),
        order(5, refunds=[{"id": 1, "total": "-5.00"}, {"id": 2, "total": "1,5"}]),
        order(6, refunds=[{"id": 1, "total": None}]),
    ]
    shop = loaded(tmp_path, "woocommerce_orders", orders)
    assert shop.rejects() == [
        ("raw.shop_order", 1, ["bad_number:items_amount"]),
        ("raw.shop_order", 5, ["bad_number:refunded_amount"]),
        ("raw.shop_order", 6, ["bad_number:refunded_amount"]),
        ("raw.shop_order_line", 1, ["bad_number:line_discount_amount"]),
    ]
    rows = shop.rows("select order_id, items_amount, refunded_amount from raw.shop_order order by 1")
    assert rows == [("2", Decimal("12.5"), None), ("3", None, None), ("4", None, Decimal("5.5"))]
    lines = shop.rows("select order_id, line_id, line_discount_amount from raw.shop_order_line order by all")
    assert lines == [
        ("1", "1", Decimal(1)),
        ("1", "2", None),
        ("2", "1", Decimal(1)),
        ("2", "2", Decimal("-6.5")),
        ("3", "1", Decimal(1)),
        ("3", "2", None),
    ]


def test_woocommerce_refunds(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "total": "oops", "total_tax": "0.00"},
        {"id": 2, "total": "-3.00", "total_tax": "bad"},
        {"id": 3, "total": "-3.00", "total_tax": "-0.60"},
        {"id": 4, "total": "-3.00", "total_tax": ""},
        {"id": 5, "total": "", "total_tax": None},
    ]
    shop = loaded(
        tmp_path, "woocommerce_refunds", [{"id": 9, "parent_id": 7, **CREATED, "amount": "9", "line_items": lines}]
    )
    assert shop.rejects() == [("raw.shop_refund_line", 1, ["bad_number:refund_amount"])] * 2
    rows = shop.rows("select line_id, refund_amount from raw.shop_refund_line order by 1")
    assert rows == [("1", None), ("2", None), ("3", Decimal("3.6")), ("4", Decimal(3)), ("5", None)]


def test_telegram_counters(tmp_path: Path) -> None:
    posts = [
        {"id": "1", "views": 5, "reactions": [{"count": "1K"}, {"count": 5}]},
        {"id": "2", "views": 5, "reactions": [{"count": "many"}, {"count": 5}]},
        {"id": "3", "views": 5, "reactions": [{"count": None}, {"count": 5}]},
        {"id": "4", "views": 5},
    ]
    shop = loaded(tmp_path, "telegram_views", {"channel_id": "c", "taken_at": "2026-03-02T10:00:00Z", "posts": posts})
    assert shop.rejects() == [("raw.community_post_snapshot", 1, ["bad_number:likes"])]
    rows = shop.rows("select post_id, likes from raw.community_post_snapshot order by 1")
    assert rows == [("1", 1005), ("3", None), ("4", None)]


def test_times_of_telegram_exports(tmp_path: Path) -> None:
    """1772438400 is 2026-03-02 08:00 in UTC; the local date takes its place only where it is absent."""
    message = {"type": "message", "date": "2026-03-02T12:00:00", "text": "x"}
    messages = [
        {"id": 1, **message, "date_unixtime": "1772438400"},
        {"id": 2, **message, "date_unixtime": "soon"},
        {"id": 3, **message, "date_unixtime": ""},
        {"id": 4, **message, "date_unixtime": "1772438400", "edited": "2026-03-03T12:00:00", "edited_unixtime": "x"},
    ]
    shop = loaded(tmp_path, "telegram_export", {"id": 7, "messages": messages})
    assert [r[1:] for r in shop.rejects()] == [(2, ["bad_time:published_ts"]), (4, ["bad_time:updated_ts"])]
    rows = shop.rows("select post_id, published_ts::varchar from raw.community_post order by 1")
    assert rows == [("1", "2026-03-02 08:00:00+00"), ("3", "2026-03-02 10:00:00+00")]


def test_days_of_meta_insights(tmp_path: Path) -> None:
    """The paging of an answer says nothing of a value that has a time of its own, though it cannot be read."""
    fixture = json.loads(
        (PROJECT_ROOT / "tests/integration/vendors/meta_page_insights/insights.json").read_text(encoding="utf-8")
    )
    first = fixture["data"][0] | {"values": [{"value": 5, "end_time": "yesterday"}]}
    paging = {"next": "https://graph.facebook.com/x?since=1772438400"}
    shop = loaded(tmp_path, "meta_page_insights", {"data": [first], "paging": paging})
    assert [r[2] for r in shop.rejects()] == [["bad_date:metric_date"]]
    assert shop.rows("select count(*) from raw.community_day") == [(0,)]


@pytest.mark.parametrize("price", ["0.00005", "5e-05", "5.0E-5"])
def test_small_prices_are_numbers_in_every_json(tmp_path: Path, price: str) -> None:
    """A quarter of a cent apiece; DECIMAL(18, 4) keeps four places, so 0.00005 is rounded to 0.0001."""
    line = json.dumps(order(1, {"price": 0, "subtotal": "9.00"})).replace('"price": 0', f'"price": {price}')
    shop = loaded(tmp_path / "json", "woocommerce_orders", line)
    assert shop.rejects() == []
    assert shop.rows("select unit_price_amount from raw.shop_order_line") == [(Decimal("0.0001"),)]
    event = {
        "event_timestamp": "1772400000000000",
        "event_name": "view_item",
        "user_pseudo_id": "1.1",
        "event_params": [],
        "items": [{"item_id": "a", "price": 0}],
    }
    web = Instance(tmp_path / "lines", {"feed": 'vendor = "ga4"\nconstants = { property_id = "p" }'})
    web.deliver("feed", "a.jsonl", json.dumps(event).replace('"price": 0', f'"price": {price}'))
    web.ingest()
    assert web.rejects() == []
    assert web.rows("select unit_price_amount from raw.web_event_item") == [(Decimal("0.0001"),)]


def test_numbers_of_a_document_stay_as_they_are_written(tmp_path: Path) -> None:
    text = json.dumps(order(1, {"subtotal": "9.00"})).replace('"number": "1"', '"number": 1.10')
    text = text.replace('"id": 1, "number"', '"id": 123456789012345678901234567890, "number"')
    shop = loaded(tmp_path, "woocommerce_orders", text)
    assert shop.rows("select order_id, order_number from raw.shop_order") == [
        ("123456789012345678901234567890", "1.10")
    ]
