"""The steps that journeys are made of: finding a post and a buyer, visiting, buying.

Belongs here: what every behaviour shares, and what each step leaves in visits, member actions and orders. Does not
belong here: which steps make up which cause (journeys).
"""

from __future__ import annotations

import random

from smm_pipeline.shop.clock import DAY, HOUR, SECOND, Clock, stream
from smm_pipeline.shop.communities import Post, SocialWorld
from smm_pipeline.shop.goods import Product, by_group
from smm_pipeline.shop.members import Action
from smm_pipeline.shop.orders import Attribution, Order, Truth, make_order, place
from smm_pipeline.shop.people import Device, People, Person
from smm_pipeline.shop.visits import DIRECT, Page, Source, Visit, make_visit, post_source, repeat_purchase

QUALITY = {"untagged_link": "untagged", "no_referrer": "bare"}
PAYMENT_PAGES = {"liqpay": "https://www.liqpay.ua/", "wayforpay": "https://secure.wayforpay.com/"}
PROMO = "spring5"


def community_code(post: Post) -> str:
    """The community's own discount code; handles repeat between networks, codes must not."""
    handle = post.community.handle.replace(".", "").replace("_", "")
    return f"{post.community.network[:2]}-{handle}10"


class Steps:
    """Carries journeys out; `visits`, `actions` and `friend_codes` are what they leave in the feeds."""

    def __init__(
        self, seed: int, clock: Clock, people: People, world: SocialWorld, products: tuple[Product, ...]
    ) -> None:
        self.rng = stream(seed, "journeys")
        self.clock, self.people, self.world, self.products = clock, people, world, products
        self.groups = by_group(products)
        self.visits: list[Visit] = []
        self.actions: list[Action] = []
        self.friend_codes: dict[str, Post] = {}
        self.troubles = dict.fromkeys(
            ("duplicate_purchase_events", "payment_referrers", "payment_return_sessions", "two_devices_linked"), 0
        )

    def pick(self, start: int, end: int, why_not: str) -> Post | None:
        """A product post of [start, end) whose link fits what hides the journey; None when there is none."""
        found = self.world.between(start, end, tagged=why_not not in QUALITY)
        return self.rng.choice(found) if found else None

    def buyer(self, pool: list[Person], start: int) -> Person:
        """A buyer free from `start` on: sometimes one of the pool again, else somebody new."""
        if pool and self.rng.random() < 0.35:
            person = self.rng.choice(pool)
            if person.free_from < start:
                return person
        person = self.people.person(start)
        pool.append(person)
        return person

    def maybe_code(self, post: Post, why_not: str) -> str:
        """The community's code, now and then, in journeys that nothing hides."""
        return community_code(post) if not why_not and self.rng.random() < 0.1 else ""

    def order(
        self, cause: str, person: Person, product: Product, post: Post | None, why_not: str, coupon: str
    ) -> Order:
        """An order of `product` for a cause, not yet placed."""
        truth = Truth(cause, post.community.community_id if post else "", post.post_id if post else "", (), why_not)
        share = {"": 0.0, PROMO: 0.05}.get(coupon, 0.1)
        others = self.groups[product.group]
        return make_order(self.rng, person, product, others, truth, coupon=coupon, discount_share=share)

    def act(self, person: Person, post: Post, at: int, action: str) -> None:
        """An action of a buyer under a post; the shop knows who it was."""
        member = f"{post.community.network}-buyer-{person.number:05d}"
        self.actions.append(Action(post.community, post, member, person.email, at, action))

    def _device(self, person: Person, order: Order, *, buying: bool) -> Device:
        """Two devices: looking on the phone, buying at the desktop; everybody else stays on the phone."""
        return person.desktop if buying and order.truth.why_not == "second_device" else person.phone

    def visit(
        self,
        person: Person,
        start: int,
        source: Source,
        pages: list[Page],
        order: Order,
        *,
        device: Device | None = None,
    ) -> Visit:
        """A visit of the journey, as hidden as the journey is; the order itself is handed to `buy` only."""
        why_not, buying = order.truth.why_not, any("purchase" in page.actions for page in pages)
        signed_in = person.customer_id and why_not != "lost_consent" and self.rng.random() < (0.7 if buying else 0.35)
        if why_not == "second_device" and not buying:
            signed_in = False
        visit = make_visit(
            self.rng,
            device or person.phone,
            start,
            source,
            pages,
            order=order if buying else None,
            user_id=person.customer_id if signed_in else 0,
        )
        visit.hides, visit.is_blocked = why_not == "lost_consent", why_not == "ad_blocker"
        self.visits.append(visit)
        return visit

    def touch_visit(self, person: Person, post: Post, at: int, order: Order, actions: tuple[str, ...] = ()) -> Visit:
        """The click on a post that brings the buyer to what it shows."""
        source = post_source(self.rng, post, QUALITY.get(order.truth.why_not, "tagged"))
        return self.visit(person, at, source, [Page(post.path, post.product, actions)], order)

    def touch_then_buy(self, order: Order, post: Post, touch: int, wait: int) -> Order:
        """Buy in the visit that the post brought, or come back after `wait`."""
        source = post_source(self.rng, post, QUALITY.get(order.truth.why_not, "tagged"))
        at_once = order.truth.why_not != "second_device" and self.rng.random() < 0.65
        if touch + wait + HOUR > self.clock.end:
            at_once = True
            if order.truth.why_not == "second_device":  # bought where the post was opened: nothing is hidden
                order.truth.why_not = ""
        if at_once:
            return self.buy(order, [], touch, source)
        visit = self.visit(order.person, touch, source, [Page(post.path, post.product)], order)
        return self.buy(order, [visit], touch + wait, DIRECT)

    def buy(self, order: Order, earlier: list[Visit], start: int, source: Source) -> Order:
        """The visit with the order in it; fills in everything that follows from it."""
        rng, person = self.rng, order.person
        device = self._device(person, order, buying=True)
        start = min(start, self.clock.end - HOUR)
        linked = bool(earlier) and not order.truth.why_not and person.customer_id > 0 and rng.random() < 0.2
        if linked:
            device = person.desktop
            for step in earlier:
                step.user_id = str(person.customer_id)
            self.troubles["two_devices_linked"] += 1
        first, *more = (line.product for line in order.lines)
        shelf = [Page(product.path, product, ("add_to_cart",)) for product in (first, *more)]
        checkout = Page("/checkout", None, ("begin_checkout",))
        thanks = Page("/checkout/thank-you", None, ("purchase",), PAYMENT_PAGES.get(order.payment, ""))
        returns_late = order.payment != "cod" and not order.truth.why_not and rng.random() < 0.08
        pages = [*shelf, checkout] if returns_late else [*shelf, checkout, thanks]
        visit = self.visit(person, start, source, pages, order, device=device)
        visits = [*earlier, visit]
        if returns_late:
            back = Source(PAYMENT_PAGES[order.payment])
            visits.append(self.visit(person, visit.end + 35 * 60 * SECOND, back, [thanks], order, device=device))
            self.troubles["payment_return_sessions"] += 1
        if linked:
            visits[-1].user_id = visit.user_id = str(person.customer_id)
        self.troubles["payment_referrers"] += bool(thanks.referrer) and not visit.is_blocked
        if not visit.is_blocked and (rng.random() < 0.04 or not self.troubles["duplicate_purchase_events"]):
            repeat_purchase(visits[-1], int(rng.uniform(40, 900) * SECOND))
            self.troubles["duplicate_purchase_events"] += 1
        checkout_at = next((hit.at for hit in visit.hits if hit.name == "begin_checkout"), visit.end)
        place(rng, order, checkout_at + SECOND)
        order.truth.session_keys = tuple(step.key for step in visits)
        order.attribution = _attribution(rng, order, earlier, visit)
        person.bought.update(line.product.sku for line in order.lines)
        person.free_from = visits[-1].end + DAY
        return order


def _attribution(rng: random.Random, order: Order, earlier: list[Visit], visit: Visit) -> Attribution | None:
    """What the shop's own attribution keeps: the last source that was not direct, seen on the buying device."""
    if order.truth.why_not == "lost_consent" and rng.random() < 0.5:
        return None
    known = [step for step in (*earlier, visit) if step.device is visit.device and step.source != DIRECT]
    source = known[-1].source if known else DIRECT
    pages = len({hit.page_at for hit in visit.hits})
    kind, name, medium = source.origin
    utm = source.utm or (("utm_source", name), ("utm_medium", medium))
    return Attribution(kind, utm, source.referrer, visit.landing, visit.start, pages, visit.device.category.title())
