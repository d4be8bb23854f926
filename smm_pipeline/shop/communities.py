"""Communities of the shop and its competitors, their posts, and how posts and followings grow.

Belongs here: what happens inside the networks, as facts independent of any vendor's format. Does not belong here:
visits to the shop (visits, traffic, journeys) and files (meta, telegram, sheets).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cached_property

from smm_pipeline.shop.clock import DAY, Clock, stream
from smm_pipeline.shop.goods import BLOG, GROUPS, SITE, Product, by_group

GROWTH_DAYS = 1.6  # a post has had 63 % of its views after so many days
WATCHED_DAYS = 14  # counters of a post are read for so many days after it


@dataclass(frozen=True)
class Community:
    """One community; `size` is its following on the first day, `daily_posts` how often it posts."""

    network: str
    community_id: str
    handle: str
    name: str
    brand: str
    language: str
    city: str
    group: str
    size: int
    daily_posts: float

    @property
    def is_own(self) -> bool:
        """True for the shop's own communities."""
        return self.brand == "Domivka"

    @property
    def url(self) -> str:
        """Public address."""
        host = {"telegram": "t.me", "facebook": "www.facebook.com", "instagram": "www.instagram.com"}[self.network]
        return f"https://{host}/{self.handle}"


COMMUNITIES = (
    Community("telegram", "1700000001", "domivka_kyiv", "Domivka Kyiv", "Domivka", "uk", "Kyiv", "", 8200, 0.9),
    Community(
        "telegram", "1700000002", "domivka_kitchen", "Domivka Kitchen", "Domivka", "uk", "", "kitchen", 4100, 0.7
    ),
    Community(
        "telegram", "1700000003", "domivka_odesa", "Domivka Odesa", "Domivka", "ru", "Odesa", "textile", 2600, 0.6
    ),
    Community("facebook", "104000000000001", "domivka.ua", "Domivka", "Domivka", "uk", "", "", 15400, 0.8),
    Community(
        "facebook", "104000000000002", "domivka.lviv", "Domivka Lviv", "Domivka", "uk", "Lviv", "decor", 3900, 0.6
    ),
    Community(
        "facebook", "104000000000003", "domivka.garden", "Domivka Garden", "Domivka", "uk", "", "garden", 5200, 0.5
    ),
    Community("facebook", "104000000000004", "domivka.home", "Domivka Home", "Domivka", "en", "", "light", 1700, 0.4),
    Community("instagram", "17841400000000001", "domivka_ua", "Domivka", "Domivka", "uk", "", "", 21300, 0.9),
    Community("instagram", "17841400000000002", "domivka_kids", "Domivka Kids", "Domivka", "uk", "", "kids", 6400, 0.6),
    Community(
        "instagram", "17841400000000003", "domivka_svet", "Domivka Svet", "Domivka", "ru", "", "light", 2900, 0.5
    ),
    Community("telegram", "1700000091", "zatyshok_shop", "Zatyshok", "Zatyshok", "uk", "", "", 11800, 0.8),
    Community("facebook", "104000000000091", "zatyshok.home", "Zatyshok", "Zatyshok", "uk", "", "", 9700, 0.5),
    Community("instagram", "17841400000000091", "oselya.shop", "Oselya", "Oselya", "uk", "", "", 18200, 0.6),
)
TEXTS = {
    "uk": (
        "Нове у магазині: {what}",  # noqa: RUF001 - Ukrainian
        "Чого бракує вашій оселі? {what}",
        "Питання дня: як вам {what}?",
        "Тиждень затишку: {what}",
    ),
    "ru": (
        "Новинка: {what}",
        "Чего не хватает вашему дому? {what}",
        "Вопрос дня: как вам {what}?",
        "Неделя уюта: {what}",
    ),
    "en": (
        "New in the shop: {what}",
        "What is your home missing? {what}",
        "Question of the day: {what}?",
        "A cosy week: {what}",
    ),
}


@dataclass(frozen=True)
class Post:
    """One post with the counters it will have in the end.

    `kind` is what its link leads to: product, category, blog or none. `is_tagged` tells whether the link carries the
    utm tags; `group` is the product group shown, empty for none.
    """

    community: Community
    number: int
    post_id: str
    published: int
    kind: str
    product: Product | None
    group: str
    path: str
    is_tagged: bool
    text: str
    hashtags: tuple[str, ...]
    post_type: str
    reshared_from: str
    views: int
    likes: int
    comments: int
    shares: int
    saves: int
    clicks: int
    dips: bool

    @property
    def tags(self) -> dict[str, str]:
        """The utm tags of the shop's own posts."""
        handle = self.community.handle
        return {
            "utm_source": self.community.network,
            "utm_medium": "social",
            "utm_campaign": handle,
            "utm_content": self.post_id,
        }

    @property
    def link(self) -> str:
        """Address in the post; empty when there is none."""
        if not self.path:
            return ""
        query = "&".join(f"{key}={value}" for key, value in self.tags.items())
        return f"{SITE}{self.path}?{query}" if self.is_tagged else f"{SITE}{self.path}"

    @property
    def permalink(self) -> str:
        """Public address of the post."""
        if self.community.network == "instagram":
            return f"https://www.instagram.com/p/{self.post_id}/"
        return f"{self.community.url}/{'posts/' if self.community.network == 'facebook' else ''}{self.number}"

    def level(self, total: int, at: int) -> int:
        """A counter that ends at `total`, as read at instant `at`; a few posts are corrected down later."""
        age_days = max(at - self.published, 0) / DAY
        dip = 0.9 if self.dips and age_days >= 7 else 1.0
        return int(total * (1 - math.exp(-age_days / GROWTH_DAYS)) * dip)


@dataclass(frozen=True)
class Following:
    """Followers of one community at the end of each day, with the day's gains and losses."""

    levels: tuple[int, ...]
    gained: tuple[int, ...]
    lost: tuple[int, ...]


@dataclass(frozen=True)
class SocialWorld:
    """Everything that happens in the networks during the period."""

    clock: Clock
    posts: tuple[Post, ...]
    followings: dict[str, Following]

    @cached_property
    def linked(self) -> tuple[Post, ...]:
        """Own posts that lead to the shop, oldest first."""
        return tuple(post for post in self.posts if post.community.is_own and post.path)

    def between(self, start: int, end: int, *, tagged: bool, kinds: tuple[str, ...] = ("product",)) -> list[Post]:
        """Own linked posts published in [start, end) with the wanted link."""
        wanted = (post for post in self.linked if start <= post.published < end)
        return [post for post in wanted if post.is_tagged == tagged and post.kind in kinds]

    def of(self, community: Community) -> list[Post]:
        """Posts of one community, oldest first."""
        return [post for post in self.posts if post.community is community]


def make_social_world(seed: int, clock: Clock, products: tuple[Product, ...]) -> SocialWorld:
    """Posts and followings of all communities; independent of the size of the shop's traffic."""
    rng = stream(seed, "communities")
    groups = by_group(products)
    posts: list[Post] = []
    for community in COMMUNITIES:
        number = 100
        instants = []
        for index in range(clock.days):
            count = int(community.daily_posts) + (rng.random() < community.daily_posts % 1)
            instants += [clock.awake(rng, index) for _ in range(count)]
        if not instants:  # a community without a post would make a short demo pointless
            instants = [clock.awake(rng, 0)]
        for published in sorted(instants):
            number += rng.randint(1, 3)
            posts.append(_make_post(rng, community, number, published, groups))
    posts.sort(key=lambda post: (post.published, post.post_id))
    followings = {community.community_id: _make_following(rng, community, clock.days) for community in COMMUNITIES}
    return SocialWorld(clock, tuple(posts), followings)


def _make_post(
    rng: random.Random, community: Community, number: int, published: int, groups: dict[str, list[Product]]
) -> Post:
    kind = rng.choices(("product", "category", "blog", "none"), (56, 12, 12, 20))[0]
    group = community.group or rng.choice(tuple(GROUPS))
    product = rng.choice(groups[group]) if kind == "product" else None
    path = {
        "product": product.path if product else "",
        "category": f"/category/{group}",
        "blog": f"/blog/{rng.choice(BLOG)}",
    }
    what = product.name if product else GROUPS[group][0 if community.language == "uk" else 1]
    views = int(community.size * rng.uniform(0.18, 0.65))
    if community.network == "facebook":
        post_id = f"{community.community_id}_{number}"
    else:
        post_id = f"18{community.community_id[-2:]}{number:010d}" if community.network == "instagram" else str(number)
    return Post(
        community=community,
        number=number,
        post_id=post_id,
        published=published,
        kind=kind,
        product=product,
        group="" if kind == "blog" else group,
        path=path.get(kind, ""),
        is_tagged=rng.random() < 0.85,
        text=rng.choice(TEXTS[community.language]).format(what=what),
        hashtags=("#domivka" if community.is_own else f"#{community.handle.split('_')[0]}", f"#{group}")
        if rng.random() < 0.85
        else (),
        post_type=rng.choices(("photo", "album", "video", "text"), (58, 18, 16, 8))[0],
        reshared_from="Home Ideas Weekly" if kind == "none" and rng.random() < 0.4 else "",
        views=views,
        likes=int(views * rng.uniform(0.008, 0.05)),
        comments=int(views * rng.uniform(0, 0.006)),
        shares=int(views * rng.uniform(0, 0.008)),
        saves=int(views * rng.uniform(0, 0.01)),
        clicks=int(views * rng.uniform(0.005, 0.03)) if path.get(kind) else 0,
        dips=rng.random() < 0.02,
    )


def _make_following(rng: random.Random, community: Community, days: int) -> Following:
    level, levels, gained, lost = community.size, [], [], []
    for _ in range(days):
        gain = int(rng.expovariate(1 / max(community.size * 0.0016, 1)))
        loss = min(int(rng.expovariate(1 / max(community.size * 0.0009, 1))), level)
        level += gain - loss
        levels.append(level)
        gained.append(gain)
        lost.append(loss)
    return Following(tuple(levels), tuple(gained), tuple(lost))
