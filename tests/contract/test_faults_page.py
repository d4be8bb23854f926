"""Every test that docs/faults.md names is there."""

from __future__ import annotations

import re

import pytest

from smm_pipeline.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
TESTS = PROJECT_ROOT / "tests"
ROWS = [line.split("|") for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| fault |")]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`([^`]+)`", row[3])})


def test_every_fault_names_a_test() -> None:
    """In its third cell; a stroke within a cell would move that one out of sight."""
    assert ROWS
    assert not [row[1] for row in ROWS if len(row) != 5 or "`" not in row[3]]


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    if function:
        assert f"def {function}(" in (TESTS / path).read_text(encoding="utf-8")
    else:
        assert (TESTS / path).is_file() or (TESTS / "corpus" / "bad" / f"{name}.expect.yaml").is_file()
