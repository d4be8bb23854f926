"""Cells of the CSV that commands write: none is a formula to a spreadsheet."""

from __future__ import annotations

import pytest

from smm_pipeline.csv_table import harmless


@pytest.mark.parametrize(
    "text",
    ["=cmd|' /C calc'!A0", "+A1", "-A1", "@SUM(1)", "\tx", "\rx", "\n=1", "\uff1d1", "--5", "+", "-1e", "-5e3+A1"],
)
def test_a_formula_is_made_harmless(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("text", ["-5", "+5", "-1 250,50", "-1.5", "-.5", "-1e-07", "5", "", "a=b", "'x", "{}"])
def test_what_is_none_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text
