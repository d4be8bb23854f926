"""Pages read by an offset that give less than the source counts: what is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api_server import Api, Reply
from tests.pulled_shop import VARIABLES, PulledShop

COUNTED = """
auth: {kind: header}
request: {path: /days}
records_at: $.days
pages: {kind: offset, parameter: from, size: 2, total_at: $.count}
"""
MISSING = ["records that came: 3 of 5 that the source counts"]


@pytest.mark.parametrize(
    ("sizes", "warnings"),
    [((2, 1, 1), []), ((2, 0, 1), MISSING), ((0, 2, 1), MISSING), ((2, 1, 0), MISSING)],
    ids=["a short page is a gap left by what was deleted", "no record amid", "none at first", "none at last"],
)
def test_an_empty_page_among_records_that_are_counted_is_told(
    tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...], warnings: list[str]
) -> None:
    """Three pages of two for five records; the span is read to its end all the same."""
    monkeypatch.setenv("API_TOKEN", VARIABLES["API_TOKEN"])
    monkeypatch.setenv("API_SECRET", VARIABLES["API_SECRET"])
    shop = PulledShop(tmp_path, api, described=COUNTED)
    days = iter(range(1, 6))
    answers = [[{"id": next(days), "country": "UA"} for _ in range(size)] for size in sizes]
    api.script(*(Reply({"count": 5, "days": answer}) for answer in answers))
    result, _ = shop.pull()
    assert (result.error, result.pages, result.warnings) == (None, 3, warnings)
