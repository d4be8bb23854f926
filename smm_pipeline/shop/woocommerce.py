"""WooCommerce REST v3: orders, refunds and products as a daily pull of changed records would save them.

Belongs here: the vendor's JSON. Does not belong here: orders' fate (orders) and who buys (journeys). All personal data
is fictional.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson

from smm_pipeline.shop.clock import HOUR, SECOND, Clock, local, stamp, stream, utc
from smm_pipeline.shop.goods import CURRENCY, SITE, Product, money
from smm_pipeline.shop.orders import Line, Order, Refund

PULLED_AT = HOUR // 2  # after the local midnight that ends the day
AGAIN_SHARE = 0.03  # of a day's records (at least one) that the next pull delivers once more, unchanged
PAYMENT_TITLES = {"liqpay": "LiqPay", "wayforpay": "WayForPay", "cod": "Cash on delivery"}
CREATED_VIA = {"web": "checkout", "test": "checkout", "phone": "admin", "marketplace": "marketplace"}
_TIME = "%Y-%m-%dT%H:%M:%S"


def write_orders(folder: Path, clock: Clock, seed: int, orders: list[Order]) -> int:
    """A file a day with every order changed on it; returns how many records were delivered again unchanged."""
    rng = stream(seed, "order pulls")
    folder.mkdir(parents=True, exist_ok=True)
    changed: dict[int, dict[int, Order]] = defaultdict(dict)
    for order in orders:
        for at in order.changes():
            changed[clock.index(at)][order.order_id] = order
    again: dict[int, bytes] = {}
    repeated = 0
    for index in range(clock.days):
        pulled = clock.at(index + 1, 0) + PULLED_AT
        records = {
            number: order_record(order, pulled - PULLED_AT - 1) for number, order in sorted(changed[index].items())
        }
        stale = [record for number, record in again.items() if number not in records]
        repeated += len(stale)
        _save(folder / f"orders_{clock.date(index):%Y%m%d}_x{stamp(pulled)}.json", [*records.values(), *stale])
        again = {number: record for number, record in records.items() if rng.random() < AGAIN_SHARE}
        again = again or dict(list(records.items())[:1])
    return repeated


def write_refunds(folder: Path, clock: Clock, orders: list[Order]) -> int:
    """A file for every day with refunds; returns the number of refunds delivered."""
    folder.mkdir(parents=True, exist_ok=True)
    by_day: dict[int, list[tuple[Refund, Order]]] = defaultdict(list)
    for order in orders:
        for refund in order.refunds:
            if refund.at < clock.end:
                by_day[clock.index(refund.at)].append((refund, order))
    for index, refunds in sorted(by_day.items()):
        pulled = clock.at(index + 1, 0) + PULLED_AT
        records = [
            refund_record(refund, order) for refund, order in sorted(refunds, key=lambda pair: pair[0].refund_id)
        ]
        _save(folder / f"refunds_{clock.date(index):%Y%m%d}_x{stamp(pulled)}.json", records)
    return sum(len(refunds) for refunds in by_day.values())


def write_products(folder: Path, clock: Clock, seed: int, products: tuple[Product, ...]) -> None:
    """The whole catalogue at the start, and again every 30 days with some prices raised."""
    rng = stream(seed, "prices")
    folder.mkdir(parents=True, exist_ok=True)
    dearer = dict.fromkeys((product.sku for product in products), 0)
    changed_at = dict.fromkeys(dearer, clock.at(0, 0) - 40 * 24 * HOUR)
    for index in range(0, clock.days, 30):
        pulled = clock.at(index, 0) + PULLED_AT
        if index:
            for product in rng.sample(products, len(products) // 10):
                dearer[product.sku] += product.price // 2000 * 100
                changed_at[product.sku] = pulled - HOUR // 4
        records = [_product_record(p, p.price + dearer[p.sku], changed_at[p.sku]) for p in products]
        _save(folder / f"products_{clock.date(index):%Y%m%d}_x{stamp(pulled)}.json", records)


def order_record(order: Order, at: int) -> bytes:
    """One order as it stood at instant `at`."""
    refunds = [refund for refund in order.refunds if refund.at <= at]
    status = order.status_at(at)[1]
    modified = max(change for change in order.changes() if change <= at)
    paid = next((when for when, name in order.statuses if name == "processing" and when <= at), None)
    if order.payment == "cod":
        paid = next((when for when, name in order.statuses if name == "completed" and when <= at), None)
    done = next((when for when, name in order.statuses if name == "completed" and when <= at), None)
    person = order.person
    address = {
        "first_name": "Demo",
        "last_name": f"Buyer {person.number:05d}",
        "company": "",
        "address_1": "Example street 1",
        "address_2": "",
        "city": person.phone.city if person.phone.city != "(not set)" else "Warszawa",
        "state": "",
        "postcode": "00000",
        "country": {"Ukraine": "UA", "Poland": "PL"}.get(person.phone.country, "DE"),
    }
    record: dict[str, Any] = {
        "id": order.order_id,
        "parent_id": 0,
        "number": order.number,
        "order_key": f"wc_order_demo{order.order_id}",
        "created_via": CREATED_VIA[order.channel],
        "version": "9.8.1",
        "status": status,
        "currency": CURRENCY,
        **_dates("created", order.created),
        **_dates("modified", modified),
        **_dates("paid", paid),
        **_dates("completed", done),
        "discount_total": money(order.discount),
        "discount_tax": "0.00",
        "shipping_total": money(order.shipping),
        "shipping_tax": "0.00",
        "cart_tax": "0.00",
        "total": money(order.total),
        "total_tax": "0.00",
        "prices_include_tax": False,
        "customer_id": person.customer_id,
        "customer_ip_address": "192.0.2.1",
        "customer_user_agent": "Mozilla/5.0 (demo)",
        "customer_note": "",
        "billing": {**address, "email": person.email, "phone": "+380000000000"},
        "shipping": address,
        "payment_method": "test" if order.channel == "test" else order.payment,
        "payment_method_title": PAYMENT_TITLES[order.payment],
        "transaction_id": "",
        "meta_data": _attribution_meta(order),
        "line_items": [_line(order, n, line) for n, line in enumerate(order.lines)],
        "tax_lines": [],
        "fee_lines": [],
        "shipping_lines": [_shipping(order.order_id * 10 + 9, order.shipping)] if order.shipping else [],
        "coupon_lines": _coupons(order),
        "refunds": [{"id": r.refund_id, "reason": r.reason, "total": money(-r.amount)} for r in refunds],
    }
    return orjson.dumps(record)


def refund_record(refund: Refund, order: Order) -> bytes:
    """One refund; `_order_id` is added by the pull, as the API answers per order."""
    lines = []
    for position, (number, quantity, amount) in enumerate(refund.lines):
        line = order.lines[number]
        lines.append(
            {
                "id": refund.refund_id * 10 + position,
                "name": line.product.name,
                "product_id": line.product.product_id,
                "variation_id": 0,
                "quantity": -quantity,
                "tax_class": "",
                "subtotal": money(-amount),
                "subtotal_tax": "0.00",
                "total": money(-amount),
                "total_tax": "0.00",
                "taxes": [],
                "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(order.order_id * 10 + number)}],
                "sku": line.product.sku,
                "price": line.product.price / 100,
            }
        )
    up = f"{SITE}/wp-json/wc/v3/orders/{order.order_id}"
    shipping = [_shipping(refund.refund_id * 10 + 9, -refund.shipping)] if refund.shipping else []
    record = {
        "id": refund.refund_id,
        "_order_id": order.order_id,
        **_dates("created", refund.at),
        "amount": money(refund.amount),
        "reason": refund.reason,
        "refunded_by": 1,
        "refunded_payment": True,
        "meta_data": [],
        "line_items": lines,
        "shipping_lines": shipping,
        "tax_lines": [],
        "fee_lines": [],
        "_links": {"self": [{"href": f"{up}/refunds/{refund.refund_id}"}], "up": [{"href": up}]},
    }
    return orjson.dumps(record)


def _dates(name: str, at: int | None) -> dict[str, str | None]:
    """The vendor's pair of instants without offset: shop-local and UTC."""
    if at is None:
        return {f"date_{name}": None, f"date_{name}_gmt": None}
    return {f"date_{name}": f"{local(at):{_TIME}}", f"date_{name}_gmt": f"{utc(at):{_TIME}}"}


def _line(order: Order, number: int, line: Line) -> dict[str, Any]:
    product = line.product
    return {
        "id": order.order_id * 10 + number,
        "name": product.name,
        "product_id": product.product_id,
        "variation_id": 0,
        "quantity": line.quantity,
        "tax_class": "",
        "subtotal": money(line.subtotal),
        "subtotal_tax": "0.00",
        "total": money(line.total),
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [],
        "sku": product.sku,
        "price": line.total / line.quantity / 100,
    }


def _shipping(line_id: int, amount: int) -> dict[str, Any]:
    return {
        "id": line_id,
        "method_title": "Nova Poshta",
        "method_id": "flat_rate",
        "instance_id": "1",
        "total": money(amount),
        "total_tax": "0.00",
        "taxes": [],
    }


def _coupons(order: Order) -> list[dict[str, Any]]:
    if not order.coupon:
        return []
    discount = {"discount": money(order.discount), "discount_tax": "0.00"}
    return [{"id": order.order_id * 10 + 8, "code": order.coupon, **discount, "meta_data": []}]


def _attribution_meta(order: Order) -> list[dict[str, Any]]:
    if order.channel == "marketplace":
        values = {"_marketplace": "market.example"}
    elif order.channel == "test":
        values = {"_wcpay_mode": "test"}
    elif order.channel == "phone":
        values = {"_wc_order_attribution_source_type": "admin"}
    elif order.attribution is None:
        values = {}
    else:
        seen = order.attribution
        fields = {
            "source_type": seen.source_type,
            "referrer": seen.referrer,
            **dict(seen.utm),
            "session_entry": seen.entry,
            "session_start_time": f"{utc(seen.start):%Y-%m-%d %H:%M:%S}",
            "session_pages": str(seen.pages),
            "session_count": "1",
            "device_type": seen.device,
        }
        values = {f"_wc_order_attribution_{key}": value for key, value in fields.items() if value}
    return [
        {"id": order.order_id * 100 + n, "key": key, "value": value} for n, (key, value) in enumerate(values.items())
    ]


def _product_record(product: Product, price: int, changed_at: int) -> bytes:
    record = {
        "id": product.product_id,
        "name": product.name,
        "slug": product.sku.lower(),
        "permalink": f"{SITE}{product.path}",
        **_dates("created", changed_at - 90 * 24 * 3600 * SECOND),
        **_dates("modified", changed_at),
        "type": "simple",
        "status": "publish",
        "sku": product.sku,
        "price": money(price),
        "regular_price": money(price),
        "sale_price": "",
        "categories": [{"id": 30, "name": product.group, "slug": product.group}],
        "variations": [],
        "parent_id": 0,
        "meta_data": [{"id": product.product_id * 10, "key": "_wc_cog_cost", "value": money(product.cost)}],
    }
    return orjson.dumps(record)


def _save(path: Path, records: list[bytes]) -> None:
    path.write_bytes(b"[" + b",\n".join(records) + b"]\n")


def number_refunds(orders: list[Order]) -> None:
    """Give refunds their ids in order of time."""
    found = sorted((refund.at, order.order_id, n) for order in orders for n, refund in enumerate(order.refunds))
    by_id = {order.order_id: order for order in orders}
    for number, (_, order_id, n) in enumerate(found):
        order = by_id[order_id]
        old = order.refunds[n]
        order.refunds[n] = Refund(90_001 + number, old.at, old.lines, old.shipping, old.reason)
