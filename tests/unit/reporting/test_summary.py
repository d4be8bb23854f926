"""The summary against figures worked out by hand from a handful of rows."""

from __future__ import annotations

import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from smm_pipeline.errors import SmmError
from smm_pipeline.reporting.summary import Summary, summarize
from smm_pipeline.reporting.terminal import to_rich, to_text
from tests.serving_fixture import SILENT_CLUB, SILENT_SHOP, publish_rows

HOME, LVIV = ("facebook", "1", "Kozak Home"), ("telegram", "-100", "[bold]Lviv[/bold]")
ODESA = ("telegram", "-200", "Odesa")
NOBODY = ("(none)", "(none)", "(none)")


def benefit(
    day: int, community: tuple[str, str, str], kind: str, orders: int, net: str, lower: str, upper: str
) -> dict[str, Any]:
    network, community_id, name = community
    return {
        "date_local": date(2026, 3, day), "network": network, "community_id": community_id, "community_name": name,
        "benefit_class": kind, "orders": orders, "net_revenue_amount": Decimal(net),
        "net_revenue_lower_amount": Decimal(lower), "net_revenue_upper_amount": Decimal(upper), "currency": "UAH",
    }  # fmt: skip


def members(day: int, community: tuple[str, str, str], level: int | None, net: int | None) -> dict[str, Any]:
    return {
        "date_local": date(2026, 3, day), "network": community[0], "community_id": community[1],
        "members": level, "members_net": net,
    }  # fmt: skip


def mention(day: int, brand: str, author: str, number: int) -> dict[str, Any]:
    return {"date_local": date(2026, 3, day), "brand": brand, "author_class": author, "mentions": number}


ROWS: dict[str, list[dict[str, Any]]] = {
    "kpi_daily_benefit": [
        benefit(1, HOME, "D2_impulse", 2, "300.50", "200.00", "300.50"),
        benefit(2, HOME, "D3_considered", 1, "99.50", "99.50", "99.50"),
        benefit(2, LVIV, "D2_impulse", 1, "500.00", "0.00", "500.00"),
        benefit(2, LVIV, "anyway", 1, "100.00", "100.00", "100.00"),
        benefit(2, NOBODY, "no_social_touch", 5, "1000.00", "0.00", "50.00"),
    ],
    "kpi_daily_social_traffic": [{"date_local": date(2026, 3, 1), "network": "vk", "community_id": "1", "sessions": 4}],
    "kpi_daily_supporters": [
        members(1, HOME, 1000, 5),
        members(2, HOME, 1030, 30),
        members(1, LVIV, None, 4),
        members(2, LVIV, None, -1),
        members(1, ODESA, 100, None),
        members(2, ODESA, 90, None),
    ],
    "kpi_daily_media_interest": [
        mention(1, "Kozak", "media", 2),
        mention(2, "Kozak", "media", 1),
        mention(2, "Kozak", "user", 9),
        mention(2, "Dim", "blogger", 7),
        # A month before the first order: another period than that of the money.
        mention(1, "Kozak", "media", 100) | {"date_local": date(2026, 2, 1)},
    ],
    "kpi_daily_share_of_voice": [
        {"date_local": date(2026, 3, 2), "brand": "Kozak", "is_own": True, "mentions": 10},
        {"date_local": date(2026, 3, 2), "brand": "Dim", "is_own": False, "mentions": 7},
    ],
    "data_quality": [
        {
            "date_local": date(2026, 3, d),
            "subject": "orders",
            "metric": "countable_share",
            "numerator": n,
            "denominator": m,
        }
        for d, n, m in ((1, 2, 3), (2, 8, 9))
    ]
    + [
        {
            "date_local": date(2026, 3, d),
            "subject": f"feed:{feed}",
            "metric": "silent_share",
            "numerator": n,
            "denominator": 1,
        }
        for d, feed, n in ((1, "web", 0), (2, "web", 1), (1, "shop", 0), (2, "shop", 0))
    ]
    + [
        {
            "date_local": date(2026, 3, d),
            "subject": f"feed:{feed}",
            "metric": "late_share",
            "numerator": n,
            "denominator": m,
        }
        for d, feed, n, m in ((1, "web", 0, 40), (2, "web", 3, 50), (2, "shop", 2, 10))
    ],
}


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    home = tmp_path_factory.mktemp("shop")
    return summarize(publish_rows(home, ROWS, books=SILENT_CLUB, feeds=("shop", "club")).serving_file)


def test_period_is_that_of_the_order_book(summary: Summary) -> None:
    assert (summary.first_date, summary.last_date) == (date(2026, 3, 1), date(2026, 3, 2))


def test_money_adds_up_to_the_cent(summary: Summary) -> None:
    figures = summary.as_dict()
    assert figures["orders"] == 10
    assert figures["net_revenue_amount"] == "2000.0000"
    assert (figures["touched_orders"], figures["touched_net_revenue_amount"]) == (5, "1000.0000")
    assert figures["benefit_amount"] == "900.0000"
    assert figures["benefit_lower_amount"] == "299.5000"
    # The bounds of all that is social take in direct visits to posted pages: 399.50 seen, 900 + 100 + 50 at most.
    assert (figures["social_lower_amount"], figures["social_upper_amount"]) == ("399.5000", "1050.0000")


def test_every_class_is_listed_in_order_even_without_orders(summary: Summary) -> None:
    assert [(c.benefit_class, c.orders, c.net_revenue_amount) for c in summary.classes] == [
        ("D1_recommendation", 0, Decimal(0)),
        ("D2_impulse", 3, Decimal("800.50")),
        ("D3_considered", 1, Decimal("99.50")),
        ("D4_deferred", 0, Decimal(0)),
        ("anyway", 1, Decimal(100)),
        ("no_social_touch", 5, Decimal(1000)),
    ]


def test_communities_are_ranked_by_benefit_without_anyway(summary: Summary) -> None:
    assert [(c.community_id, c.orders, c.net_revenue_amount) for c in summary.communities] == [
        ("-100", 1, Decimal(500)),
        ("1", 3, Decimal(400)),
    ]


def test_supporters_are_the_net_flow_or_the_change_of_the_level(summary: Summary) -> None:
    assert summary.supporters_gained == (5 + 30) + (4 - 1) + (90 - 100)


def test_mentions_are_the_own_brands_within_the_period(summary: Summary) -> None:
    assert (summary.media_mentions, summary.blogger_mentions) == (3, 0)


def test_quality_shares_divide_the_sums(summary: Summary) -> None:
    (line,) = (q for q in summary.quality if q.subject == "orders")
    assert (line.numerator, line.denominator) == (10, 12)
    assert line.share == pytest.approx(10 / 12)


def test_a_feed_is_named_only_where_it_was_silent(summary: Summary) -> None:
    feeds = [(q.subject, q.numerator, q.denominator) for q in summary.quality if q.metric == "silent_share"]
    assert feeds == [("feed:web", 1, 2)]


def test_late_rows_are_told_of_all_feeds_together(summary: Summary) -> None:
    lines = [(q.subject, q.numerator, q.denominator) for q in summary.quality if q.metric == "late_share"]
    assert lines == [("feeds", 5, 100)]


def test_a_silent_feed_makes_days_incomplete_and_not_zero(summary: Summary) -> None:
    """Of the tables made from the silent feed, in the period of the order book: March 2 of two days."""
    found = {i.table_name: (i.days, i.days_in_all, i.feeds) for i in summary.incomplete}
    assert found["kpi_daily_supporters"] == (1, 2, ("club",))
    assert "kpi_daily_share_of_voice" not in found
    text = " ".join(to_text(summary).split())
    assert "Days that are incomplete, not zero" in text
    assert "Daily supporters 1 of 2 days without club" in text


def test_days_whose_orders_did_not_come_are_named_and_not_cut_off(tmp_path: Path) -> None:
    """Orders end on March 1 and should have gone on: a period that ended with them would look complete."""
    rows = ROWS | {"kpi_daily_benefit": ROWS["kpi_daily_benefit"][:1]}
    silent = summarize(publish_rows(tmp_path, rows, books=SILENT_SHOP, feeds=("shop", "club")).serving_file)
    assert (silent.first_date, silent.last_date) == (date(2026, 3, 1), date(2026, 3, 2))
    [benefits] = [i for i in silent.incomplete if i.table_name == "kpi_daily_benefit"]
    assert (benefits.days, benefits.days_in_all, benefits.feeds) == (1, 2, ("shop",))


def test_dictionary_goes_through_json(summary: Summary) -> None:
    again = json.loads(json.dumps(summary.as_dict()))
    assert again["first_date"] == "2026-03-01"
    assert again["classes"][1]["net_revenue_amount"] == "800.5000"


def test_text_shows_the_figures_in_plain_characters(summary: Summary) -> None:
    text = to_text(summary)
    assert "1 Mar 2026 to 2 Mar 2026" in text
    assert "Order book" in text
    assert "1,000 UAH (50.0%)" in text
    assert "400 to 1,050 UAH" in text
    assert "+28" in text
    assert "Orders: countable" in text
    assert "\N{NO-BREAK SPACE}" not in text
    assert "\x1b" not in text


def test_terminal_shows_names_as_they_are_not_as_markup(summary: Summary) -> None:
    console = Console(record=True, width=100, force_terminal=True, file=io.StringIO())
    console.print(to_rich(summary))
    assert "[bold]Lviv[/bold] (Telegram)" in console.export_text()


def test_unknown_is_a_dash_and_never_zero(tmp_path: Path) -> None:
    empty = summarize(publish_rows(tmp_path, {}).serving_file)
    assert (empty.supporters_gained, empty.media_mentions, empty.first_date) == (None, None, None)
    assert "\N{EN DASH}" in to_text(empty)


def test_no_serving_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SmmError) as caught:
        summarize(tmp_path / "smm.duckdb")
    assert caught.value.code == "SMM-305"
    assert "smm run" in caught.value.hint


def test_a_damaged_serving_file_is_an_error_with_a_code(tmp_path: Path) -> None:
    damaged = tmp_path / "smm.duckdb"
    damaged.write_bytes(b"not a database" * 1000)
    with pytest.raises(SmmError) as caught:
        summarize(damaged)
    assert caught.value.code == "SMM-305"
