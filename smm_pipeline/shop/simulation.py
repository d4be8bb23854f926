"""One run of the simulation: from arguments to a finished instance folder.

Belongs here: the order of steps and the facts about the result. Does not belong here: any step itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from smm_pipeline.shop import meta, telegram, woocommerce, youscan
from smm_pipeline.shop.campaigns import write_campaigns
from smm_pipeline.shop.clock import HOUR, Clock, stream
from smm_pipeline.shop.communities import make_social_world
from smm_pipeline.shop.ga4 import event_rows
from smm_pipeline.shop.goods import BRAND, COMPETITORS, make_products
from smm_pipeline.shop.instance import write_instance
from smm_pipeline.shop.journeys import Journeys
from smm_pipeline.shop.members import make_member_actions
from smm_pipeline.shop.mentions import make_mentions
from smm_pipeline.shop.orders import Order
from smm_pipeline.shop.people import People
from smm_pipeline.shop.sheets import write_sheets
from smm_pipeline.shop.steps import Steps
from smm_pipeline.shop.talk import write_talk
from smm_pipeline.shop.traffic import Traffic
from smm_pipeline.shop.trouble import WebDeliveries
from smm_pipeline.shop.truth import write_truth
from smm_pipeline.shop.visits import Visit

DEFAULT_LAST_DAY = date(2026, 5, 31)


@dataclass(frozen=True)
class ShopFacts:
    """What was made. `troubles` are the counts that truth/notes.json holds too."""

    home: Path
    first_day: date
    last_day: date
    events: int
    visits: int
    orders: int
    files: int
    orders_by_cause: Mapping[str, int]
    troubles: Mapping[str, int]


def make_shop(
    home: Path, *, seed: int = 7, days: int = 90, scale: float = 1.0, last_day: date | None = None
) -> ShopFacts:
    """Write the instance folder of a simulated shop: smm.toml, mappings/, landing/ and, for tests, truth/.

    The same arguments give the same bytes. `scale` 1.0 is about 500,000 GA4 events in 90 days; communities, posts and
    mentions do not depend on it.

    Args:
        home: folder to fill; landing/ must be absent or empty.
        seed: another seed makes another shop.
        days: length of the period in days, at least 1.
        scale: size of traffic and order book.
        last_day: last local day of the period.

    Raises:
        ValueError: days or scale is not positive.
        FileExistsError: landing/ already holds something.
    """
    if days < 1 or scale <= 0:
        raise ValueError("days must be at least 1 and scale positive")
    landing = home / "landing"
    if landing.is_dir() and any(landing.iterdir()):
        raise FileExistsError(f"{landing} is not empty")
    last = last_day or DEFAULT_LAST_DAY
    clock = Clock(last - timedelta(days=days - 1), days)
    products = make_products(seed)
    world = make_social_world(seed, clock, products)
    mentions = make_mentions(seed, clock)
    people = People(stream(seed, "people"))
    steps = Steps(seed, clock, people, world, products)
    # What the monitor finds after its last answer is in no file.
    found = tuple(mention for mention in mentions if mention.added <= clock.end - HOUR)
    orders = Journeys(steps, scale, found).plan()
    woocommerce.number_refunds(orders)
    traffic = Traffic(seed, scale, clock, people, world, products, mentions)
    write_instance(home)
    counts = _write_web(landing / "web", clock, seed, traffic, steps.visits)
    counts["order_records_again"] = woocommerce.write_orders(landing / "orders", clock, seed, orders)
    counts["refunds"] = woocommerce.write_refunds(landing / "refunds", clock, orders)
    woocommerce.write_products(landing / "products", clock, seed, products)
    for network in ("facebook", "instagram"):
        meta.write_insights(landing / f"{network}_insights", network, world)
    meta.write_posts(landing / "facebook_posts", world)
    meta.write_media(landing / "instagram_media", world)
    telegram.write_exports(landing / "telegram_posts", world)
    telegram.write_snapshots(landing / "telegram_views", world)
    write_talk(landing, seed, world)
    for brand in (BRAND, *COMPETITORS):
        named = [mention for mention in mentions if mention.brand == brand]
        counts["mentions_restated"] += youscan.write_mentions(landing / f"mentions_{brand.lower()}", clock, named)
    write_sheets(landing, seed, world, [*make_member_actions(seed, world), *steps.actions], steps.friend_codes)
    write_campaigns(landing, seed, scale, world)
    counts.update(steps.troubles)
    counts.update(_order_troubles(orders))
    write_truth(home, clock, orders, counts)
    return ShopFacts(
        home=home,
        first_day=clock.first,
        last_day=last,
        events=counts["events"],
        visits=counts["visits"],
        orders=len(orders),
        files=sum(1 for path in landing.rglob("*") if path.is_file()),
        orders_by_cause=Counter(order.truth.cause for order in orders),
        troubles=dict(counts),
    )


def _write_web(folder: Path, clock: Clock, seed: int, traffic: Traffic, planned: list[Visit]) -> Counter[str]:
    """GA4's files, day by day, so that only one day's events are held; returns counts of what was written."""
    counts: Counter[str] = Counter()
    planned_by_day: dict[int, list[Visit]] = defaultdict(list)
    for visit in planned:
        planned_by_day[clock.index(visit.start)].append(visit)
    rows: dict[int, list[bytes]] = defaultdict(list)
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as con:
        deliveries = WebDeliveries(folder, clock, seed, con)
        for index in range(clock.days):
            for visit in [*traffic.day(index), *planned_by_day[index]]:
                if visit.is_blocked:
                    counts["blocked_visits"] += 1
                    continue
                days = set()
                for day, row in event_rows(visit, clock):
                    rows[day].append(row)
                    days.add(day)
                counts.update(
                    visits=1,
                    midnight_sessions=len(days) > 1,
                    bot_visits=visit.device.is_bot,
                    hidden_visits=visit.hides,
                    purchase_events=sum(hit.order is not None for hit in visit.hits),
                )
            deliveries.write_day(index, rows.pop(index, []))
    counts.update(deliveries.counts)
    return counts


def _order_troubles(orders: list[Order]) -> Counter[str]:
    counts: Counter[str] = Counter(f"orders_{order.channel}" for order in orders)
    counts.update(f"why_not_{order.truth.why_not}" for order in orders if order.truth.why_not)
    counts["orders_partly_refunded"] = sum(
        bool(order.refunds) and all(name != "refunded" for _, name in order.statuses) for order in orders
    )
    return counts
