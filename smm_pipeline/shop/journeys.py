"""How orders come about: for each cause, the visits, member actions and codes that really bring such an order.

Belongs here: the behaviours behind D1..D4, `anyway` and `no_social_touch`, and what may hide them from the files.
Does not belong here: everyday traffic (traffic), order money and statuses (orders), vendors' formats.

A behaviour follows the definitions of the benefit classes, so that with complete data a correct pipeline must find the
same class; where data is missing on purpose, the truth says why.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from smm_pipeline.shop.clock import DAY, HOUR
from smm_pipeline.shop.mentions import Mention, has_sent
from smm_pipeline.shop.orders import CAUSES, Order, Truth, make_order, place
from smm_pipeline.shop.people import Person
from smm_pipeline.shop.steps import PROMO, Steps
from smm_pipeline.shop.traffic import outside_source
from smm_pipeline.shop.visits import DIRECT, Page

DAILY_ORDERS = 17  # at scale 1.0
MIN_ORDERS = 24
SHARES = dict(zip(CAUSES, (0.12, 0.15, 0.10, 0.12, 0.09, 0.42), strict=True))
OFFLINE_SHARE = 0.13  # of the orders without social cause: marketplaces and phone
TEST_ORDERS = 3
TOUCH_DAYS = 60  # how long a visit from a mention is remembered as a touch
# What hides a social cause from the files; the empty reason is the visible case.
HIDING: dict[str, float] = {
    "": 76,
    "untagged_link": 7,
    "no_referrer": 5,
    "lost_consent": 5,
    "second_device": 4,
    "ad_blocker": 3,
}


class Journeys:
    """Plans all orders of the period, step by step through `steps`."""

    def __init__(self, steps: Steps, scale: float, mentions: tuple[Mention, ...]) -> None:
        self.steps, self._mentions = steps, mentions
        self._sent: dict[int, int] = {}  # by person: the newest visit from a mention that the files show
        self._scale, self._clock, self._rng, self._products = scale, steps.clock, steps.rng, steps.products
        self._social: list[Person] = []
        self._plain: list[Person] = []

    def plan(self) -> list[Order]:
        """All orders, oldest first, with their numbers."""
        rng, clock = self._rng, self._clock
        count = max(MIN_ORDERS, round(DAILY_ORDERS * self._scale * clock.days))
        causes = _shared_out(rng, SHARES, count)
        hidden = _shared_out(rng, HIDING, count)
        wishes = sorted((self._day_for(cause), cause, why_not) for cause, why_not in zip(causes, hidden, strict=True))
        orders = [self._attempt(*wish) for wish in wishes]
        orders += [self._offline(min(number, clock.days - 1), "test") for number in range(TEST_ORDERS)]
        orders.sort(key=lambda order: order.created)
        for number, order in enumerate(orders):
            order.order_id, order.number = 50_000 + 3 * number, str(10_001 + number)
        return orders

    def _day_for(self, cause: str) -> int:
        """A day on which the cause can have worked, busier days more often."""
        clock = self._clock
        days = [day for day in range(clock.days) if cause != "D4_deferred" or day in clock.due]
        if cause == "anyway":
            days = [day for day in days if day not in clock.due] or days
        early = {"D3_considered": 9, "D4_deferred": 6, "anyway": 4, "D1_recommendation": 3, "D2_impulse": 1}.get(
            cause, 0
        )
        days = [day for day in days if day >= early] or [clock.days - 1]
        return self._rng.choices(days, [clock.appetite(day) for day in days])[0]

    def _attempt(self, day: int, cause: str, why_not: str) -> Order:
        """An order of the cause; one without social cause where the period is too short for it."""
        behaviours: dict[str, Callable[[int, str], Order | None]] = {
            "D1_recommendation": self._recommendation,
            "D2_impulse": self._impulse,
            "D3_considered": self._considered,
            "D4_deferred": self._deferred,
            "anyway": self._anyway,
        }
        if cause in behaviours:
            for _ in range(12):
                if order := behaviours[cause](day, why_not):
                    return order
        if self._rng.random() < OFFLINE_SHARE:
            return self._offline(day, self._rng.choice(("marketplace", "phone")))
        return self._without_social(day, why_not if why_not in ("lost_consent", "ad_blocker") else "")

    # Behaviours: each returns None when the drawn instants leave no suitable post.

    def _recommendation(self, day: int, why_not: str) -> Order | None:
        """D1: a passed-on link to an older post, after a comment or reshare, or with a friend's code."""
        rng = self._rng
        touch = self._clock.awake(rng, day)
        post = self.steps.pick(touch - 18 * DAY, touch - 40 * HOUR, why_not)
        if not post or not post.product:
            return None
        person = self.steps.buyer(self._social, touch - 4 * HOUR)
        if post.product.sku in person.bought:
            return None
        kind = rng.choices(("passed", "action", "friend"), (40, 35, 25))[0]
        if kind == "action":
            at = max(touch - int(rng.uniform(0.2, 12) * DAY), post.published + HOUR)
            self.steps.act(person, post, at, rng.choice(("comment", "reshare", "recommend")))
        coupon = self.steps.maybe_code(post, why_not)
        if kind == "friend" and not why_not:
            # One for each order: a code that came back with another post would speak for that one's community.
            coupon = f"friend{len(self.steps.friend_codes) + 1:05d}"
            self.steps.friend_codes[coupon] = post
        order = self.steps.order("D1_recommendation", person, post.product, post, why_not, coupon)
        return self.steps.touch_then_buy(order, post, touch, int(rng.uniform(2, 30) * HOUR))

    def _impulse(self, day: int, why_not: str) -> Order | None:
        """D2: a fresh post, a click, an order within hours."""
        rng = self._rng
        touch = self._clock.awake(rng, day)
        post = self.steps.pick(touch - 30 * HOUR, touch - HOUR // 5, why_not)
        if not post or not post.product:
            return None
        person = self.steps.buyer(self._social, touch - HOUR)
        if post.product.sku in person.bought:
            return None
        order = self.steps.order(
            "D2_impulse", person, post.product, post, why_not, self.steps.maybe_code(post, why_not)
        )
        return self.steps.touch_then_buy(order, post, touch, int(rng.uniform(1.5, 5) * HOUR))

    def _considered(self, day: int, why_not: str) -> Order | None:
        """D3: visits to the item over more than a week, then a community touch that convinced."""
        rng, clock = self._rng, self._clock
        buy = clock.awake(rng, day)
        touch = buy - int(rng.uniform(1, 40) * HOUR)
        post = self.steps.pick(touch - 9 * DAY, touch - HOUR // 5, why_not)
        ages = [rng.uniform(7.6, 14), *sorted(rng.sample((6.6, 5.5, 4.4, 3.3, 2.5), rng.randint(1, 3)), reverse=True)]
        views = [buy - int((age + rng.uniform(0, 0.3)) * DAY) for age in ages]
        if not post or not post.product or views[0] < clock.at(0, 0):
            return None
        person = self.steps.buyer([], views[0])
        product = post.product
        order = self.steps.order("D3_considered", person, product, post, why_not, self.steps.maybe_code(post, why_not))
        visits = []
        for start in views:
            source = outside_source(rng, rng.choice(("organic", "direct", "paid_search")))
            visits.append(self.steps.visit(person, start, source, [Page(product.path, product)], order))
        visits.append(self.steps.touch_visit(person, post, touch, order))
        return self.steps.buy(order, visits, max(buy, visits[-1].end + HOUR), DIRECT)

    def _deferred(self, day: int, why_not: str) -> Order | None:
        """D4: a touch (often saved to the wish list), silence, then an order when it is due."""
        rng, clock = self._rng, self._clock
        buy = clock.awake(rng, day)
        touch = buy - int(rng.uniform(4.6, max(min(40.0, day - 0.5), 4.7)) * DAY)
        post = self.steps.pick(touch - 6 * DAY, touch - HOUR // 5, why_not)
        if touch < clock.at(0, 0) or not post or not post.product:
            return None
        person = self.steps.buyer([], touch)
        order = self.steps.order("D4_deferred", person, post.product, post, why_not, "")
        visits = [
            self.steps.touch_visit(person, post, touch, order, ("add_to_wishlist",) if rng.random() < 0.5 else ())
        ]
        return self.steps.buy(order, visits, buy, outside_source(rng, rng.choice(("direct", "email", "organic"))))

    def _anyway(self, day: int, why_not: str) -> Order | None:
        """A touch that did not bring the order: on another product group, or long ago with nothing due."""
        rng, clock = self._rng, self._clock
        buy = clock.awake(rng, day)
        is_old = day > 20 and rng.random() < 0.4
        touch = buy - int((rng.uniform(15, min(50, day - 0.5)) if is_old else rng.uniform(1, min(25, day - 0.5))) * DAY)
        post = self.steps.pick(touch - 5 * DAY, touch - HOUR // 5, why_not)
        if day in clock.due or touch < clock.at(0, 0) or not post or not post.product:
            return None
        person = self.steps.buyer([], touch)
        others = [group for group in self.steps.groups if group != post.group]
        product = post.product if is_old else rng.choice(self.steps.groups[rng.choice(others)])
        order = self.steps.order("anyway", person, product, post, why_not, "")
        visits = [self.steps.touch_visit(person, post, touch, order)]
        return self.steps.buy(order, visits, buy, outside_source(rng, rng.choice(("organic", "direct", "paid_search"))))

    def _without_social(self, day: int, why_not: str) -> Order:
        """No community had a part in it."""
        rng, clock = self._rng, self._clock
        buy, product = clock.awake(rng, day), rng.choice(self._products)
        first = buy - int(rng.uniform(0.1, 6) * DAY)
        person = self.steps.buyer(self._plain, min(first, buy))
        coupon = PROMO if rng.random() < 0.12 else ""
        order = self.steps.order("no_social_touch", person, product, None, why_not, coupon)
        made = len(self.steps.visits)
        channels = ("organic", "direct", "paid_search", "email", "referral", "assistant", "paid_social")
        sources = [outside_source(rng, rng.choices(channels, (38, 24, 14, 10, 5, 4, 5))[0]) for _ in range(2)]
        visits = []
        if first > clock.at(0, 0) and rng.random() < 0.5:
            visits.append(self.steps.visit(person, first, sources[0], [Page("/"), Page(product.path, product)], order))
        order = self.steps.buy(order, visits, buy, sources[1])
        self._remember_mentions(order, made)
        return order

    def _remember_mentions(self, order: Order, made: int) -> None:
        """A partner's site that had spoken of the shop is a touch after all, also of the person's next orders.

        What the mentions link to is never the ordered item, so the order would have come anyway.
        """
        number = order.person.number
        sent = [
            visit.start
            for visit in self.steps.visits[made:]
            if has_sent(self._mentions, visit.source.referrer, visit.start)
        ]
        last = max(sent, default=self._sent.get(number, 0))
        if sent and not order.truth.why_not:
            self._sent[number] = last
        if order.created - last <= TOUCH_DAYS * DAY:
            order.truth.cause = "anyway"

    def _offline(self, day: int, channel: str) -> Order:
        """An order entered without any visit: marketplace, phone, or a test by the staff."""
        rng = self._rng
        at = self._clock.awake(rng, day)
        person, product = self.steps.people.person(at), rng.choice(self._products)
        truth = Truth("no_social_touch", why_not=channel)
        order = make_order(rng, person, product, self.steps.groups[product.group], truth, channel=channel)
        place(rng, order, at)
        return order


def _shared_out(rng: random.Random, shares: dict[str, float], count: int) -> list[str]:
    """`count` values in the given shares, exactly as far as whole numbers allow, shuffled."""
    total = sum(shares.values())
    values: list[str] = []
    for value, share in shares.items():
        values += [value] * max(1, round(count * share / total))
    rng.shuffle(values)
    return (values * 2)[:count]
