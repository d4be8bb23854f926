"""The reference data holds together: the SQL relies on what is checked here."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from typing import get_args

import pytest

from smm_pipeline.channel_settings import USUAL_KIND, Category, Channel, Kind
from smm_pipeline.goal_settings import GOAL_METRICS
from smm_pipeline.settings import PROJECT_ROOT
from tests.unit.classify.helpers import catalog

NAMES = (
    "source_host", "spam_host", "click_id", "payment_host", "channel_rule", "channel", "vendor_channel",
    "domain_suffix",
)  # fmt: skip

KINDS = {
    "social": {"network", "messenger", "forum", "reviews", "blog", "short_link"},
    "video": {"video", "short_link"},
    "search": {"search"},
    "shopping": {"marketplace", "price_comparison"},
    "ai": {"assistant"},
    "email": {"mail"},
    "link_page": {"link_page"},
    "short_link": {"short_link"},
}


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT_ROOT / "sql" / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_header_is_the_tables_and_the_key_is_unique(name: str) -> None:
    rows, spec = _seed(name), catalog()[f"seeds.{name}"]
    assert list(rows[0]) == [c.name for c in spec.columns]
    keys = [tuple(row[k] for k in spec.key) for row in rows]
    assert len(set(keys)) == len(keys)
    assert all(all(key) for key in keys)


def test_known_sources_are_in_the_form_in_which_they_are_looked_up() -> None:
    for row in _seed("source_host"):
        source = row["source"]
        assert source == source.lower().strip()
        assert not source.startswith(("www.", "http"))
        assert row["kind"] in KINDS[row["category"]], source
        # A tag is looked up as a whole, a host by its suffixes.
        assert ("." in source) == (row["scope"] in {"subdomains", "exact"}), source
        # A search engine's network becomes the source of the visit; what only passes on has none, unless one network
        # alone hands it out.
        passes_on = row["kind"] in {"short_link", "link_page"}
        assert row["network"] or row["scope"] == "token" or passes_on, source
        assert not row["network"] or row["kind"] not in {"link_page"}, source


def test_click_ids_name_networks_that_the_source_list_knows() -> None:
    networks = {row["network"] for row in _seed("source_host")}
    outside = {row["network"] for row in _seed("click_id")} - networks
    assert outside == {"admitad", "impact"}


def test_no_payment_page_is_a_social_network_or_a_search_engine() -> None:
    known = {row["source"]: row["category"] for row in _seed("source_host")}
    assert {known.get(row["host"]) for row in _seed("payment_host")} <= {None, "shopping"}


def test_rules_are_in_order_and_end_with_one_that_every_visit_meets() -> None:
    rules = _seed("channel_rule")
    assert all(int(a["position"]) < int(b["position"]) for a, b in pairwise(rules))
    conditions = ("source_category", "source_pattern", "medium_pattern", "campaign_pattern")
    assert [r["rule_id"] for r in rules if not any(r[c] for c in conditions)] == ["unassigned"]
    assert rules[-1]["channel"] == "Unassigned"


def test_channels_stand_in_ga4s_order_with_assistants_before_referral() -> None:
    order = list(dict.fromkeys(rule["channel"] for rule in _seed("channel_rule")))
    assert order == [
        "Referrer Spam",
        "Direct", "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video", "Display", "Paid Other",
        "AI Assistants", "Organic Shopping", "Organic Social", "Organic Video", "Organic Search", "Referral", "Email",
        "Affiliates", "Audio", "SMS", "Mobile Push Notifications", "Unassigned",
    ]  # fmt: skip


def test_spam_is_no_source_and_comes_before_all() -> None:
    rules = _seed("channel_rule")
    assert (rules[0]["rule_id"], rules[0]["source_category"]) == ("referrer_spam", "spam")
    known = {row["source"] for row in _seed("source_host")} | {row["host"] for row in _seed("payment_host")}
    assert not known & {row["host"] for row in _seed("spam_host")}
    assert [row["channel"] for row in _seed("channel") if row["is_spam"] == "true"] == ["Referrer Spam"]


def test_settings_know_the_channels_categories_and_kinds() -> None:
    assert set(get_args(Channel)) == {row["channel"] for row in _seed("channel")}
    assert set(get_args(Category)) == KINDS.keys()
    assert set(get_args(Kind)) == set().union(*KINDS.values())


def test_goals_are_about_what_is_followed_up() -> None:
    """What smm.toml may name is what the SQL adds up, and each of it is a published column of its table."""
    assert list(GOAL_METRICS) == [row["kpi"] for row in _seed("goal_metric")]
    for row in _seed("goal_metric"):
        table, column = row["kpi"].split(".")
        assert column in {c.name for c in catalog()[f"kpi.{table}"].columns}, row["kpi"]
        assert f"kpi.{table}" in catalog()["kpi.kpi_goal_progress"].deps
    assert all(kind in KINDS[category] for category, kind in USUAL_KIND.items())


def test_every_channel_says_whether_it_is_bought_or_carried_by_something_else() -> None:
    rows = _seed("channel")
    assert {row["channel"] for row in rows} == {rule["channel"] for rule in _seed("channel_rule")}
    assert {row["channel"] for row in rows if row["is_paid"] == "true"} == {
        "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video", "Display", "Paid Other",
    }  # fmt: skip
    assert {row["channel"] for row in rows if row["is_other_carrier"] == "true"} == {
        "Email", "Affiliates", "Audio", "SMS", "Mobile Push Notifications",
    }  # fmt: skip


def test_patterns_are_ga4s() -> None:
    rules = {rule["rule_id"]: rule for rule in _seed("channel_rule")}
    paid = "^(.*cp.*|ppc|retargeting|paid.*)$"
    shop = "^(.*(([^a-df-z]|^)shop|shopping).*)$"
    assert {r["medium_pattern"] for r in rules.values() if r["channel"].startswith("Paid")} == {paid}
    assert {rules[r]["campaign_pattern"] for r in ("paid_shopping_campaign", "organic_shopping_campaign")} == {shop}
    assert rules["organic_video_medium"]["medium_pattern"] == "^(.*video.*)$"
    for rule in rules.values():
        for column in ("source_pattern", "medium_pattern", "campaign_pattern"):
            re.compile(rule[column])


def test_every_vendor_channel_is_one_of_ours() -> None:
    channels = {rule["channel"] for rule in _seed("channel_rule")}
    for row in _seed("vendor_channel"):
        assert row["channel"] in channels
        assert row["rule_id"].startswith("vendor_")
        assert row["vendor_channel"] == row["vendor_channel"].lower()
