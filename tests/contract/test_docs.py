"""Pages made from the code are those in the tree."""

from __future__ import annotations

from typing import Any

import pytest

from tools import settings_page, vendors_page


@pytest.mark.parametrize("made", [settings_page, vendors_page], ids=["settings", "vendors"])
def test_page_is_up_to_date(made: Any) -> None:
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run: make docs"


def test_every_setting_says_what_it_does() -> None:
    assert not [line for line in settings_page.page().splitlines() if line.startswith("| `") and line.endswith("| - |")]
