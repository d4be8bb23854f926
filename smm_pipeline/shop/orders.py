"""Orders of the simulated shop: lines, money, statuses that change over days, refunds.

Belongs here: the order as the shop system knows it, plus the true cause it was made for. Does not belong here: how a
cause brings an order about (journeys) and WooCommerce's format (woocommerce).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from smm_pipeline.shop.clock import DAY, HOUR, SECOND
from smm_pipeline.shop.goods import Product
from smm_pipeline.shop.people import Person

CAUSES = ("D1_recommendation", "D2_impulse", "D3_considered", "D4_deferred", "anyway", "no_social_touch")
SHIPPING_FREE_FROM = 250_000  # kopiykas
REASONS = ("Wrong size", "Damaged in transit", "Changed my mind", "Late delivery")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: money in kopiykas; `total` is after the discount."""

    product: Product
    quantity: int
    subtotal: int
    total: int


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back on one occasion: `lines` are (line number, quantity, amount), `shipping` the rest."""

    refund_id: int
    at: int
    lines: tuple[tuple[int, int, int], ...]
    shipping: int
    reason: str

    @property
    def amount(self) -> int:
        """Whole amount, positive, kopiykas."""
        return sum(amount for _, _, amount in self.lines) + self.shipping


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the shop system's own order attribution recorded."""

    source_type: str
    utm: tuple[tuple[str, str], ...]
    referrer: str
    entry: str
    start: int
    pages: int
    device: str


@dataclass(slots=True)
class Truth:
    """Why the order was really made. `why_not` says what keeps the files from showing it; empty = trackable."""

    cause: str
    community_id: str = ""
    post_id: str = ""
    session_keys: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(slots=True)
class Order:
    """One order. `order_id` and `number` are given in order of time once all orders are known."""

    person: Person
    created: int
    lines: tuple[Line, ...]
    coupon: str
    shipping: int
    payment: str
    channel: str  # web, marketplace, phone or test
    truth: Truth
    order_id: int = 0
    number: str = ""
    statuses: list[tuple[int, str]] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    attribution: Attribution | None = None

    @property
    def discount(self) -> int:
        """Sum of the lines' discounts, kopiykas."""
        return sum(line.subtotal - line.total for line in self.lines)

    @property
    def total(self) -> int:
        """What the buyer was charged, kopiykas."""
        return sum(line.total for line in self.lines) + self.shipping

    def status_at(self, at: int) -> tuple[int, str]:
        """Last change of status up to an instant: (when, status)."""
        return max((change for change in self.statuses if change[0] <= at), key=lambda change: change[0])

    def changes(self) -> list[int]:
        """Instants at which the order changed, oldest first."""
        return sorted({at for at, _ in self.statuses} | {refund.at for refund in self.refunds})


def make_lines(rng: random.Random, main: Product, others: list[Product], discount_share: float) -> tuple[Line, ...]:
    """The wanted product and, for a third of the orders, one or two more of `others`."""
    extra = rng.sample(others, min(len(others), rng.choice((1, 1, 2)))) if rng.random() < 0.33 else []
    lines = []
    for product in dict.fromkeys((main, *extra)):
        quantity = rng.choices((1, 2, 3), (84, 12, 4))[0]
        subtotal = product.price * quantity
        lines.append(Line(product, quantity, subtotal, subtotal - int(subtotal * discount_share)))
    return tuple(lines)


def make_order(
    rng: random.Random,
    person: Person,
    main: Product,
    others: list[Product],
    truth: Truth,
    *,
    coupon: str = "",
    discount_share: float = 0.0,
    channel: str = "web",
) -> Order:
    """An order without its instant and statuses, which `place` fills in."""
    lines = make_lines(rng, main, others, discount_share)
    goods = sum(line.total for line in lines)
    shipping = 0 if goods >= SHIPPING_FREE_FROM or channel == "test" else rng.choice((7000, 9500))
    payment = rng.choices(("liqpay", "wayforpay", "cod"), (34, 22, 44))[0] if channel == "web" else "cod"
    return Order(person, 0, lines, coupon, shipping, payment, channel, truth)


def place(rng: random.Random, order: Order, at: int) -> None:
    """The order is made at `at`: its later statuses and refunds follow by chance."""
    order.created = at
    fate = rng.random()
    paid_later = order.payment != "cod"
    order.statuses = [(at, "pending" if paid_later else "processing")]
    if fate < 0.03 and paid_later:
        order.statuses.append((at + int(rng.uniform(0.2, 1) * HOUR), "failed"))
        return
    if paid_later:
        order.statuses.append((at + int(rng.uniform(60, 600)) * SECOND, "processing"))
    if fate < 0.08:
        order.statuses.append((at + int(rng.uniform(0.5, 3) * DAY), "cancelled"))
        return
    done = at + int(rng.uniform(1.2, 5) * DAY)
    order.statuses.append((done, "completed"))
    chance = rng.random()
    if chance < 0.035:
        _refund_all(rng, order, done + int(rng.uniform(0.5, 9) * DAY))
    elif chance < 0.095:
        _refund_part(rng, order, done + int(rng.uniform(0.5, 9) * DAY))


def _refund_all(rng: random.Random, order: Order, at: int) -> None:
    lines = tuple((number, line.quantity, line.total) for number, line in enumerate(order.lines))
    order.refunds.append(Refund(0, at, lines, order.shipping, rng.choice(REASONS)))
    order.statuses.append((at, "refunded"))


def _refund_part(rng: random.Random, order: Order, at: int) -> None:
    """Give back one line or part of its price; a quarter of these orders get a second part later."""
    number = rng.randrange(len(order.lines))
    line = order.lines[number]
    parts = 2 if rng.random() < 0.25 else 1
    for part in range(parts):
        amount = line.total // (4 * parts) if len(order.lines) == 1 else line.total // parts
        quantity = line.quantity if len(order.lines) > 1 and part == 0 else 0
        order.refunds.append(Refund(0, at + part * 2 * DAY, ((number, quantity, amount),), 0, rng.choice(REASONS)))
