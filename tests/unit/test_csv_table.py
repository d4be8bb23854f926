"""Cells of the CSV that commands write: none is a formula to a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

import pytest

from smm_pipeline.csv_table import harmless, read_csv
from smm_pipeline.errors import SmmError


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


def test_a_byte_of_another_encoding_is_told_by_its_line(tmp_path: Path) -> None:
    """Far enough in that no reader of blocks has the whole of it at once."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 5000 + b"\xff,1\n")
    with pytest.raises(SmmError) as caught:
        read_csv(path)
    assert (caught.value.code, caught.value.what) == ("SMM-203", "byte 0xff in line 5002 is not UTF-8")


def test_a_byte_order_mark_and_line_breaks_in_cells_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeffa,b\r\n1,"x\r\ny"\r\n2,z'.encode())
    table = read_csv(path)
    assert (table.header, table.rows, table.lines) == (["a", "b"], [["1", "x\r\ny"], ["2", "z"]], [3, 4])
