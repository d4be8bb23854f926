"""Communities, insights, snapshots, mentions: growth, restatement, competitors, as the files show them."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import orjson

from .conftest import Shop


def answers(shop: Shop, feed: str) -> list[dict[str, Any]]:
    return [orjson.loads(path.read_bytes()) for path in shop.files(feed)]


def test_insights_are_restated_for_three_days(shop: Shop) -> None:
    told: dict[tuple[str, str], list[int]] = defaultdict(list)
    for answer in answers(shop, "facebook_insights"):
        for metric in answer["data"]:
            for value in metric["values"]:
                told[metric["id"], value["end_time"]].append(value["value"])
    views = {key: values for key, values in told.items() if "page_media_view/" in key[0]}
    assert Counter(len(values) for values in views.values()).most_common(1)[0][0] == 3
    assert all(values == sorted(values) for values in views.values())
    assert any(len(set(values)) == 3 for values in views.values())


def test_competitors_show_public_counters_only(shop: Shop) -> None:
    for feed, key in (("facebook_posts", "104000000000091_"), ("instagram_media", "1891")):
        posts = [post for answer in answers(shop, feed) for post in answer["data"]]
        rivals = [post for post in posts if post["id"].startswith(key)]
        assert rivals
        assert not any("insights" in post for post in rivals)
        assert all("insights" in post for post in posts if not post["id"].startswith(key))


def test_views_grow_and_a_few_are_corrected_down(shop: Shop) -> None:
    levels: dict[tuple[str, str], list[int]] = defaultdict(list)
    for answer in answers(shop, "instagram_media"):
        for post in answer["data"]:
            for metric in post.get("insights", {}).get("data", []):
                if metric["name"] == "views":
                    levels["instagram", post["id"]].append(metric["values"][0]["value"])
    for path in shop.files("telegram_views"):
        for channel in orjson.loads(path.read_bytes()):
            for post in channel["posts"]:
                levels[channel["channel_id"], post["id"]].append(post["views"])
    falling = sum(values != sorted(values) for values in levels.values())
    assert 0 < falling < len(levels) * 0.06
    assert max(len(values) for values in levels.values()) == 14


def test_followers_move_by_gains_and_losses(shop: Shop) -> None:
    level: dict[tuple[str, str], int] = {}
    flow: dict[tuple[str, str], int] = Counter()
    for answer in answers(shop, "facebook_insights"):
        for metric in answer["data"]:
            page = metric["id"].split("/")[0]
            newest = metric["values"][0]  # the oldest day of a pull is final from the third pull on
            if metric["name"] == "page_follows":
                level[page, newest["end_time"]] = newest["value"]
            elif metric["name"].startswith("page_daily_"):
                sign = -1 if "unfollows" in metric["name"] else 1
                flow[page, newest["end_time"]] = flow.get((page, newest["end_time"]), 0) + sign * newest["value"]
    days = sorted({day for _, day in level})[4:]
    page = "104000000000001"
    checked = [(level[page, b] - level[page, a], flow[page, b]) for a, b in pairwise(days)]
    assert checked
    assert all(change == told for change, told in checked)


def test_telegram_exports_have_links_reshares_and_service_messages(shop: Shop) -> None:
    exports = answers(shop, "telegram_posts")
    messages = [message for export in exports for message in export["messages"]]
    assert {message["type"] for message in messages} == {"service", "message"}
    assert any("forwarded_from" in message for message in messages)
    assert {type(message["text"]) for message in messages} == {str, list}
    links = [e["text"] for m in messages for e in m["text_entities"] if e["type"] == "link"]
    tagged = sum("utm_content=" in link for link in links)
    assert 0 < tagged < len(links)


def test_mentions_of_every_brand_and_author_class(shop: Shop) -> None:
    own = {m["id"]: m for answer in answers(shop, "mentions_domivka") for m in answer["mentions"]}
    assert {m["sourceType"] for m in own.values()} >= {"news", "blog", "social", "forum", "messenger"}
    assert {m["sentiment"] for m in own.values()} == {"positive", "neutral", "negative", "undefined"}
    assert any("spam" in m["tags"] for m in own.values())
    assert any("https://www.domivka.example/" in m["fullText"] for m in own.values())
    for rival in ("zatyshok", "oselya"):
        found = [m for answer in answers(shop, f"mentions_{rival}") for m in answer["mentions"]]
        assert found
        assert not any("domivka" in m["fullText"].lower() for m in found)


def test_member_actions_name_known_buyers_only_with_email(shop: Shop) -> None:
    rows: list[dict[str, str]] = []
    for path in shop.files("member_activity"):
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    assert len({row["activity_id"] for row in rows}) == len(rows)
    assert {"like", "comment", "reshare", "save", "recommend", "join", "leave"} == {row["action"] for row in rows}
    known = [row for row in rows if row["email"]]
    assert known
    assert all("-buyer-" in row["member_id"] for row in known)


def test_answers_follow_what_they_answer_and_name_no_author(shop: Shop) -> None:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for path in shop.files("messages"):
        with path.open(encoding="utf-8", newline="") as file:
            rows.update({(row["community_id"], row["id"]): row for row in csv.DictReader(file)})
    answers = [row for row in rows.values() if row["reply_to_id"]]
    assert answers
    for answer in answers:
        asked = rows[answer["community_id"], answer["reply_to_id"]]
        assert (answer["is_community_author"], answer["author"]) == ("true", "")
        assert _instant(answer) > _instant(asked)
        assert asked["needs_answer"] == "true" or asked["sentiment"] == "negative"
    waiting = [row for row in rows.values() if row["needs_answer"] == "true"]
    assert 0.5 < sum((row["community_id"], f"{row['id']}-r") in rows for row in waiting) / len(waiting) < 0.95


def _instant(row: dict[str, str]) -> datetime:
    return datetime.strptime(row["sent_at"], "%d.%m.%Y %H:%M:%S").replace(tzinfo=UTC)
