"""Visits: where one came from, the pages it saw, and the hits the analytics recorded.

Belongs here: sources (referrer, tags, click ids), pages and the making of a visit's hits. Does not belong here: who
visits when and why (traffic, journeys) and how a hit is written (ga4).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from smm_pipeline.shop.clock import SECOND
from smm_pipeline.shop.communities import Post
from smm_pipeline.shop.goods import SITE, Product
from smm_pipeline.shop.orders import Order
from smm_pipeline.shop.people import Device

APP_REFERRERS = {
    "facebook": ("https://l.facebook.com/", "https://m.facebook.com/", "https://lm.facebook.com/"),
    "instagram": ("https://l.instagram.com/", "https://www.instagram.com/"),
    "telegram": ("https://t.me/", "android-app://org.telegram.messenger/", "https://web.telegram.org/"),
}


class Source(NamedTuple):
    """Where a visit came from: full referrer, utm tags and other query parameters of the landing address."""

    referrer: str = ""
    utm: tuple[tuple[str, str], ...] = ()
    extra: str = ""

    @property
    def query(self) -> str:
        """Query part of the landing address, with its question mark."""
        parts = [f"{key}={value}" for key, value in self.utm] + ([self.extra] if self.extra else [])
        return "?" + "&".join(parts) if parts else ""

    @property
    def tags(self) -> dict[str, str]:
        """The utm tags by name."""
        return dict(self.utm)

    @property
    def origin(self) -> tuple[str, str, str]:
        """Kind (utm, organic, referral, typein), source and medium, as analytics and shop systems name them."""
        if self.utm:
            return "utm", self.tags["utm_source"], self.tags.get("utm_medium", "(not set)")
        host = self.referrer.split("/")[2] if self.referrer else ""
        if "gclid" in self.extra:
            return "utm", "google", "cpc"
        for engine in ("google", "bing", "duckduckgo"):
            if host.startswith((f"www.{engine}.", f"{engine}.")):
                return "organic", engine, "organic"
        return ("referral", host.removeprefix("www."), "referral") if host else ("typein", "(direct)", "(none)")


DIRECT = Source()


class Page(NamedTuple):
    """One page of a visit with what was done on it; `referrer` replaces the previous page, as a payment page does."""

    path: str
    product: Product | None = None
    actions: tuple[str, ...] = ()
    referrer: str = ""


class Hit(NamedTuple):
    """One event. `items` are product and quantity; `engaged_ms` is engaged time the event reports."""

    at: int
    name: str
    url: str
    referrer: str
    is_entrance: bool
    engaged_ms: int
    page_at: int
    items: tuple[tuple[Product, int], ...] = ()
    order: Order | None = None


@dataclass(slots=True)
class Visit:
    """One session of one device. `is_blocked` visits never reached the analytics."""

    device: Device
    start: int
    source: Source
    landing: str
    number: int  # GA4's ga_session_number
    hits: list[Hit] = field(default_factory=list)
    user_id: str = ""
    is_blocked: bool = False
    hides: bool = False  # consent was refused: no visitor and no session id

    @property
    def session_id(self) -> int:
        """GA4's ga_session_id: the second the session began."""
        return self.start // SECOND

    @property
    def key(self) -> str:
        """Visitor and session as the truth names them."""
        return f"{self.device.pseudo_id}/{self.session_id}"

    @property
    def end(self) -> int:
        """Instant of the last hit."""
        return self.hits[-1].at


def post_source(rng: random.Random, post: Post, quality: str) -> Source:
    """A click on a post: `tagged` link, `untagged` link with an app's referrer, or `bare` with nothing at all."""
    network = post.community.network
    click = f"fbclid=IwAR{rng.getrandbits(64):016x}" if network != "telegram" else ""
    if network == "instagram" and rng.random() < 0.3:
        click = f"igsh={rng.getrandbits(48):012x}"
    if quality == "tagged":
        referrer = rng.choice(APP_REFERRERS[network]) if rng.random() < 0.6 else ""
        return Source(referrer, tuple(post.tags.items()), click)
    if quality == "untagged":
        return Source(rng.choice(APP_REFERRERS[network]), (), click if rng.random() < 0.5 else "")
    return DIRECT


def make_visit(
    rng: random.Random,
    device: Device,
    start: int,
    source: Source,
    pages: list[Page],
    *,
    order: Order | None = None,
    user_id: int = 0,
) -> Visit:
    """A visit that sees `pages` one after the other; the page with the action `purchase` buys `order`.

    Visits of one device are made in order of time: each takes the device's next session number.
    """
    landing = f"{SITE}{pages[0].path}{source.query}"
    device.sessions += 1
    if device.sessions == 1:
        device.first_origin = source.origin
    visit = Visit(device, start, source, landing, device.sessions, user_id=str(user_id) if user_id else "")
    at, previous = start, source.referrer
    for number, page in enumerate(pages):
        url = visit.landing if number == 0 else f"{SITE}{page.path}"
        at = _page_hits(rng, visit, page, at, url, page.referrer or previous, order)
        previous = url
    visit.hits.sort(key=lambda hit: hit.at)
    device.last_seen = visit.end
    return visit


def _page_hits(
    rng: random.Random, visit: Visit, page: Page, at: int, url: str, referrer: str, order: Order | None
) -> int:
    """Append the hits of one page; returns the instant at which the next page opens."""
    entrance, seconds = not visit.hits, 4 + rng.expovariate(1 / 32)
    items = ((page.product, 1),) if page.product else ()
    whole = tuple((line.product, line.quantity) for line in order.lines) if order else items
    opened = at

    def hit(offset: float, name: str, engaged_ms: int = 0, things: tuple[tuple[Product, int], ...] = ()) -> None:
        bought = order if name == "purchase" else None
        moment = opened + int(offset * SECOND)
        visit.hits.append(Hit(moment, name, url, referrer, entrance, engaged_ms, opened, things, bought))

    if entrance:
        if visit.number == 1:
            hit(0, "first_visit")
        hit(0.000001, "session_start")
    hit(0.000002, "page_view")
    if page.product:
        hit(0.2 + rng.random() * 0.3, "view_item", 0, items)
    if seconds > 14 and rng.random() < 0.7:
        hit(seconds * 0.4, "scroll", int(seconds * 300))
    for position, action in enumerate(page.actions):
        hit(
            1 + seconds * (0.5 + 0.1 * position),
            action,
            0,
            whole if action in ("begin_checkout", "purchase") else items,
        )
    if seconds > 8:
        hit(1 + seconds, "user_engagement", int(seconds * 700))
    return opened + int((seconds + 1.5 + rng.random()) * SECOND)


def repeat_purchase(visit: Visit, delay_us: int) -> None:
    """The thank-you page is loaded again: a second page view and a second purchase event of the same order."""
    purchase = next(hit for hit in visit.hits if hit.name == "purchase")
    at = purchase.at + delay_us
    visit.hits.append(purchase._replace(at=at, name="page_view", items=(), order=None, page_at=at))
    visit.hits.append(purchase._replace(at=at + SECOND, page_at=at))
    visit.hits.sort(key=lambda hit: hit.at)
