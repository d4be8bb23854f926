"""Pages made from the code are those in the tree."""

from __future__ import annotations

from tools.settings_page import PAGE, page


def test_settings_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make docs"


def test_every_setting_says_what_it_does() -> None:
    assert not [line for line in page().splitlines() if line.startswith("| `") and line.endswith("| - |")]
