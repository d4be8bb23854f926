"""Writes docs/vendors.md from the shipped mappings and their test cases, so that the page cannot fall behind either.

Belongs here: turning them into tables. Does not belong here: any wording about a vendor; that is the comment at the
head of its mapping and of its pull, and the `about` of its cases. The counts are those that tests assert.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from smm_pipeline.feeds import VENDORS, vendor_names
from smm_pipeline.feeds.mapping import parse_mapping
from smm_pipeline.pulls import pull_vendors
from smm_pipeline.pulls.sources import VENDORS as PULLS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "vendors.md"
CASES = ROOT / "tests" / "integration" / "vendors"
FATES = ("rows_in", "loaded", "duplicate", "superseded", "rejected")
HEAD = """# Vendors

Made by `make docs` from `smm_pipeline/feeds/vendors/*.yml`, `smm_pipeline/pulls/vendors/*.yml` and
`tests/integration/vendors/*/cases.yml`; change the text there.

`vendor = "NAME"` in a feed of `smm.toml` names one of these mappings; what the source is, and which constants the feed
may set, stands at its head. Any other source: [mappings](mapping.md). Counts are rows of all contracts that the tests
of a vendor account for, as in = loaded + duplicate + superseded + rejected.
"""


def page() -> str:
    """The whole page as Markdown."""
    cases = {name: yaml.safe_load((CASES / name / "cases.yml").read_text(encoding="utf-8")) for name in vendor_names()}
    head = ["| vendor | fills | files in its shape | real sample |", "|---|---|---|---|"]
    rows = [
        f"| [{name}](#{name}) | {_filled(name)} | {_counts(told, 'file')} | {_counts(told, 'sample')} |"
        for name, told in cases.items()
    ]
    sections = [line for name, c in cases.items() for line in _section(name, c)]
    # Descriptions of an API whose answers a mapping of another name reads.
    sections += [line for name in pull_vendors() if name not in cases for line in ("", f"## {name}", *_pull(name))]
    return "\n".join([HEAD, *head, *rows, *sections, ""])


def _filled(name: str) -> str:
    mapping = parse_mapping((VENDORS / f"{name}.yml").read_text(encoding="utf-8"), where=name)
    return ", ".join(f"`{table}`" for table in mapping.tables)


def _counts(cases: Iterable[Mapping[str, Any]], kind: str) -> str:
    """Fates of the rows of all deliveries of one kind; a dash where there is none."""
    deliveries = [delivery for case in cases for delivery in case["deliveries"] if kind in delivery]
    told = [fates for d in deliveries for table, fates in d.get("counts", {}).items() if table != "(records)"]
    if not deliveries:
        return "-"
    sums = [sum(fates.get(fate, 0) for fates in told) for fate in FATES]
    return f"{sums[0]:,} = {' + '.join(f'{n:,}' for n in sums[1:])}"


def _section(name: str, cases: Iterable[Mapping[str, Any]]) -> list[str]:
    pull = _pull(name) if name in pull_vendors() else []
    about = [f"- {case['about']}" for case in cases]
    return ["", f"## {name}", "", "```text", *_comment(VENDORS / f"{name}.yml"), "```", "", *about, *pull]


def _pull(name: str) -> list[str]:
    return ["", "[Pulled](pulls.md) from the API:", "", "```text", *_comment(PULLS / f"{name}.yml"), "```"]


def _comment(path: Path) -> list[str]:
    """The comment at the head of a file."""
    lines = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    return [line.removeprefix("#").removeprefix(" ") for line in lines]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
