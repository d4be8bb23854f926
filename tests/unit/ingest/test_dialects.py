"""A CSV that is not as declared: the error shows its header and says what to set; nothing is guessed into tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import parse_mapping
from smm_pipeline.ingest.csv_reader import read_csv

MAPPING = """
format: {kind: csv, header_row: 2%s}
source_system: sheet
columns: [Дата, kind, Сума]
tables: {smm_cost: {columns: {cost_date: Дата}}}
"""
HEADER = "Дата,kind,Сума"
ROWS = f"report\n{HEADER}\n2026-03-01,ads,5\n"
LOST = "\ufffd" * 4


def _refused(path: Path, content: bytes, declared: str = "") -> SmmError:
    path.write_bytes(content)
    with pytest.raises(SmmError) as caught:
        read_csv(path, "a.csv", parse_mapping(MAPPING % declared, where="m.yml"), lambda _row, _text: None)
    assert caught.value.where == "a.csv"
    return caught.value


@pytest.mark.parametrize(
    ("content", "declared", "code", "shown", "to_set"),
    [
        (ROWS.replace(",", ";").encode(), "", "SMM-202", HEADER.replace(",", ";"), 'set delimiter: ";" in'),
        (ROWS.replace(",", "\t").encode(), "", "SMM-202", HEADER.replace(",", "\t"), r'set delimiter: "\t" in'),
        (ROWS.encode("cp1251"), "", "SMM-203", f"{LOST},kind,{LOST}", "set encoding: cp1251 in"),
        (ROWS.encode(), ", encoding: cp1251", "SMM-202", HEADER.encode().decode("cp1251"), "set encoding: utf-8 in"),
        (ROWS.encode("utf-16"), "", "SMM-203", "kind", "set encoding: utf-16 in"),
        (
            ROWS.replace(",", ";").encode("cp1251"), "", "SMM-203", ";kind;",
            'set encoding: cp1251 and delimiter: ";" in',
        ),
    ],
)  # fmt: skip
def test_what_fits_the_header_is_said(
    tmp_path: Path, content: bytes, declared: str, code: str, shown: str, to_set: str
) -> None:
    error = _refused(tmp_path / "a.csv", content, declared)
    assert error.code == code
    assert "the header as read: " in error.what
    assert shown in error.what
    assert to_set in error.hint
    assert error.hint.endswith("the header then names Дата, kind, Сума")


def test_an_encoding_may_be_told_by_the_feed(tmp_path: Path) -> None:
    """A shipped mapping cannot be changed; where the delimiter fits, nothing is said of the feed."""
    of_feed = ', or encoding = "cp1251" in the feed of smm.toml; the header'
    assert of_feed in _refused(tmp_path / "a.csv", ROWS.encode("cp1251")).hint
    assert "smm.toml" not in _refused(tmp_path / "a.csv", ROWS.replace(",", ";").encode()).hint


def test_a_column_that_is_missing_however_the_file_is_read(tmp_path: Path) -> None:
    """The delimiter is right: nothing about it is said."""
    error = _refused(tmp_path / "a.csv", ROWS.replace("Сума", "Разом").encode())
    assert "missing columns: Сума" in error.what
    assert error.what.endswith("the header as read: Дата,kind,Разом")
    assert "required_columns:" in error.hint


def test_letters_lost_before_the_file_came(tmp_path: Path) -> None:
    error = _refused(tmp_path / "a.csv", ROWS.replace("Сума", LOST).encode())
    assert "U+FFFD" in error.hint


def test_a_header_is_shown_without_persons(tmp_path: Path) -> None:
    """Services name columns after people."""
    error = _refused(tmp_path / "a.csv", "x\n\u0414\u0430\u0442\u0430,kind,olena@example.com\n".encode())
    assert error.what.endswith("the header as read: \u0414\u0430\u0442\u0430,kind,(...)")


def test_a_line_without_any_expected_name_is_not_shown(tmp_path: Path) -> None:
    """A file without a header begins with somebody's data."""
    error = _refused(tmp_path / "a.csv", b"x\nOlena Petrenko;olena@example.com\n")
    assert "Olena" not in str(error)
    assert "@" not in str(error)
