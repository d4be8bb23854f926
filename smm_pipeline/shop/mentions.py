"""Mentions of the shop and its competitors by media, bloggers and ordinary users.

Belongs here: what was written, where, by whom, how it sounds and whether it links to the shop. Does not belong here:
YouScan's format (youscan) and the visits a mention brings (traffic).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from smm_pipeline.shop.clock import DAY, HOUR, Clock, local, stream
from smm_pipeline.shop.goods import BLOG, BRAND, COMPETITORS, SITE

# Author class: (hosts, YouScan source type, median followers)
PLACES = {
    "media": (("dim-news.example", "city-today.example", "style-daily.example"), "news", 60000),
    "blogger": (("cosy-blog.example", "mama-blog.example", "garden-notes.example"), "blog", 12000),
    "user": (("www.facebook.com", "www.instagram.com", "t.me", "home-forum.example"), "social", 240),
}
PHRASES = {
    "positive": (
        "Задоволені покупкою у {brand}, швидко і гарно.",  # noqa: RUF001 - Ukrainian
        "{brand} порадувала, рекомендую!",
        "Отличный магазин {brand}, спасибо.",
    ),
    "neutral": (
        "Хтось замовляв у {brand}? Поділіться досвідом.",  # noqa: RUF001 - Ukrainian
        "{brand} відкриває нову колекцію.",
        "Сравнили цены {brand} и других.",
    ),
    "negative": (
        "{brand} затримали доставку на тиждень.",
        "Розчарована якістю, {brand}.",
        "{brand} не отвечает на сообщения.",
    ),
}
LINK_DAYS = 28  # how long a mention with a link explains visits from its site
DAILY = {BRAND: 4.2, COMPETITORS[0]: 3.1, COMPETITORS[1]: 2.3}


@dataclass(frozen=True)
class Mention:
    """One mention of one brand. `linked_path` is the shop's page it links to, empty for none."""

    brand: str
    number: int
    published: int
    added: int
    author_class: str
    host: str
    source_type: str
    author: str
    followers: int
    text: str
    sentiment: str
    language: str
    linked_path: str
    is_spam: bool
    likes: int
    comments: int
    reposts: int
    views: int

    @property
    def url(self) -> str:
        """Address of the mention."""
        return f"https://{self.host}/{self.author}/{self.number}"

    @property
    def full_text(self) -> str:
        """Text with its link to the shop, if any."""
        return f"{self.text} {SITE}{self.linked_path}" if self.linked_path else self.text


def make_mentions(seed: int, clock: Clock) -> tuple[Mention, ...]:
    """Mentions of all brands in order of publication; a week of trouble for the own brand in the middle."""
    rng = stream(seed, "mentions")
    found: list[tuple[int, str]] = []
    for brand, daily in DAILY.items():
        for index in range(clock.days):
            count = int(daily) + (rng.random() < daily % 1)
            found += [(clock.moment(rng, index), brand) for _ in range(count)]
    crisis = range(clock.days // 2, clock.days // 2 + 7)
    return tuple(
        _make_mention(rng, 900_000 + number, at, brand, is_crisis=brand == BRAND and clock.index(at) in crisis)
        for number, (at, brand) in enumerate(sorted(found))
    )


def has_sent(mentions: Iterable[Mention], referrer: str, start: int) -> bool:
    """Whether the site of a visit's referrer had spoken of the shop with a link in the four weeks before the visit."""
    site = (urlsplit(referrer).hostname or "").removeprefix("www.")
    after = local(start).date() - timedelta(days=LINK_DAYS)
    return any(
        mention.linked_path
        and not mention.is_spam
        and mention.host.removeprefix("www.") == site
        and mention.published <= start
        and local(mention.published).date() > after
        for mention in mentions
    )


def _make_mention(rng: random.Random, number: int, at: int, brand: str, *, is_crisis: bool) -> Mention:
    author_class = rng.choices(tuple(PLACES), (14, 18, 68))[0]
    hosts, source_type, median = PLACES[author_class]
    weights = (20, 25, 45, 10) if is_crisis else (38, 36, 14, 12)
    sentiment = rng.choices(("positive", "neutral", "negative", "undefined"), weights)[0]
    is_spam = rng.random() < 0.05
    link_chance = {"media": 0.35, "blogger": 0.5, "user": 0.08}[author_class] if brand == BRAND else 0.0
    path = rng.choice(("/", f"/blog/{rng.choice(BLOG)}", "/category/decor")) if rng.random() < link_chance else ""
    text = rng.choice(PHRASES.get(sentiment, PHRASES["neutral"])).format(brand=f"<b>{brand}</b>")
    followers = int(median * rng.lognormvariate(0, 0.8))
    views = int(followers * rng.uniform(0.05, 0.5))
    host = rng.choice(hosts)
    late = rng.random() < 0.1
    return Mention(
        brand,
        number,
        at,
        at + (int(rng.uniform(1, 3) * DAY) if late else int(rng.uniform(0.1, 6) * HOUR)),
        author_class,
        host,
        "forum" if "forum" in host else "messenger" if host == "t.me" else source_type,
        f"{author_class}{rng.randint(1, 12 if author_class != 'user' else 700):03d}",
        followers,
        text,
        sentiment,
        "rus" if any(word in text for word in ("магазин", "цены", "отвечает")) else "ukr",
        path,
        is_spam,
        int(views * rng.uniform(0, 0.04)),
        int(views * rng.uniform(0, 0.006)),
        int(views * rng.uniform(0, 0.005)),
        views,
    )
