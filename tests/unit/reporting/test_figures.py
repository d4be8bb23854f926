"""Figures of the page against values worked out by hand, where a query does more than add up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.reporting import figures
from smm_pipeline.reporting.report import render
from smm_pipeline.reporting.serving import Serving, open_serving
from smm_pipeline.reporting.wording import METRIC_MEANINGS
from smm_pipeline.settings import PROJECT_ROOT, Settings
from tests.serving_fixture import publish_rows


def level(day: int, community: str, members: int | None, net: int | None) -> dict[str, Any]:
    return {
        "date_local": date(2026, 3, day), "network": "telegram", "community_id": community,
        "members": members, "members_net": net,
    }  # fmt: skip


# 1 March 2026 is a Sunday: the period begins in the week of 23 February and goes on in that of 2 March.
SUPPORTERS = [
    level(1, "net known", 1000, 5),
    level(2, "net known", 1030, 30),
    level(3, "net known", 1028, -2),
    level(1, "level alone", None, None),
    level(2, "level alone", 400, None),
    level(3, "level alone", 430, 30),
    level(1, "net alone", None, 4),
    level(3, "net alone", None, -1),
    level(2, "nothing", None, None),
]
CHECKS = """
insert into quality.check_results values
    ('core.fct_order', '2026-03-01', 'net_not_above_gross', 'x', 'warning', 'failed', null, 3, 10, 'r', now()),
    ('core.fct_order', '2026-03-02', 'net_not_above_gross', 'x', 'warning', 'failed', null, 4, 10, 'r', now()),
    ('core.fct_order', '2026-03-03', 'net_not_above_gross', 'x', 'warning', 'passed', null, 0, 10, 'r', now()),
    ('kpi.kpi_daily_benefit', '2026-03-02', 'key_is_unique', 'x', 'critical', 'broken', null, null, 10, 'r', now())
"""
DELIVERIES = """
insert into meta.delivery by name
select
    'shop_orders' as feed, i as delivery_id, i as file_path, 1 as byte_count,
    timestamptz '2026-03-03 01:00Z' as extracted_ts, '' as mapping_hash, if(i = 2, 'failed', 'loaded') as status,
    10 as record_count, [] as warnings, 'r' as run_id, now() as recorded_at
from range(3) as t (i)
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    rows = {"kpi_daily_supporters": SUPPORTERS}
    return publish_rows(tmp_path_factory.mktemp("shop"), rows, books=(CHECKS, DELIVERIES))


@pytest.fixture(scope="module")
def source(settings: Settings) -> Iterator[Serving]:
    with open_serving(settings.serving_file) as opened:
        opened.limit_to(date(2026, 3, 1), date(2026, 3, 3))
        yield opened


def test_members_gained_start_from_the_first_day_whatever_the_step(source: Serving) -> None:
    gained = {
        (row["community_name"], row["period_start"].day): row["gained"]
        for row in figures.supporters_over_time(source, "week")
    }
    assert gained == {
        ("net known", 23): 5,
        ("net known", 2): 5 + 30 - 2,
        ("level alone", 2): 430 - 400,
        ("net alone", 23): 4,
        ("net alone", 2): 4 - 1,
    }


def test_table_and_chart_of_supporters_agree(source: Serving) -> None:
    drawn = {row["community_name"]: row["gained"] for row in figures.supporters_over_time(source, "week")}
    listed = {row["community_name"]: row["gained"] for row in figures.supporters(source)}
    assert listed == drawn | {"nothing": None}


def test_checks_that_did_not_pass_are_named_the_gravest_first(source: Serving) -> None:
    assert [tuple(row.values()) for row in figures.checks_not_passed(source)] == [
        ("kpi.kpi_daily_benefit", "key_is_unique", "critical", "broken", 1, None),
        ("core.fct_order", "net_not_above_gross", "warning", "failed", 2, 7),
    ]


def test_feeds_tell_their_unreadable_deliveries(source: Serving) -> None:
    (feed,) = figures.feeds(source)
    assert (feed["feed"], feed["last_date"]) == ("shop_orders", date(2026, 3, 3))
    assert (feed["deliveries"], feed["failed_deliveries"]) == (3, 1)


def test_the_page_names_what_is_wrong(settings: Settings) -> None:
    page = render(settings)
    assert "Net not above gross" in page
    assert "shop_orders" in page


def test_every_metric_of_data_quality_has_a_meaning() -> None:
    sql = (PROJECT_ROOT / "sql" / "kpi" / "data_quality.sql").read_text(encoding="utf-8")
    named = set(re.findall(r"'(\w+_share)'", sql))
    methods = set(re.findall(r"select '(\w+)' as method", sql))
    named |= {f"matched_by_{method}_share" for method in methods}
    assert len(methods) == 5
    books = {("checks", "not_passed_share"), ("deliveries", "failed_share"), ("records", "rejected_share")}
    assert {metric for subject, metric in METRIC_MEANINGS.keys() - books} == named


def test_visits_of_unknown_communities_without_an_order_are_one_row(tmp_path: Path) -> None:
    """Of four unknown ones telegram has an order, and pinterest neither an order nor a visit."""
    cell = {"date_local": date(2026, 3, 1), "landing_type": "product"}
    visits = [("facebook", 60, 20), ("tiktok", 20, 10), ("telegram", 8, 4), ("pinterest", 0, 0)]
    traffic = [
        {**cell, "network": n, "community_id": "(unknown)", "sessions": s, "engaged_sessions": e} for n, s, e in visits
    ]
    order = {"network": "telegram", "community_id": "(unknown)", "benefit_class": "D2_impulse", "orders": 1}
    rows = {
        "kpi_daily_social_traffic": traffic,
        "kpi_daily_benefit": [{"date_local": date(2026, 3, 1), **order, "net_revenue_amount": 50}],
    }
    with open_serving(publish_rows(tmp_path, rows).serving_file) as opened:
        opened.limit_to(date(2026, 3, 1), date(2026, 3, 1))
        found = [tuple(row.values()) for row in figures.communities(opened)]
    assert found == [
        (["telegram"], "(unknown)", 8, 0.5, 1, 1, 50),
        (["facebook", "tiktok"], "(unknown)", 80, 0.375, 0, 0, 0),
    ]
