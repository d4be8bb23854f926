"""Orders that are odd but accepted stop no publishing: core and kpi are no stricter than staging.

Each stands in a store of its own. The tables behind them are built by their own SQL, and every suite audits them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.settings import Settings, Shop
from smm_pipeline.validation import validate
from smm_pipeline.warehouse.audits import is_blocking
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import tune
from smm_pipeline.warehouse.schema import ensure_schema, relation
from tests.project_catalog import project_catalog

DAY = date(2026, 3, 10)
SHOP = {"source_system": "woo"}
ORDER = {**SHOP, "order_id": "7", "order_number": "7", "created_ts": "2026-03-10T09:00:00Z", "order_date_local": DAY}
PAID = {**ORDER, "status": "paid", "total_amount": 100, "cost_amount": 40, "utm_source": "vk"}
LINE = {**SHOP, "order_id": "7", "line_id": "l1", "order_date_local": DAY, "quantity": 1, "line_total_amount": 100}
REFUND = {**SHOP, "order_id": "7", "refund_id": "r1", "refund_date_local": DAY, "refund_ts": "2026-03-10T12:00:00Z"}
EVENT = {
    "source_system": "ga4",
    "property_id": "p",
    "visitor_key": "v",
    "event_name": "page_view",
    "event_date_local": DAY,
    "page_url": "https://shop.example/",
}
Staged = Mapping[str, list[Mapping[str, Any]]]

ODD: dict[str, Staged] = {
    "negative_shipping": {"stg_shop_order": [{**PAID, "shipping_amount": -5}]},
    "negative_tax": {"stg_shop_order": [{**PAID, "tax_amount": -5}]},
    "nothing_charged": {"stg_shop_order": [{**PAID, "total_amount": 0, "shipping_amount": 5}]},
    "negative_total": {"stg_shop_order": [{**PAID, "total_amount": -20, "tax_amount": 3}]},
    "shipping_above_total": {"stg_shop_order": [{**PAID, "shipping_amount": 300}]},
    "nothing_known": {"stg_shop_order": [{**ORDER, "status": "completed"}]},
    "foreign_currency": {"stg_shop_order": [{**PAID, "currency": "USD", "refunded_amount": 10}]},
    "converted_currency": {
        "stg_feed_day": [{"feed": "rates", "date_local": DAY, "given_rows": 1, "late_rows": 0, "restated_rows": 0}],
        "stg_exchange_rate": [
            {
                "source_system": "nbu",
                "rate_date": DAY,
                "from_currency": "EUR",
                "to_currency": "UAH",
                "rate": "48.1234567",
            },
        ],
        "stg_shop_order": [{**PAID, "currency": "EUR", "total_amount": "33.33", "refunded_amount": "3.33"}],
        "stg_shop_refund": [{**REFUND, "refund_amount": "1.11"}, {**REFUND, "refund_id": "r2", "refund_amount": -0.01}],
        "stg_shop_product": [
            {**SHOP, "product_id": "p", "variant_id": "", "sku": "s", "cost_amount": "7.77", "currency": "EUR"},
        ],
        "stg_shop_order_line": [{**LINE, "sku": "s"}],
    },
    "foreign_refund": {
        "stg_shop_order": [PAID],
        "stg_shop_refund": [{**REFUND, "refund_amount": 10}, {**REFUND, "refund_id": "r2", "currency": "USD"}],
    },
    "more_given_back_than_taken": {
        "stg_shop_order": [{**PAID, "refunded_amount": 130}],
        "stg_shop_refund": [{**REFUND, "refund_amount": 120}],
    },
    "refunded_without_amount": {"stg_shop_order": [{**PAID, "status": "refunded"}]},
    "negative_refund_in_another_currency": {
        "stg_shop_order": [{**PAID, "currency": "USD", "refunded_amount": 10}],
        "stg_shop_refund": [{**REFUND, "refund_amount": -10, "currency": "UAH"}],
    },
    "negative_refund": {"stg_shop_order": [PAID], "stg_shop_refund": [{**REFUND, "refund_amount": -10}]},
    "refund_line_of_unknown_amount": {
        "stg_shop_order": [PAID],
        "stg_shop_refund": [REFUND],
        "stg_shop_refund_line": [
            {**SHOP, "refund_id": "r1", "line_id": line, "refund_date_local": DAY, "refund_amount": amount}
            for line, amount in (("l1", 10), ("l2", None))
        ],
    },
    "refund_before_order": {
        "stg_shop_order": [{**PAID, "order_date_local": DAY}],
        "stg_shop_refund": [{**REFUND, "refund_date_local": date(2026, 3, 9), "refund_amount": 10}],
    },
    "refund_without_order": {"stg_shop_refund": [{**REFUND, "refund_amount": 10}]},
    "line_taken_back": {
        "stg_shop_order": [{**PAID, "total_amount": None}],
        "stg_shop_order_line": [LINE, {**LINE, "line_id": "l2", "quantity": -3, "line_total_amount": -150}],
    },
    "line_of_unknown_amount": {
        "stg_shop_order": [{**PAID, "total_amount": None}],
        "stg_shop_order_line": [LINE, {**LINE, "line_id": "l2", "line_total_amount": None}],
    },
    "line_without_order": {"stg_shop_order_line": [LINE]},
    "visit_after_the_order": {"stg_shop_order": [{**PAID, "session_start_ts": "2026-03-10T11:00:00Z"}]},
    "two_orders_of_one_instant": {"stg_shop_order": [PAID, {**PAID, "order_id": "8", "order_number": "8"}]},
    "one_number_twice": {"stg_shop_order": [PAID, {**PAID, "order_id": "8"}]},
    "test_and_cancelled": {
        "stg_shop_order": [{**PAID, "is_test": True}, {**PAID, "order_id": "8", "status": "cancelled"}],
        "stg_shop_refund": [{**REFUND, "refund_amount": 100}],
    },
    "marketplace": {"stg_shop_order": [{**PAID, "is_marketplace": True}]},
    # Of two visits of one network every model but linear credits one with what is unknown, the other with nothing.
    "unknown_worth_after_two_visits": {
        "stg_shop_order": [{**PAID, "order_number": "9001", "total_amount": None}],
        "stg_web_event": [
            {**EVENT, "event_key": "e1", "event_ts": "2026-03-10T07:00:00Z", "utm_source": "t.me"},
            {**EVENT, "event_key": "e2", "event_ts": "2026-03-10T08:55:00Z", "utm_source": "t.me"},
            {
                **EVENT,
                "event_key": "e3",
                "event_ts": "2026-03-10T09:00:00Z",
                "event_name": "purchase",
                "order_ref": "9001",
            },
        ],
    },
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return project_catalog()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    shop = Shop(name="Example", time_zone="Europe/Kyiv", currency="UAH", own_hosts=("shop.example",))
    return Settings(home=tmp_path_factory.mktemp("instance"), shop=shop)


@pytest.fixture(scope="module")
def con(catalog: Catalog, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path: Path = tmp_path_factory.mktemp("odd") / "odd.duckdb"
    with duckdb.connect(str(path)) as connection:
        tune(connection, settings.warehouse)
        ensure_schema(connection, catalog, settings)
        yield connection


def stage(con: duckdb.DuckDBPyConnection, catalog: Catalog, store: str, staged: Staged) -> None:
    for table, rows in staged.items():
        spec = catalog[f"staging.{table}"]
        own = {c.name: store for c in spec.columns if c.name in ("store_id", "customer_key")}
        for row in rows:
            values = {**own, **row}
            columns, marks = ", ".join(values), ", ".join("?" for _ in values)
            name = relation(spec)
            con.execute(f"insert into {name} ({columns}) values ({marks})", list(values.values()))


def blocked(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> list[str]:
    """What would keep the rows of a table from being committed."""
    days = [DAY] if spec.partition else None
    inside = f" where {spec.partition} = date '{DAY}'" if spec.partition else ""
    found = validate(con, spec, relation=f"(select * from {relation(spec)}{inside})", days=days)
    return [f"{spec.full_name} {v.check_id}: {v.observed}" for v in found if is_blocking(v)]


def test_odd_orders_block_nothing(con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings) -> None:
    values = {**settings.sql_parameters(), **window_parameters(DAY, DAY, settings)}
    for store, staged in ODD.items():
        stage(con, catalog, store, staged)
    found = []
    for spec in catalog.build_order:
        if spec.layer != "staging":
            used = {parameter: values[parameter] for parameter in spec.parameters}
            con.execute(f"insert into {relation(spec)} by name {spec.sql}", used)
        found += blocked(con, spec)
    assert con.execute("select count(*) from kpi.kpi_daily_benefit").fetchone() != (0,), "nothing reached the figures"
    first = "select credited_orders, credited_revenue_amount from kpi.kpi_daily_attribution where model = 'first'"
    assert con.execute(f"{first} and network = 'telegram'").fetchall() == [(1, None)]
    assert found == []
