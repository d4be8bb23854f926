"""How numbers read: worked out by hand, unknown apart from zero."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from smm_pipeline.reporting import wording

NBSP = "\N{NO-BREAK SPACE}"
DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (wording.money(Decimal("1234567.50"), "UAH"), f"1,234,568{NBSP}UAH"),
        (wording.money(Decimal("-3.20"), "UAH"), f"-3{NBSP}UAH"),
        (wording.money(Decimal(0), "UAH"), f"0{NBSP}UAH"),
        (wording.money(None, "UAH"), DASH),
        (wording.money(Decimal(5), None), "5"),
        (wording.money_range(Decimal(1000), Decimal("1499.6"), "EUR"), f"1,000 to 1,500{NBSP}EUR"),
        (wording.money_range(None, Decimal(1), "EUR"), DASH),
        (wording.count(1234), "1,234"),
        (wording.count(7, signed=True), "+7"),
        (wording.count(-7, signed=True), "-7"),
        (wording.count(None), DASH),
        (wording.share(0.1234), "12.3%"),
        (wording.share(0.0), "0.0%"),
        (wording.share(None), DASH),
        (wording.day(date(2026, 3, 1)), f"1{NBSP}Mar{NBSP}2026"),
        (wording.day(None), DASH),
        (wording.phrase("order_to_visit"), "Order to visit"),
        (wording.metric_label("bot_share"), "Bot"),
        (wording.community("(unknown)"), "Community not known"),
        (wording.community("Kozak"), "Kozak"),
        (wording.network("tiktok"), "TikTok"),
        (wording.channel("(phone)"), "By phone or staff"),
        (wording.channel("Paid Search"), "Paid Search"),
        (wording.title("kpi_post_performance"), "Post performance"),
        (wording.title("data_quality"), "Data quality"),
        (wording.moment(date(2026, 3, 1), 9), f"1{NBSP}Mar{NBSP}2026, 09:00"),
        (wording.moment(None, None), DASH),
        (wording.network("telegram"), "Telegram"),
    ],
)
def test_shown(shown: str, expected: str) -> None:
    assert shown == expected


def test_ratio_of_nothing_is_unknown() -> None:
    assert wording.ratio(Decimal(1), Decimal(4)) == 0.25
    assert wording.ratio(1, 0) is None
    assert wording.ratio(None, 4) is None
    assert wording.ratio(1, None) is None


def test_every_benefit_class_has_a_name_and_a_meaning() -> None:
    assert wording.BENEFIT_CLASSES.keys() == wording.CLASS_MEANINGS.keys()
    assert wording.BENEFITS == ("D1_recommendation", "D2_impulse", "D3_considered", "D4_deferred")
