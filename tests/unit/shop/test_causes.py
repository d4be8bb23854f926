"""The planted causes hold by the definitions of the benefit classes, worked out again from the written files.

Only orders that nothing hides are looked at; the thresholds are those of the definitions, written here as numbers.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import orjson
import pytest

from .conftest import Shop

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
KYIV = ZoneInfo("Europe/Kyiv")
PAYDAYS = (1, 10, 25)
HOLIDAYS = (date(2026, 4, 12), date(2026, 5, 10), date(2026, 6, 1))


class Post(NamedTuple):
    """What the files say about a post."""

    published: int
    group: str


class Visit(NamedTuple):
    """A session of the cause as the files show it."""

    start: int
    tag: str
    site: str
    skus: frozenset[str]
    wished: frozenset[str]


class Cause(NamedTuple):
    """One visible order with what led to it; `ordered` is the instant of checkout."""

    row: dict[str, str]
    ordered: int
    sku: str
    visits: list[Visit]

    def touches(self, posts: dict[tuple[str, str], Post], *, matched: bool) -> list[tuple[int, Post]]:
        """Clicks on posts: (instant, post), of the bought product's group or of another."""
        found = [(v.start, posts[self.row["community_id"], v.tag]) for v in self.visits if v.tag]
        return [(at, post) for at, post in found if (post.group == self.sku[:3]) == matched]


@pytest.fixture(scope="module")
def posts(shop: Shop) -> dict[tuple[str, str], Post]:
    """Published instant and product group of each post, as the vendors' files tell them."""
    found: dict[tuple[str, str], Post] = {}
    for path in shop.files("telegram_posts"):
        export = orjson.loads(path.read_bytes())
        for message in export["messages"]:
            text = orjson.dumps(message["text"]).decode()
            found[str(export["id"]), str(message["id"])] = Post(int(message["date_unixtime"]) * SECOND, group_in(text))
    for feed, time, text in (
        ("facebook_posts", "created_time", "message"),
        ("instagram_media", "timestamp", "caption"),
    ):
        for path in shop.files(feed):
            for post in orjson.loads(path.read_bytes())["data"]:
                community = post["owner"]["id"] if "owner" in post else post["id"].split("_")[0]
                published = int(datetime.fromisoformat(post[time]).timestamp()) * SECOND
                found[community, post["id"]] = Post(published, group_in(post[text]))
    return found


def group_in(text: str) -> str:
    """First three letters of the product number that a text links to; they name the product's group."""
    match = re.search(r"/product/([A-Z]{3})-", text)
    return match[1] if match else ""


@pytest.fixture(scope="module")
def causes(shop: Shop) -> list[Cause]:
    return [_cause(shop, row) for row in shop.truth if row["was_trackable"] == "true" and row["session_keys"]]


def _cause(shop: Shop, row: dict[str, str]) -> Cause:
    visits, ordered, sku = [], 0, ""
    for key in row["session_keys"].split():
        visitor, session = key.split("/")
        events: list[Any] = shop.web.execute(
            "select ts, name, url, sku, referrer from event where visitor = $1 and session = $2 "
            "order by ts, batch_ordering_id",
            [visitor, int(session)],
        ).fetchall()
        assert events, key
        tag = parse_qs(urlsplit(events[0][2]).query).get("utm_content", [""])[0]
        skus = frozenset(e[3] for e in events if e[1] == "view_item")
        site = (urlsplit(events[0][4] or "").hostname or "").removeprefix("www.")
        wished = frozenset(e[3] for e in events if e[1] == "add_to_wishlist")
        visits.append(Visit(events[0][0], tag, site, skus, wished))
        ordered = next((e[0] for e in events if e[1] == "begin_checkout"), ordered)
        sku = next((e[3] for e in events if e[1] == "add_to_cart"), sku)
    return Cause(row, ordered, sku, visits)


def of(causes: list[Cause], name: str) -> list[Cause]:
    chosen = [cause for cause in causes if cause.row["cause"] == name]
    assert len(chosen) >= 3, f"too few {name} to test"
    return chosen


def is_due(day: date) -> bool:
    payday = any((day - timedelta(days=back)).day in PAYDAYS for back in range(5))
    return payday or any(-9 <= (day - holiday).days <= 1 for holiday in HOLIDAYS)


def looks_deferred(cause: Cause, posts: dict[tuple[str, str], Post]) -> bool:
    ages = [cause.ordered - at for at, _ in cause.touches(posts, matched=True)]
    views = sum(cause.sku in visit.skus for visit in cause.visits)
    wished = any(
        cause.sku in visit.wished and 4 * DAY <= cause.ordered - visit.start <= 60 * DAY for visit in cause.visits
    )
    silent = any(4 * DAY <= age <= 60 * DAY for age in ages) and min(ages) > 2 * DAY and views <= 3
    return is_due(date.fromisoformat(cause.row["order_date_local"])) and (wished or silent)


def looks_considered(cause: Cause, posts: dict[tuple[str, str], Post]) -> bool:
    views = [visit.start for visit in cause.visits if cause.sku in visit.skus]
    ages = [cause.ordered - at for at, _ in cause.touches(posts, matched=True)]
    return len(views) >= 3 and cause.ordered - views[0] >= 7 * DAY and any(age <= 7 * DAY for age in ages)


def looks_impulsive(cause: Cause, posts: dict[tuple[str, str], Post]) -> bool:
    views = [visit.start for visit in cause.visits if cause.sku in visit.skus]
    fresh = [
        at
        for at, post in cause.touches(posts, matched=True)
        if cause.ordered - at <= 36 * HOUR and 0 <= at - post.published <= 36 * HOUR
    ]
    return bool(fresh) and cause.ordered - views[0] <= 36 * HOUR


def test_every_cause_is_among_the_orders(shop: Shop) -> None:
    counted = Counter(row["cause"] for row in shop.truth)
    assert counted == dict(shop.facts.orders_by_cause)
    assert set(counted) == {
        "D1_recommendation",
        "D2_impulse",
        "D3_considered",
        "D4_deferred",
        "anyway",
        "no_social_touch",
    }


def test_deferred(causes: list[Cause], posts: dict[tuple[str, str], Post]) -> None:
    for cause in of(causes, "D4_deferred"):
        assert looks_deferred(cause, posts), cause.row


def test_considered(causes: list[Cause], posts: dict[tuple[str, str], Post]) -> None:
    for cause in of(causes, "D3_considered"):
        assert not looks_deferred(cause, posts), cause.row
        assert looks_considered(cause, posts), cause.row


def test_impulse(causes: list[Cause], posts: dict[tuple[str, str], Post]) -> None:
    for cause in of(causes, "D2_impulse"):
        assert not looks_deferred(cause, posts), cause.row
        assert not looks_considered(cause, posts), cause.row
        assert looks_impulsive(cause, posts), cause.row


def test_recommendation(causes: list[Cause], posts: dict[tuple[str, str], Post]) -> None:
    for cause in of(causes, "D1_recommendation"):
        assert not looks_deferred(cause, posts), cause.row
        assert not looks_considered(cause, posts), cause.row
        assert not looks_impulsive(cause, posts), cause.row
        assert any(cause.ordered - at <= 14 * DAY for at, _ in cause.touches(posts, matched=True)), cause.row


def test_anyway(causes: list[Cause], posts: dict[tuple[str, str], Post]) -> None:
    for cause in of(causes, "anyway"):
        assert not looks_deferred(cause, posts), cause.row
        near = [at for at, _ in cause.touches(posts, matched=True) if cause.ordered - at <= 14 * DAY]
        assert not near, cause.row
        touched = cause.touches(posts, matched=True) or cause.touches(posts, matched=False)
        assert bool(touched) == bool(cause.row["post_id"]), cause.row


@pytest.fixture(scope="module")
def spoken(shop: Shop) -> set[tuple[str, date]]:
    """Site and day of each mention of the shop with a link to it, as the monitor's files tell them."""
    answers: list[Any] = [orjson.loads(path.read_bytes()) for path in shop.files("mentions_domivka")]
    return {
        (record["source"], date.fromisoformat(record["published"][:10]))
        for answer in answers
        for record in answer["mentions"]
        if "https://" in record["fullText"] and "spam" not in record["tags"]
    }


def was_sent_by_a_mention(cause: Cause, spoken: set[tuple[str, date]]) -> bool:
    days = [(visit.site, datetime.fromtimestamp(visit.start // SECOND, KYIV).date()) for visit in cause.visits]
    return any((site, day - timedelta(days=back)) in spoken for site, day in days for back in range(28))


def test_anyway_without_a_post_was_sent_by_a_mention(causes: list[Cause], spoken: set[tuple[str, date]]) -> None:
    """Somebody spoke of the shop on the site that sent the buyer: a touch, but no post of a community."""
    sent = [cause for cause in of(causes, "anyway") if not cause.row["post_id"]]
    assert sent
    for cause in sent:
        assert cause.row["community_id"] == ""
        assert was_sent_by_a_mention(cause, spoken), cause.row


def test_no_social_touch(causes: list[Cause], spoken: set[tuple[str, date]]) -> None:
    for cause in of(causes, "no_social_touch"):
        assert not any(visit.tag for visit in cause.visits), cause.row
        assert not was_sent_by_a_mention(cause, spoken), cause.row
        assert cause.row["post_id"] == ""


def test_friend_codes_are_in_the_feed(shop: Shop) -> None:
    with shop.files("promo_codes")[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    codes = {row["code"]: row for row in rows}
    assert len(codes) == len(rows)
    used = [row for row in shop.truth if row["coupon"]]
    assert any(row["coupon"].startswith("friend") for row in used)
    for row in used:
        code = codes[row["coupon"]]
        if code["kind"] != "promo":
            assert code["community_id"] == row["community_id"]


def test_what_hides_a_cause_is_counted(shop: Shop) -> None:
    hidden = Counter(row["why_not"] for row in shop.truth if row["why_not"])
    planted = {key.removeprefix("why_not_"): n for key, n in shop.notes.items() if key.startswith("why_not_")}
    assert hidden == planted
    assert {"untagged_link", "no_referrer", "lost_consent", "second_device", "ad_blocker"} <= set(hidden)
