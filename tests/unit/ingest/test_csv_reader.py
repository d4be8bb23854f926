"""Delimited text as services write it: lines above the header, UTF-16; rows keep the number of their line."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import parse_mapping
from smm_pipeline.ingest.csv_reader import read_csv
from smm_pipeline.ingest.line_breaks import Text
from smm_pipeline.ingest.results import Extract

MAPPING = """
format: {kind: csv, %s}
source_system: sheet
columns: {Дата: [], Сума: [Total], note: []}
tables: {smm_cost: {columns: {cost_date: Дата}}}
"""
ABOVE = 'Report:,"Bulk" of mentions\r\nLabel:,"open\r\n\r\n' + "Дата,2026\r\n"
TABLE = 'Дата,Сума,note\r\n2026-03-01,5,"two\r\nlines"\r\n2026-03-02,6,\r\n2026-03-03\r\n'


def _read(path: Path, content: bytes, declared: str) -> tuple[Extract, dict[int, dict[str, str]]]:
    rows: dict[int, dict[str, str]] = {}

    def sink(first: int, text: Text) -> None:
        rows.update((n, json.loads(line)) for n, line in enumerate(bytes(text).split(b"\n"), start=first) if line)

    path.write_bytes(content)
    return read_csv(path, "a.csv", parse_mapping(MAPPING % declared, where="m.yml"), sink), rows


def test_the_header_is_the_first_line_that_names_the_required_columns(tmp_path: Path) -> None:
    """Lines above it are no table: their quotes close nothing. Rows keep their line of the file."""
    extract, rows = _read(tmp_path / "a", (ABOVE + TABLE).encode("utf-8-sig"), "header_within: 9")
    assert rows == {
        6: {"Дата": "2026-03-01", "Сума": "5", "note": "two\r\nlines"},
        8: {"Дата": "2026-03-02", "Сума": "6", "note": ""},
    }
    assert [(r.row, r.reason) for r in extract.rejects] == [(9, "ragged_row:1_cells_for_3_columns")]
    # A column may have another of its names there.
    _, rows = _read(tmp_path / "a", (ABOVE + TABLE.replace("Сума", "Total")).encode(), "header_within: 9")
    assert rows[8]["Сума"] == "6"
    # Of two lines that name them all the first is the header.
    extract, rows = _read(tmp_path / "a", b"\n".join([TABLE[:14].encode()] * 3), "header_within: 9")
    assert sorted(rows) == [2, 3]


def test_a_header_that_is_not_found_is_told_by_the_likeliest_line(tmp_path: Path) -> None:
    with pytest.raises(SmmError) as caught:
        _read(tmp_path / "a", (ABOVE + TABLE.replace("Сума", "Разом")).encode(), "header_within: 9")
    assert caught.value.code == "SMM-202"
    # The fourth line names one column, the fifth two.
    assert caught.value.what == "missing columns: Сума (or Total); the header as read: Дата,Разом,note"
    with pytest.raises(SmmError, match="there is no header"):
        _read(tmp_path / "a", b"\n\n", "header_within: 4")
    with pytest.raises(SmmError) as caught:
        _read(tmp_path / "a", (ABOVE + TABLE.replace(",", ";")).encode(), "header_within: 9")
    assert 'set delimiter: ";" in' in caught.value.hint


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    """What a spreadsheet makes of columns that were cleared: signs at the end of each line."""
    table = (
        TABLE.replace("note", "note,,").replace('lines"', 'lines",,').replace("6,", "6,,,").replace("-03\r", "-03,\r")
    )
    extract, rows = _read(tmp_path / "a", table.encode(), "header_row: 1")
    assert [(row["\u0421\u0443\u043c\u0430"], row["note"]) for row in rows.values()] == [
        ("5", "two\r\nlines"),
        ("6", ""),
    ]
    assert (extract.warnings, [r.reason for r in extract.rejects]) == ([], ["ragged_row:2_cells_for_5_columns"])


def test_a_broken_quote_is_told_by_its_line_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SmmError, match="line 7: the quoting is broken"):
        _read(tmp_path / "a", (ABOVE + TABLE[:14] + '\r\n"1",2,3\r\n"4"5,6,7\r\n').encode(), "header_within: 9")


def test_a_cell_beyond_measure_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(SmmError, match="line 3: a cell has more than 1,048,576 characters, or its quote"):
        _read(tmp_path / "a", f"{TABLE.splitlines()[0]}\n1,2,3\n4,{'x' * 1_048_577},7\n".encode(), "header_row: 1")


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize(
    ("declared", "encoding"), [("utf-16", "utf-16-le"), ("UTF-16LE", "utf-16-le"), ("utf-16-be", "utf-16-be")]
)
def test_utf_16_with_and_without_its_mark(tmp_path: Path, declared: str, encoding: str, mark: bool) -> None:
    bom = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}[encoding] if mark else b""
    content = bom + TABLE.replace(",", "\t").encode(encoding)
    _, rows = _read(tmp_path / "a", content, f'encoding: {declared}, delimiter: "\\t"')
    assert rows[2] == {"Дата": "2026-03-01", "Сума": "5", "note": "two\r\nlines"}


def test_the_mark_says_which_utf_16_it_is(tmp_path: Path) -> None:
    _, rows = _read(tmp_path / "a", codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"), "encoding: utf-16")
    assert rows[4]["Сума"] == "6"


def test_utf_16_that_ends_within_a_letter_is_told_by_its_line(tmp_path: Path) -> None:
    # Њ holds the byte of a line's end; it ends none.
    content = "Дата,Сума,note\n1,2,Њ\n3,4,Њ".encode("utf-16-le")
    with pytest.raises(SmmError, match="in line 3 is not utf-16") as caught:
        _read(tmp_path / "a", content[:-1], "encoding: utf-16")
    assert caught.value.code == "SMM-203"


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_of_several_delimiters_the_one_that_fits_the_header_is_taken(tmp_path: Path, delimiter: str) -> None:
    """A comma within the cells of another line decides nothing; where none fits the first is named."""
    table = TABLE.replace(",", delimiter).replace("2026-03-02", "a,b")
    declared = 'header_within: 9, delimiter: [";", ",", "\\t"]'
    if delimiter == ",":
        table = table.replace("a,b", '"a,b"')
    _, rows = _read(tmp_path / "a", (ABOVE + table).encode(), declared)
    assert rows[8] == {"Дата": "a,b", "Сума": "6", "note": ""}
    with pytest.raises(SmmError) as caught:
        _read(tmp_path / "a", TABLE.replace(",", "|").encode(), declared)
    assert caught.value.hint.startswith('set delimiter: "|" in the mapping')
