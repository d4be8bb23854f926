"""Visits labelled by hand from the written rules: GA4's channel group and docs/channels.md, not the code."""

from __future__ import annotations

import csv
from pathlib import Path

from smm_pipeline.settings import PROJECT_ROOT
from tests.unit.classify.helpers import classify_file

LABELLED = Path(__file__).with_name("labelled_visits.csv")
JUDGED = ("source", "medium", "channel", "network")


def test_every_labelled_visit_is_classified_as_labelled() -> None:
    visits = classify_file(LABELLED, excluded_referrers=["acs.bank.example"])
    wrong = [
        f"line {line}: {v['why']}: expected {label}, got {verdict} by {v['rule_id']}"
        for line, v in enumerate(visits, start=2)
        if (label := tuple(v[f"expect_{name}"] for name in JUDGED)) != (verdict := tuple(v[name] for name in JUDGED))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_page_of_faults_counts_them() -> None:
    page = (PROJECT_ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    with LABELLED.open(encoding="utf-8", newline="") as file:
        assert f" {len(list(csv.DictReader(file)))} labelled visits;" in page


def test_labelled_visits_reach_every_channel() -> None:
    visits = classify_file(LABELLED, excluded_referrers=["acs.bank.example"])
    assert {v["channel"] for v in visits} == {
        "Direct", "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video", "Display", "Paid Other",
        "AI Assistants", "Organic Shopping", "Organic Social", "Organic Video", "Organic Search", "Referral", "Email",
        "Affiliates", "Audio", "SMS", "Mobile Push Notifications", "Unassigned",
    }  # fmt: skip
