"""Cells of the CSV that commands write: none is a formula to a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Literal

import pytest

from smm_pipeline.csv_table import harmless


@pytest.mark.parametrize(
    "text",
    ["=cmd|' /C calc'!A0", "+A1", "-A1", "@SUM(1)", "\tx", "\rx", "\uff1d1", "--5", "+", "-1e", "-5e3+A1"],
)
def test_a_formula_is_made_harmless(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x;=1+1", "x;'=1+1"),
        ("x; @SUM(1)", "x; '@SUM(1)"),
        ("x;;=1;-A1", "x;;'=1;'-A1"),
        ('x;"=1+1"', 'x;"\'=1+1"'),
        ("x\t=1", "x\t'=1"),
        ("x\r\n+1", "x\r\n'+1"),
        ("x;\uff1d1", "x;'\uff1d1"),
        ("\n=1", "'\n'=1"),
        ("=1;=2", "'=1;'=2"),
    ],
)
def test_a_formula_behind_a_semicolon_is_made_harmless(text: str, expected: str) -> None:
    assert harmless(text) == expected


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_NONE, csv.QUOTE_MINIMAL])
def test_no_cell_begins_a_formula_however_the_table_is_parted(separator: str, quoting: Literal[0, 3]) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([harmless(text) for text in ("a", 'x;=1+1,"y', "x\n=1", "tea;\t=2", ";-A1")])
    rows = csv.reader(out.getvalue().splitlines(), delimiter=separator, quoting=quoting)
    assert not [cell for row in rows for cell in row if cell.strip(' \t"')[:1] in tuple("=+-@")]


@pytest.mark.parametrize(
    "text", ["-5", "+5", "-1 250,50", "-1.5", "-.5", "-1e-07", "5", "", "a=b", "a; b", "a;b=c", "a;1-2", "'x", "{}"]
)
def test_what_is_none_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text
