"""Shipped vendors on small files in the vendors' shapes (tests/fixtures/<vendor>); values worked out by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from smm_pipeline.ingest import Counts
from smm_pipeline.settings import PROJECT_ROOT
from tests.ingest_fixture import Instance

FIXTURES = PROJECT_ROOT / "tests" / "fixtures"
# 2026-03-01 22:00 UTC is midnight in Kyiv.
EVENING = datetime(2026, 3, 1, 21, 45, tzinfo=UTC).timestamp()


def shop_with(home: Path, vendor: str, *files: str, constants: str = "", mtime: float | None = None) -> Instance:
    shop = Instance(home, {"feed": f'vendor = "{vendor}"\nconstants = {{ {constants} }}'})
    for name in files:
        shop.deliver("feed", Path(name).name, (FIXTURES / name).read_bytes(), mtime=mtime)
    return shop


def test_woocommerce_orders(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, "woocommerce_orders", "woocommerce/orders.json", constants='store_id = "s"')
    [result] = shop.ingest()
    assert result.counts["raw.shop_order"] == Counts(rows_in=3, loaded=2, rejected=1)
    assert shop.rejects() == [("raw.shop_order", 3, ["not_accepted:status"])]
    rows = shop.rows(
        "select order_id, order_date_local, status, customer_key is not null, user_key is not null, items_amount, "
        "discount_amount, total_amount, coupon_codes, country, utm_source, session_start_ts::varchar, sales_channel "
        "from raw.shop_order order by 1"
    )
    started = "2026-03-01 21:20:00+00"
    money = (Decimal(500), Decimal(10), Decimal(550))
    assert rows == [
        ("560", date(2026, 3, 1), "completed", True, False, *money, "club|friend", "UA", "telegram", started, "web"),
        ("561", date(2026, 3, 2), "pending", False, True, None, None, Decimal(0), None, None, None, None, "admin"),
    ]
    line = "select line_id, sku, variant_id, quantity, line_total_amount, line_discount_amount from raw.shop_order_line"
    assert shop.rows(line) == [("1", "sku1", None, Decimal(2), Decimal(490), Decimal(10))]


def test_an_order_states_what_went_back_and_the_refunds_resource_says_when(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {name: f'vendor = "woocommerce_{name}"' for name in ("orders", "refunds")})
    for name in ("orders", "refunds"):
        shop.deliver(name, f"{name}.json", (FIXTURES / "woocommerce" / f"{name}.json").read_bytes(), mtime=EVENING)
    shop.ingest()
    assert shop.rows("select refunded_amount from raw.shop_order where order_id = '560'") == [(Decimal(250),)]
    assert shop.rows("select refund_id, order_id, refund_date_local, refund_amount from raw.shop_refund") == [
        ("900", "560", date(2026, 3, 5), Decimal(245)),
    ]
    lines = "select sku, quantity, refund_amount from raw.shop_refund_line"
    assert shop.rows(lines) == [("sku1", Decimal(1), Decimal(245))]


def test_telegram_export_and_views(tmp_path: Path) -> None:
    export = shop_with(tmp_path / "e", "telegram_export", "telegram/result.json")
    export.ingest()
    rows = export.rows(
        "select community_id, post_id, post_date_local, updated_ts::varchar, post_type, post_text, link_urls, "
        "is_reshare from raw.community_post order by post_id"
    )
    links = "https://shop.example/blog/lamps https://shop.example/product/sku1"
    text = "Lamps: https://shop.example/product/sku1 more #lamps"
    assert rows == [
        ("1001", "5", date(2026, 3, 1), "2026-03-02 08:00:00+00", "photo", text, links, False),
        ("1001", "6", date(2026, 3, 2), None, "text", "[not a list]", None, True),
    ]
    views = shop_with(tmp_path / "v", "telegram_views", "telegram/views.json", mtime=EVENING + 10 * 86400)
    views.ingest()
    day = "select metric_date, metric, value, _version_ts::varchar from raw.community_day"
    assert views.rows(day) == [(date(2026, 3, 1), "followers", 500, "2026-03-01 21:45:00+00")]
    counters = (
        "select post_id, snapshot_date, views, likes, comments, shares from raw.community_post_snapshot order by 1"
    )
    assert views.rows(counters) == [
        ("5", date(2026, 3, 1), 120, 7, 1, 2),
        ("6", date(2026, 3, 1), 10, None, None, None),
    ]


def test_woocommerce_refunds_of_all_orders_name_theirs_as_parent(tmp_path: Path) -> None:
    """GET /refunds, unlike GET /orders/<id>/refunds, tells the order in parent_id."""
    refund = {"id": 9, "parent_id": 77, "date_created_gmt": "2026-03-02T08:00:00", "amount": "5.00", "line_items": []}
    shop = Instance(tmp_path, {"feed": 'vendor = "woocommerce_refunds"'})
    shop.deliver("feed", "refunds.json", json.dumps([refund]))
    shop.ingest()
    assert shop.rows("select refund_id, order_id, refund_amount from raw.shop_refund") == [("9", "77", Decimal(5))]


def test_woocommerce_names_lose_the_escapes_of_a_web_page(tmp_path: Path) -> None:
    """The API gives names as WordPress prints them; the report escapes by itself."""
    name, group = "Lamp &#8220;Sun&#8221; &amp; shade", "Lamps &amp; light"
    product = {"id": 7, "name": name, "sku": "s7", "categories": [{"name": group}], "price": "5"}
    line = {"id": 1, "name": name, "sku": "s7", "product_id": 7, "quantity": 1, "total": "5", "price": 5}
    created = {"date_created_gmt": "2026-03-02T08:00:00"}
    order = {"id": 3, "number": "3", "status": "completed", "currency": "UAH", "total": "5", "line_items": [line]}
    shop = Instance(tmp_path, {n: f'vendor = "woocommerce_{n}"' for n in ("products", "orders")})
    shop.deliver("products", "products.json", json.dumps([product]))
    shop.deliver("orders", "orders.json", json.dumps([order | created]))
    shop.ingest()
    named = "Lamp \u201cSun\u201d & shade"
    assert shop.rows("select product_name, product_group from raw.shop_product") == [(named, "Lamps & light")]
    assert shop.rows("select product_name from raw.shop_order_line") == [(named,)]


def test_telegram_counters_of_previews_are_rounded(tmp_path: Path) -> None:
    post = {
        "id": "1",
        "views": "1.2K",
        "forwards": "3,4M",
        "comments": "12",
        "reactions": [{"count": "1K"}, {"count": 5}],
    }
    odd = {"id": "2", "views": "many"}
    page = {"channel_id": "c", "taken_at": "2026-03-02T10:00:00Z", "members_count": "15.6K", "posts": [post, odd]}
    shop = Instance(tmp_path, {"feed": 'vendor = "telegram_views"'})
    shop.deliver("feed", "views.json", json.dumps(page))
    shop.ingest()
    counters = "select views, shares, comments, likes from raw.community_post_snapshot"
    assert shop.rows(counters) == [(1200, 3_400_000, 12, 1005)]
    assert shop.rows("select value from raw.community_day") == [(15600,)]
    assert shop.rows("select reasons from quality.rejects") == [(["bad_number:views"],)]
