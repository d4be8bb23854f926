"""Figures of activity, audience, competitors, posts and mentions: exactly the rows that each column is made of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.unit.explain.filled import Filled

DAY = date(2026, 3, 31)
PLACE = {"network": "telegram", "community_id": "77"}
ELSEWHERE = {"network": "telegram", "community_id": "78"}


def before(days: int) -> date:
    return DAY - timedelta(days=days)


@pytest.fixture
def posted(work: Filled) -> Filled:
    """Posts of the day, of the first and of the last day outside its 28, a first one, and one of somebody else."""
    posts = [("today", 0), ("in", 27), ("out", 28), ("first", 80)]
    work.put(
        "core.fct_post", [{"post_id": name, "post_date_local": before(n)} for name, n in posts], is_own=True, **PLACE
    )
    work.put("core.fct_post", [{"post_id": "other", "post_date_local": DAY}], is_own=True, **ELSEWHERE)
    known = {"today": (5, 100), "in": (3, 90), "out": (2, 80), "first": (1, 70)}
    work.put(
        "core.fct_post_engagement",
        [
            {"post_id": name, "post_date_local": before(n), "likes": known[name][0], "followers": known[name][1]}
            | {"engagements": known[name][0], "public_engagements": known[name][0]}
            for name, n in posts
        ],
        is_own=True,
        **PLACE,
    )
    work.put(
        "core.fct_post_engagement",
        [{"post_id": "uncounted", "post_date_local": DAY, "likes": 4, "engagements": 4}],
        is_own=True,
        **PLACE,
    )
    work.put("kpi.kpi_daily_community_activity", [{"date_local": DAY, "days_silent": 0}], **PLACE)
    work.put("kpi.kpi_daily_competitors", [{"date_local": DAY, "best_post_id": "in"}], **PLACE)
    return work


@pytest.mark.parametrize(
    ("figure", "table", "found"),
    [
        ("kpi_daily_community_activity.posts", "core.fct_post", ["today"]),
        ("kpi_daily_community_activity.posts_28d", "core.fct_post", ["in", "today"]),
        ("kpi_daily_community_activity.days_silent", "core.fct_post", ["today"]),
        ("kpi_daily_community_activity", "core.fct_post", ["first", "in", "today"]),
        ("kpi_daily_community_activity.likes", "core.fct_post_engagement", ["today", "uncounted"]),
        ("kpi_daily_community_activity.er_followers", "core.fct_post_engagement", ["today"]),
        ("kpi_daily_community_activity.likes_28d", "core.fct_post_engagement", ["in", "today"]),
        ("kpi_daily_community_activity", "core.fct_post_engagement", ["in", "today", "uncounted"]),
        ("kpi_daily_competitors.posts", "core.fct_post", ["today"]),
        ("kpi_daily_competitors.posts_28d", "core.fct_post", ["in", "today"]),
        ("kpi_daily_competitors.best_post_permalink", "core.fct_post", ["in"]),
        ("kpi_daily_competitors.likes", "core.fct_post_engagement", ["today", "uncounted"]),
        ("kpi_daily_competitors.er_public_followers", "core.fct_post_engagement", ["today"]),
        ("kpi_daily_competitors.best_post_public_engagements", "core.fct_post_engagement", ["in"]),
        ("kpi_daily_competitors", "core.fct_post_engagement", ["in", "today", "uncounted"]),
    ],
)
def test_posts_of_the_day_and_of_28_days_are_told_apart(
    posted: Filled, figure: str, table: str, found: list[str]
) -> None:
    assert posted.behind(figure, DAY, table, "post_id") == found


def test_what_was_said_and_moderated_is_of_the_day_of_28_days_or_of_the_last_check(work: Filled) -> None:
    """A sample of members is good for 92 days."""
    days = [0, 27, 28, 60, 91]
    shares = {60: 0.1, 91: 0.2}
    work.put(
        "core.fct_moderation_day",
        [{"moderation_date": before(n), "suspected_fakes_share": shares.get(n)} for n in days],
        **PLACE,
    )
    work.put("core.fct_conversation_day", [{"date_local": before(n), "messages": 3} for n in (0, 27, 28)], **PLACE)
    work.put("kpi.kpi_daily_community_activity", [{"date_local": DAY}], **PLACE)
    work.put("kpi.kpi_daily_supporters", [{"date_local": DAY}], **PLACE)

    def of(figure: str) -> list[date]:
        return work.behind(figure, DAY, "core.fct_moderation_day", "moderation_date")

    activity, audience = "kpi_daily_community_activity", "kpi_daily_supporters"
    assert of(f"{activity}.reports") == of(f"{audience}.fakes_removed") == [DAY]
    assert of(f"{activity}.spam_share") == [before(27), DAY]
    assert of(f"{activity}.suspected_fakes_share") == of(f"{audience}.members_less_fakes") == [before(60)]
    assert of(activity) == [before(60), before(27), DAY]
    assert of(audience) == [before(60), DAY]
    said = "core.fct_conversation_day"
    assert work.behind(f"{activity}.messages", DAY, said, "date_local") == [DAY]
    assert work.behind(f"{activity}.spam_share", DAY, said, "date_local") == [before(27), DAY]


@pytest.mark.parametrize(("messages", "found"), [(None, ["comment"]), (7, [])])
def test_comments_are_behind_discussions_where_no_message_is_told(
    work: Filled, messages: int | None, found: list[str]
) -> None:
    work.put("core.fct_conversation_day", [{"date_local": DAY, "messages": messages, "discussions": 1}], **PLACE)
    work.put(
        "core.fct_member_action",
        [{"activity_id": action, "action": action} for action in ("comment", "like")],
        source_system="s",
        activity_date_local=DAY,
        **PLACE,
    )
    work.put("kpi.kpi_daily_community_activity", [{"date_local": DAY}], **PLACE)
    table = "core.fct_member_action"
    assert work.behind("kpi_daily_community_activity.discussions", DAY, table, "action") == found


def test_counts_of_followers_are_the_newest_that_hold(work: Filled) -> None:
    """A competitor's for a week, a post's of the week before it; gains that are untold need the day before."""
    work.put(
        "core.fct_community_day",
        [{"metric_date": before(n), "members": 1000 - n} for n in (1, 5, 6, 29, 34)]
        + [{"metric_date": DAY, "members": None}, {"metric_date": before(28), "members": None}],
        **PLACE,
    )
    work.put("kpi.kpi_daily_competitors", [{"date_local": DAY}], **PLACE)
    work.put("kpi.kpi_daily_supporters", [{"date_local": DAY}], **PLACE)
    post = {"post_id": "1", "post_date_local": before(3), **PLACE}
    work.put("core.fct_post", [post], is_own=True)
    work.put("kpi.kpi_post_performance", [post])

    def of(figure: str, day: date = DAY) -> list[date]:
        return work.behind(figure, day, "core.fct_community_day", "metric_date")

    assert of("kpi_daily_competitors.members") == [before(1)]
    assert of("kpi_daily_competitors.members_28d_ago") == [before(29)]
    assert of("kpi_daily_competitors.members_gained_28d") == [before(29), before(1)]
    assert of("kpi_post_performance.er_followers", before(3)) == [before(5)]
    assert of("kpi_daily_supporters.members") == [DAY]
    assert of("kpi_daily_supporters.members_net") == [before(1), DAY]


@pytest.mark.parametrize(("told", "found"), [(5, ["1", "1b", "2", "3", "4", "5"]), (None, [])])
def test_buying_members_are_the_window_of_the_core_and_their_orders_of_a_year(
    work: Filled, told: int | None, found: list[str]
) -> None:
    """Of whom several customers are known none is taken, and of fewer than five buyers nothing is said."""
    window = work.settings.rules.core_window_days
    work.put(
        "core.fct_member_action",
        [
            {"activity_id": f"{n}", "member_key": f"m{n}", "customer_key": f"c{n}", "activity_date_local": DAY}
            for n in (1, 2, 3, 4)
        ]
        + [
            {"activity_id": "5", "member_key": "m5", "customer_key": "c5", "activity_date_local": before(window - 1)},
            {"activity_id": "6", "member_key": "m6", "customer_key": "c6", "activity_date_local": before(window)},
            {"activity_id": "7", "member_key": "m7", "customer_key": "c7", "activity_date_local": DAY},
            {"activity_id": "8", "member_key": "m7", "customer_key": "c8", "activity_date_local": DAY},
            {
                "activity_id": "9",
                "member_key": "m9",
                "customer_key": "c9",
                "activity_date_local": DAY,
                "action": "join",
            },
        ],
        source_system="s",
        **({"action": "like"} | PLACE),
    )
    work.put("core.dim_community", [{"is_own": True}], **PLACE)
    work.put("core.fct_community_day", [{"metric_date": DAY}], **PLACE)
    work.put(
        "core.fct_order",
        [{"order_key": f"{n}", "customer_key": f"c{n}"} for n in range(1, 10)]
        + [
            {"order_key": "1b", "customer_key": "c1", "order_date_local": before(364)},
            {"order_key": "1c", "customer_key": "c1", "order_date_local": before(365)},
            {"order_key": "2b", "customer_key": "c2", "is_countable": False},
        ],
        order_date_local=DAY,
        is_countable=True,
    )
    work.put("kpi.kpi_daily_supporters", [{"date_local": DAY, "buying_members": told}], **PLACE)
    actions = work.behind("kpi_daily_supporters.active_members", DAY, "core.fct_member_action", "activity_id")
    assert actions == ["1", "2", "3", "4", "5", "7", "8"]
    assert work.behind("kpi_daily_supporters.buying_members", DAY, "core.fct_order", "order_key") == found


def test_a_post_has_its_visits_and_the_orders_of_tagged_touches(work: Filled) -> None:
    """Not the order that it got as the newest post of its community."""
    post = {"post_id": "1", **PLACE}
    work.put("core.fct_post", [post], is_own=True, post_date_local=DAY)
    work.put("kpi.kpi_post_performance", [post], post_date_local=DAY)
    ways = {"tagged": "tagged", "guessed": "newest_post"}
    for key, way in ways.items():
        work.put("core.fct_order", [{"order_key": key}], order_date_local=DAY, is_countable=True)
        work.put("core.fct_order_benefit", [{"order_key": key, "touch_id": key}], order_date_local=DAY, **post)
        work.put(
            "core.brg_order_touch", [{"order_key": key, "touch_id": key, "post_method": way}], order_date_local=DAY
        )
    visits: list[dict[str, Any]] = [
        {"session_key": "1"},
        {"session_key": "spam", "is_referrer_spam": True},
        {"session_key": "2", "post_id": "2"},
    ]
    work.put("core.fct_session", visits, **({"visit_kind": "session", "session_date_local": DAY} | post))
    for table in ("core.fct_order", "core.fct_order_benefit", "core.brg_order_touch"):
        assert work.behind("kpi_post_performance", DAY, table, "order_key") == ["tagged"]
    assert work.behind("kpi_post_performance", DAY, "core.fct_session", "session_key") == ["1"]


def test_shares_are_of_the_mentions_of_all_brands_and_outlets_are_new_once(work: Filled) -> None:
    """Spam and repeats are no mentions; an outlet's first mention may be one of days before."""
    work.put(
        "core.fct_mention",
        [
            {"mention_id": "new", "outlet_key": "o1"},
            {"mention_id": "again", "outlet_key": "o2"},
            {"mention_id": "then", "outlet_key": "o2", "mention_date_local": before(9)},
            {"mention_id": "between", "outlet_key": "o2", "mention_date_local": before(5)},
            {"mention_id": "never since", "outlet_key": "o3", "mention_date_local": before(9)},
            {"mention_id": "blog", "outlet_key": "o4", "author_class": "blogger"},
            {"mention_id": "other", "outlet_key": "o1", "brand": "Kozak"},
            {"mention_id": "spam", "outlet_key": "o5", "is_spam": True},
        ],
        source_system="m",
        monitor_id="1",
        brand="Dim",
        mention_date_local=DAY,
        author_class="media",
        is_spam=False,
        is_repeat=False,
    )
    work.put("kpi.kpi_daily_share_of_voice", [{"date_local": DAY, "brand": "Dim"}])
    work.put("kpi.kpi_daily_media_interest", [{"date_local": DAY, "brand": "Dim", "author_class": "media"}])

    def of(figure: str) -> list[str]:
        return work.behind(figure, DAY, "core.fct_mention", "mention_id")

    assert of("kpi_daily_share_of_voice.mentions") == ["again", "blog", "new"]
    assert of("kpi_daily_share_of_voice.mentions_share") == ["again", "blog", "new", "other"]
    assert of("kpi_daily_media_interest.mentions") == ["again", "new"]
    assert of("kpi_daily_media_interest.first_time_outlets") == ["again", "new", "then"]


def test_orders_by_a_link_are_those_of_the_visits_that_it_sent(work: Filled) -> None:
    sent = {"source_system": "m", "monitor_id": "1", "mention_id": "1", "brand": "Dim", "author_class": "media"}
    work.put("core.brg_session_mention", [{"session_key": "v1"}], session_date_local=DAY, **sent)
    for order, visit, chosen in (("1", "v1", True), ("2", "v2", True), ("3", "v1", False)):
        work.put("core.fct_order", [{"order_key": order}], order_date_local=DAY, is_countable=True)
        link = {"order_key": order, "session_key": visit, "is_chosen": chosen, "method": "order_ref"}
        work.put("core.brg_order_session", [link], order_date_local=DAY)
    work.put("kpi.kpi_daily_media_interest", [{"date_local": DAY, "brand": "Dim", "author_class": "media"}])
    for table in ("core.fct_order", "core.brg_order_session"):
        assert work.behind("kpi_daily_media_interest.linked_orders", DAY, table, "order_key") == ["1"]
