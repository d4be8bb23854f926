"""Rows of KPI tables that look like a shop's quarter.

Belongs here: making them, the same at every call. Does not belong here: publishing them (serving_fixture.py), and
expected values.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.serving_fixture import Rows

NETWORKS = {
    ("instagram", "17841400000000001"): "Kozak Home",
    ("instagram", "17841400000000002"): "Kozak Kids",
    ("facebook", "104550000000001"): "Kozak Home: дім та сад",
    ("telegram", "-1001500000001"): "Kozak знижки",
    ("telegram", "-1001500000002"): "Kozak Lviv",
    ("facebook", "104550000000002"): "Kozak & friends <Odesa>",
}
MODELS = ("first", "last", "last_non_direct", "linear")
CHANNELS = ("Organic Social", "Organic Search", "Direct", "Paid Search", "Referral", "Email")
BRANDS = {"Kozak": True, "Dim": False, "Hata": False, "Oselia": False}
FIRST = date(2026, 3, 1)
DAYS = 90
CLASSES = ("D1_recommendation", "D2_impulse", "D3_considered", "D4_deferred", "anyway")
NONE = "(none)"


def quarter() -> Rows:
    """Ninety days of a shop with six communities, the same on every call."""
    dice = random.Random(7)  # noqa: S311 - test data, not a secret
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    return {
        "dim_community": [
            {"network": n, "community_id": c, "community_name": name, "is_own": True}
            for (n, c), name in NETWORKS.items()
        ],
        "kpi_daily_benefit": [row for d in days for row in _benefit(dice, d)],
        "kpi_daily_attribution": [row for d in days for row in _attribution(dice, d)],
        "kpi_daily_social_traffic": [row for d in days for row in _traffic(dice, d)],
        "kpi_post_performance": _posts(dice),
        "kpi_daily_supporters": _supporters(dice, days),
        "kpi_daily_media_interest": [row for d in days for row in _media(dice, d)],
        "kpi_daily_share_of_voice": [row for d in days for row in _voice(dice, d)],
        "data_quality": [row for d in days for row in _quality(dice, d)],
    }


def _money(value: float) -> Decimal:
    return Decimal(round(value * 100)) / 100


def _benefit(dice: random.Random, day: date) -> list[dict[str, Any]]:
    rows = []
    for (network, community), name in [*NETWORKS.items(), ((NONE, NONE), NONE)]:
        for kind in CLASSES if network != NONE else ("no_social_touch",):
            orders = dice.randint(18, 40) if network == NONE else max(0, dice.randint(-3, 3))
            if not orders:
                continue
            net = orders * dice.uniform(400, 1900)
            rows.append(
                {
                    "date_local": day,
                    "network": network,
                    "community_id": community,
                    "community_name": name,
                    "benefit_class": kind,
                    "orders": orders,
                    "customers": orders,
                    "new_customers": dice.randint(0, orders),
                    "gross_revenue_amount": _money(net * 1.06),
                    "refund_on_order_day_amount": _money(net * 0.06),
                    "refund_on_refund_day_amount": _money(net * 0.05),
                    "net_revenue_amount": _money(net),
                    "margin_amount": _money(net * 0.31),
                    "net_revenue_lower_amount": _money(net * 0.8 if network != NONE else 0),
                    "net_revenue_upper_amount": _money(net if network != NONE else net * 0.03),
                    "currency": "UAH",
                }
            )
    return rows


def _attribution(dice: random.Random, day: date) -> list[dict[str, Any]]:
    rows = []
    for model in MODELS:
        for channel, weight in zip(CHANNELS, (5, 8, 7, 4, 2, 1), strict=True):
            social = channel == "Organic Social"
            network, community = dice.choice(list(NETWORKS)) if social else (NONE, NONE)
            orders = weight * dice.uniform(0.5, 1.5) * (1.3 if social and model == "first" else 1)
            rows.append(
                {
                    "date_local": day,
                    "model": model,
                    "channel": channel,
                    "network": network,
                    "community_id": community,
                    "credited_orders": round(orders, 4),
                    "credited_revenue_amount": _money(orders * 1100),
                    "assisted_orders": dice.randint(0, 3),
                    "currency": "UAH",
                }
            )
    return rows


def _traffic(dice: random.Random, day: date) -> list[dict[str, Any]]:
    rows = []
    for network, community in NETWORKS:
        for section, scale in (("product", 30), ("content", 14), ("home", 6)):
            sessions = dice.randint(scale // 2, scale * 2)
            engaged = int(sessions * dice.uniform(0.4, 0.7))
            rows.append(
                {
                    "date_local": day,
                    "network": network,
                    "community_id": community,
                    "landing_section": section,
                    "sessions": sessions,
                    "visitors": sessions,
                    "engaged_sessions": engaged,
                    "bounced_ga4_sessions": sessions - engaged,
                    "bounced_single_page_sessions": sessions // 2,
                    "bounced_metrica_sessions": sessions // 5,
                    "sessions_with_pageviews": sessions,
                    "pageviews": sessions * 3,
                    "duration_seconds": sessions * 95.0,
                    "cart_sessions": sessions // 8,
                    "orders": sessions // 30,
                    "net_revenue_amount": _money(sessions * 30),
                    "engaged_share": engaged / sessions,
                    "bounce_ga4_share": 1 - engaged / sessions,
                    "bounce_single_page_share": 0.5,
                    "bounce_metrica_share": 0.2,
                    "pageviews_per_session": 3.0,
                }
            )
    return rows


def _posts(dice: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(140):
        network, community = dice.choice(list(NETWORKS))
        when = datetime(2026, 3, 1, dice.randint(6, 19), tzinfo=UTC) + timedelta(days=dice.randint(0, DAYS - 1))
        orders = [max(0, dice.randint(-2, 3)) for _ in range(4)]
        reach = dice.randint(400, 9000) if network != "telegram" else None
        rows.append(
            {
                "network": network,
                "community_id": community,
                "post_id": f"{1000 + number}",
                "post_date_local": when.date(),
                "published_ts": when,
                "post_hour_local": when.hour + 2,
                "post_type": dice.choice(["photo", "video", "text", "album"]),
                "hashtags": "#kozak",
                "has_link": dice.random() < 0.6,
                "is_reshare": False,
                "product_group": dice.choice(["lamps", "toys", None]),
                "views": dice.randint(500, 12000),
                "reach": reach,
                "likes": 40,
                "comments": 4,
                "shares": 3,
                "saves": 2,
                "link_clicks": 30,
                "engagements": 49,
                "er_reach": None if reach is None else 49 / reach,
                "er_followers": 0.012,
                "sessions": dice.randint(0, 160),
                "reshare_sessions": 0,
                "orders": sum(orders),
                "net_revenue_amount": _money(sum(orders) * 1100),
                **{f"orders_d{n}": count for n, count in enumerate(orders, start=1)},
                "days_to_half_effect": dice.choice([0, 1, 2, 5]),
            }
        )
    return rows


def _supporters(dice: random.Random, days: Sequence[date]) -> list[dict[str, Any]]:
    rows = []
    for rank, (network, community) in enumerate(NETWORKS, start=1):
        members = 20000 // rank
        for day in days:
            joined, left = dice.randint(2, 60 // rank + 8), dice.randint(0, 8)
            members += joined - left
            known = network != "telegram"
            rows.append(
                {
                    "date_local": day,
                    "network": network,
                    "community_id": community,
                    "members": members,
                    "members_joined": joined if known else None,
                    "members_left": left if known else None,
                    "members_net": joined - left,
                    "active_core_members": members // 90,
                    "active_members": members // 12,
                    "gini_actions": 0.81,
                }
            )
    return rows


def _media(dice: random.Random, day: date) -> list[dict[str, Any]]:
    rows = []
    for brand in BRANDS:
        for author, top in (("media", 2), ("blogger", 4), ("user", 15)):
            if not (mentions := dice.randint(0, top)):
                continue
            positive = dice.randint(0, mentions)
            rows.append(
                {
                    "date_local": day,
                    "brand": brand,
                    "author_class": author,
                    "mentions": mentions,
                    "unique_outlets": mentions,
                    "first_time_outlets": int(dice.random() < 0.2),
                    "reach": mentions * 900,
                    "engagements": mentions * 11,
                    "positive": positive,
                    "neutral": mentions - positive,
                    "negative": 0,
                    "net_sentiment_pct": 100 * positive / mentions,
                    "linked_sessions": 1,
                    "linked_orders": 0,
                }
            )
    return rows


def _voice(dice: random.Random, day: date) -> list[dict[str, Any]]:
    mentions = {brand: dice.randint(2, 20) for brand in BRANDS}
    whole = sum(mentions.values())
    return [
        {
            "date_local": day,
            "brand": brand,
            "is_own": BRANDS[brand],
            "mentions": number,
            "reach": number * 900,
            "engagements": number * 11,
            "mentions_share": number / whole,
            "reach_share": number / whole,
            "engagements_share": number / whole,
            "net_sentiment_pct": dice.uniform(-10, 60),
        }
        for brand, number in mentions.items()
    ]


def _quality(dice: random.Random, day: date) -> list[dict[str, Any]]:
    pairs = (("orders", "matched_share", 0.91), ("web", "rejected_share", 0.004), ("orders", "rejected_share", 0.0))
    return [
        {
            "date_local": day,
            "subject": subject,
            "metric": metric,
            "numerator": round(1000 * part),
            "denominator": 1000,
            "value": part + dice.uniform(0, 0.001),
        }
        for subject, metric, part in pairs
    ]
