"""Channels on the command line: a shop's own rules tried on a list."""

from __future__ import annotations

from pathlib import Path

from tests.commands import smm

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
