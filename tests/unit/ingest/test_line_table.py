"""Lines of text as a table: each line is a row with the number of its record, whatever the parts look like."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pytest

from smm_pipeline.ingest import line_breaks, line_table
from smm_pipeline.ingest.line_breaks import line_ends
from smm_pipeline.ingest.line_table import LineTable
from smm_pipeline.ingest.parts import Lines

Row = tuple[int, int, int, str]
PARTS = [
    Lines(3, 1, b'{"a": 1}\n\n{"a": 2}'),
    Lines(3, 4, b""),
    Lines(7, 10, bytearray("Лампа\n".encode())),
    Lines(8, 1, b"\n\r\n"),
    Lines(8, 3, b" \t\r\n  {}\n\x01\n \xc2\xa0\n"),
    Lines(9, 5, b"last"),
]
ROWS = [
    (0, 3, 1, '{"a": 1}\n\n'),
    (0, 3, 3, '{"a": 2}'),
    (2, 7, 10, "Лампа\n"),
    (4, 8, 4, "  {}\n"),
    (4, 8, 5, "\x01\n"),
    (4, 8, 6, " \xa0\n"),
    (5, 9, 5, "last"),
]


def _rows(parts: Sequence[Lines], times: int = 1) -> list[list[Row]]:
    with duckdb.connect() as con:
        con.register("lines", LineTable(parts))
        query = "select part, delivery, row_no, text from lines order by all"
        return [con.execute(query).fetchall() for _ in range(times)]


@pytest.mark.parametrize("joined", [0, 12, 1 << 20])
def test_each_line_that_holds_anything_is_a_row_with_its_number(joined: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows whether parts are joined or not, but for the breaks and empty lines at their ends."""
    monkeypatch.setattr(line_table, "_JOINED_BYTES", joined)
    [rows] = _rows(PARTS)
    assert [(*row[:3], row[3].rstrip(" \t\r\n")) for row in rows] == [
        (*row[:3], row[3].rstrip(" \t\r\n")) for row in ROWS
    ]


def test_a_text_alone_is_left_as_it_is() -> None:
    """Also when it is read again."""
    assert _rows(PARTS[:1], times=2) == [ROWS[:2], ROWS[:2]]


def test_a_part_of_nothing_has_no_row() -> None:
    """Nor has a batch of such parts."""
    assert _rows([Lines(1, 1, b""), Lines(2, 1, b"")]) == [[]]


def test_ends_that_are_known_are_used() -> None:
    """Of a text that is not copied the reader has found them before."""
    text = b"one\ntwo\n"
    assert _rows([Lines(1, 1, text, ends=np.array([4, 8]))]) == [[(0, 1, 1, "one\n"), (0, 1, 2, "two\n")]]
    assert _rows([Lines(1, 1, text, ends=np.array([8]))]) == [[(0, 1, 1, "one\ntwo\n")]]


def test_ends_are_found_across_what_is_compared_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a break that is the last of one step or the first of the next."""
    monkeypatch.setattr(line_breaks, "_COMPARED_BYTES", 4)
    assert line_ends(b"one\n\ntwo\nthree").tolist() == [4, 5, 9, 14]
    assert line_ends(b"").tolist() == []
