"""Everyday visits that end without an order: all channels, bots, refused consent, broken-off sessions.

Belongs here: the mix of channels and the visits of people who do not buy. Does not belong here: visits that lead to an
order (journeys) and the way events are written (ga4).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

from smm_pipeline.shop.clock import DAY, HOUR, SECOND, Clock, stream
from smm_pipeline.shop.communities import Post, SocialWorld
from smm_pipeline.shop.goods import BLOG, GROUPS, SITE, Product
from smm_pipeline.shop.mentions import Mention
from smm_pipeline.shop.people import Device, People
from smm_pipeline.shop.visits import DIRECT, Page, Source, Visit, make_visit, post_source

DAILY_VISITS = 570  # at scale 1.0; gives about 500,000 events in 90 days
CHANNELS = {
    "organic": 31,
    "direct": 22,
    "social": 18,
    "paid_search": 9,
    "paid_social": 5,
    "email": 4,
    "referral": 4,
    "assistant": 3,
    "other_social": 2,
    "self": 2,
}
SEARCH_REFERRERS = (
    "https://www.google.com/",
    "https://www.google.com.ua/",
    "https://www.bing.com/",
    "https://duckduckgo.com/",
)
ASSISTANTS = (
    "https://chatgpt.com/",
    "https://www.perplexity.ai/",
    "https://gemini.google.com/",
    "https://copilot.microsoft.com/",
)
OTHER_SOCIAL = (
    "https://www.youtube.com/",
    "https://www.tiktok.com/",
    "https://l.threads.com/",
    "https://www.pinterest.com/",
)
PARTNERS = ("https://price-search.example/c/home", "https://home-forum.example/t/1845", "https://sales-today.example/")


def outside_source(rng: random.Random, channel: str) -> Source:
    """A visit's source for every channel but social, referral from mentions and self-referral."""
    if channel == "organic":
        extra = f"srsltid=AfmBO{rng.getrandbits(48):012x}" if rng.random() < 0.05 else ""
        return Source(rng.choices(SEARCH_REFERRERS, (70, 18, 7, 5))[0], (), extra)
    if channel == "paid_search":
        campaign = rng.choice(("brand", "kitchen", "lamps", "garden"))
        utm = (("utm_source", "google"), ("utm_medium", "cpc"), ("utm_campaign", campaign))
        return Source(
            "https://www.google.com/", utm if rng.random() < 0.7 else (), f"gclid=Cj0K{rng.getrandbits(60):015x}"
        )
    if channel == "paid_social":
        network = rng.choice(("facebook", "instagram"))
        utm = (
            ("utm_source", network),
            ("utm_medium", "paid_social"),
            ("utm_campaign", rng.choice(("spring", "retarget"))),
        )
        return Source(f"https://l.{network}.com/", utm, f"fbclid=IwAR{rng.getrandbits(64):016x}")
    if channel == "email":
        return Source(
            "",
            (("utm_source", "newsletter"), ("utm_medium", "email"), ("utm_campaign", rng.choice(("weekly", "payday")))),
        )
    if channel == "referral":
        return Source(rng.choice(PARTNERS))
    if channel == "assistant":
        if rng.random() < 0.4:
            return Source("https://chatgpt.com/", (("utm_source", "chatgpt.com"),))
        return Source(rng.choice(ASSISTANTS))
    return Source(rng.choice(OTHER_SOCIAL)) if channel == "other_social" else DIRECT


class Traffic:
    """Makes a day's everyday visits; keeps the visitors who may come back."""

    def __init__(
        self,
        seed: int,
        scale: float,
        clock: Clock,
        people: People,
        world: SocialWorld,
        products: tuple[Product, ...],
        mentions: tuple[Mention, ...],
    ) -> None:
        self._rng = stream(seed, "traffic")
        self._scale, self._clock, self._people, self._world, self._products = scale, clock, people, world, products
        self._linking = [mention for mention in mentions if mention.linked_path]
        self._known: deque[Device] = deque(maxlen=max(40, int(4000 * scale)))

    def day(self, index: int) -> Iterator[Visit]:
        """Visits that begin on a day, in order of time; always one that runs past midnight, save on the last day."""
        rng, clock = self._rng, self._clock
        count = max(
            3, round(DAILY_VISITS * self._scale * (0.75 + 0.25 * clock.appetite(index)) * rng.uniform(0.93, 1.03))
        )
        fresh = [post for post in self._world.linked if clock.at(index, 0) - 6 * DAY < post.published]
        latest = clock.end - HOUR if index + 1 == clock.days else clock.end  # nobody still reads when the period ends
        starts = sorted(min(clock.moment(rng, index), latest) for _ in range(count))
        for start in starts:
            if rng.random() < 0.012:
                yield self._bot(start)
            else:
                yield self._browse(start, fresh, 1 + min(int(rng.expovariate(1 / 1.75)), 14))
        if index + 1 < clock.days:
            yield self._browse(clock.at(index + 1, 0) - int(rng.uniform(5, 20) * SECOND), fresh, 6)

    def _browse(self, start: int, fresh: list[Post], depth: int) -> Visit:
        rng = self._rng
        device = self._visitor(start)
        channel = rng.choices(tuple(CHANNELS), tuple(CHANNELS.values()))[0]
        product = rng.choice(self._products)
        first, source = self._landing(rng, channel, product, start, [post for post in fresh if post.published < start])
        pages = [first]
        while len(pages) < depth:
            other = self._products[(product.product_id + rng.randint(0, 5)) % len(self._products)]
            pages.append(
                rng.choice(
                    (Page(other.path, other), Page(other.path, other), Page(f"/category/{other.group}"), Page("/"))
                )
            )
        if rng.random() < 0.07:
            pages.append(Page(product.path, product, ("add_to_cart",)))
            if rng.random() < 0.4:
                pages.append(Page("/checkout", product, ("begin_checkout",)))
        elif rng.random() < 0.02:
            pages.append(Page(product.path, product, ("add_to_wishlist",)))
        visit = make_visit(rng, device, start, source, pages)
        visit.hides = not device.consent
        return visit

    def _landing(
        self, rng: random.Random, channel: str, product: Product, start: int, posts: list[Post]
    ) -> tuple[Page, Source]:
        if channel == "social" and posts:
            post = posts[-1 - min(int(rng.expovariate(1 / 9)), len(posts) - 1)]
            quality = "tagged" if post.is_tagged else rng.choice(("untagged", "bare"))
            return Page(post.path, post.product), post_source(rng, post, quality)
        if channel == "referral" and rng.random() < 0.5:
            known = [mention for mention in self._linking if start - 20 * DAY < mention.published < start]
            if known:
                mention = rng.choice(known)
                return Page(mention.linked_path), Source(mention.url)
        if channel == "self":
            return Page(product.path, product), Source(f"{SITE}/category/{product.group}")
        path = rng.choices(
            ("/", product.path, f"/category/{rng.choice(tuple(GROUPS))}", f"/blog/{rng.choice(BLOG)}"), (22, 48, 16, 14)
        )[0]
        return Page(path, product if path == product.path else None), outside_source(rng, channel)

    def _visitor(self, start: int) -> Device:
        """A visitor not seen for six hours, else a new one: a person's visits must not run into each other."""
        if self._known and self._rng.random() < 0.42:
            device = self._rng.choice(self._known)
            if device.last_seen + 6 * HOUR < start:
                return device
        device = self._people.device(start)
        device.consent = self._rng.random() >= 0.07
        self._known.append(device)
        return device

    def _bot(self, start: int) -> Visit:
        device = self._people.device(start, "desktop")
        device.is_bot = True
        pages = [Page(product.path, product) for product in self._rng.sample(self._products, self._rng.randint(3, 12))]
        visit = make_visit(self._rng, device, start, DIRECT, pages)
        kept = [hit for hit in visit.hits if hit.name in ("first_visit", "session_start", "page_view")]
        visit.hits = [hit._replace(at=start + number * SECOND // 2) for number, hit in enumerate(kept)]
        return visit
