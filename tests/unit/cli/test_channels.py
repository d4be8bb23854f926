"""Channels on the command line: a shop's own rules tried on a list, and what decided published visits."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.commands import smm
from tests.serving_fixture import publish_rows

OF_SHOP = """
[[channels.hosts]]
source = "talk.town.example"
category = "social"
network = "town"

[[channels.rules]]
id = "own_partners"
channel = "Affiliates"
source = ["partner*"]
"""


def test_a_list_is_classified_by_the_rules_of_an_instance(tmp_path: Path) -> None:
    """Its own hosts too; without it by the shipped rules, whatever SMM_HOME says."""
    home = tmp_path / "instance"
    smm(home, "init")
    with (home / "smm.toml").open("a", encoding="utf-8") as file:
        file.write(OF_SHOP)
    visits = tmp_path / "visits.csv"
    visits.write_text(
        "page_referrer,utm_source\nhttps://talk.town.example/,\n,partner7\nhttps://shop.example/,\n", encoding="utf-8"
    )

    def rules(*options: str) -> list[str]:
        done = smm(home, "classify", str(visits), *options)
        assert done.returncode == 0, done.stderr
        return [line.rpartition(",")[2] for line in done.stdout.splitlines()[1:]]

    assert rules("--home", str(home)) == ["own_host:organic_social_source", "own_partners", "direct"]
    assert rules() == ["referral", "unassigned", "referral"]


LAST = date(2026, 3, 31)


def _visits(
    rule: str, channel: str, sessions: int, *, host: str = "(none)", day: date = LAST, page: str | None = None
) -> dict[str, Any]:
    known = {"date_local": day, "rule_id": rule, "channel": channel, "network": "(none)", "is_referrer_spam": False}
    return {**known, "unknown_host": host, "sessions": sessions, "example_landing_path": page}


def test_rules_and_unknown_hosts_are_told_most_visited_first(tmp_path: Path) -> None:
    """Of the newest days; programs get every host, people the first ones and how to see the others."""
    rows = [
        _visits("direct", "Direct", 6),
        _visits("referral", "Referral", 2, host="b.example", page="/z"),
        _visits("referral", "Referral", 1, host="b.example", page="/k", day=LAST - timedelta(days=1)),
        _visits("referral", "Referral", 1, host="a.example"),
        _visits("referral", "Referral", 90, host="old.example", day=LAST - timedelta(days=2)),
    ]
    home = tmp_path / "instance"
    smm(home, "init")
    assert "SMM-305" in smm(home, "channels").stderr
    publish_rows(home, {"data_visit_rule": rows})
    told = smm(home, "channels", "--days", "2", "--top", "1")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [
        "10 visits of 2 days up to 2026-03-31, by deciding rule:",
        "  direct            6   60.0%  Direct",
        "  referral          4   40.0%  Referral",
        "2 hosts that no rule knows, most visited first:",
        "  b.example          3  to /k",
        "  and 1 more host: --top 2 shows them",
        "what to do: name them in smm.toml, [[channels.hosts]] or spam_hosts (docs/channels.md)",
    ]
    data = json.loads(smm(home, "--json", "channels").stdout)
    assert data["sessions"] == 100
    assert [(h["host"], h["sessions"]) for h in data["unknown_hosts"]] == [
        ("old.example", 90),
        ("b.example", 3),
        ("a.example", 1),
    ]
    assert data["rules"] == [
        {"rule_id": "referral", "channel": "Referral", "sessions": 94},
        {"rule_id": "direct", "channel": "Direct", "sessions": 6},
    ]
    for command in ("channels", "restated"):
        too_many = smm(home, command, "--days", "800000")
        assert (too_many.returncode, "36500" in too_many.stderr) == (2, True), too_many.stderr
    empty = tmp_path / "empty"
    smm(empty, "init")
    publish_rows(empty, {})
    told = smm(empty, "channels")
    assert told.stdout == "no visits yet\n", told.stderr
