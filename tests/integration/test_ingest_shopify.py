"""Shopify on small files in their shapes (tests/fixtures/<vendor>); values worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from smm_pipeline.ingest import RECORDS, Counts
from smm_pipeline.settings import PROJECT_ROOT
from tests.ingest_fixture import Instance

FIXTURES = PROJECT_ROOT / "tests" / "fixtures"


def shop_with(home: Path, vendor: str, name: str, constants: str = "") -> Instance:
    shop = Instance(home, {"feed": f'vendor = "{vendor}"\nconstants = {{ {constants} }}'})
    shop.deliver("feed", Path(name).name, (FIXTURES / name).read_bytes())
    return shop


def test_shopify_orders_and_the_money_that_went_back(tmp_path: Path) -> None:
    """Refunds are their successful transactions, 75.50 and nothing, not the 80 and 90 of the goods that came back."""
    shop = shop_with(tmp_path, "shopify_orders", "shopify/orders.json")
    [result] = shop.ingest()
    assert (result.counts[RECORDS], result.rejected) == (Counts(rows_in=3, loaded=3), 0)
    assert shop.rows(
        "select order_number, order_date_local, status, is_test, sales_channel, customer_key is not null, "
        "total_amount, shipping_amount, coupon_codes, country from raw.shop_order order by order_number"
    ) == [
        ("#1001", date(2026, 3, 1), "partially_refunded", False, "web", True, 330, 60, "spring", "UA"),
        ("#1002", date(2026, 1, 1), "paid", False, "pos", True, 10, None, None, None),
        ("#1003", date(2026, 3, 1), "cancelled", True, "admin", False, 20, None, None, None),
    ]
    lines = (
        "select line_id, sku, variant_id, quantity, unit_price_amount, line_discount_amount from raw.shop_order_line"
    )
    assert shop.rows(f"{lines} order by 1") == [("1", "sku1", "21", 2, 100, 20), ("2", "sku2", None, 1, 100, 10)]
    refunds = "select refund_id, refund_date_local, refund_amount, currency from raw.shop_refund order by 1"
    assert shop.rows(refunds) == [
        ("901", date(2026, 3, 3), Decimal("75.5"), "UAH"),
        ("902", date(2026, 3, 3), 0, "UAH"),
        ("903", date(2026, 3, 5), 2, "EUR"),
    ]
    assert shop.rows("select refund_id, line_id, sku, refund_amount from raw.shop_refund_line order by 2") == [
        ("901", "31", "sku1", 80),
        ("902", "32", "sku2", 90),
    ]


def test_shopify_products_by_variant(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, "shopify_products", "shopify/products.json", 'storefront = "shop.example"')
    shop.ingest()
    columns = "product_id, variant_id, sku, product_name, product_group, price_amount, url"
    assert shop.rows(f"select {columns} from raw.shop_product order by variant_id") == [
        ("11", "21", "sku1", "Lamp, Red", "light", 100, "https://shop.example/products/lamp"),
        ("11", "22", "sku1-b", "Lamp, Blue", "light", 110, "https://shop.example/products/lamp"),
        ("12", "23", "sku2", "Cup", None, 100, "https://shop.example/products/cup"),
    ]
