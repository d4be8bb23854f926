"""Delimited text: in which encoding, with which delimiter, and where its header is.

Belongs here: these guesses, from the beginning of a file. Does not belong here: reading a delivery, which is strict and
guesses nothing (ingest/csv_reader.py).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from smm_pipeline.drafting.sample import Sample
from smm_pipeline.ingest.files import unreadable
from smm_pipeline.masking import EMAIL

MAX_ROWS = 200
_DELIMITERS = (",", ";", "\t", "|")
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_CODE_PAGES = ("cp1251", "cp1252", "koi8-u", "cp866")
# Words of one script, as people write them; what a wrong code page makes of them mixes scripts and cases.
_WORD = re.compile(r"\b(?:[А-ЯҐЄІЇЁ]?[а-яґєіїё]{2,}|[А-ЯҐЄІЇЁ]{2,}|[A-ZÀ-ÖØ-Þ]?[a-zß-öø-ÿ]{2,})\b")  # noqa: RUF001 - Cyrillic is meant
_FREQUENT = "оаеиінтрсвлéèêäöüßçñáó"
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_VALUE = re.compile(rf"[+-]?[\d\s.,:/T+-]*\d[\d\s.,:/TZ+-]*|{EMAIL}|https?://.*")


def read_delimited(head: bytes, name: str) -> Sample:
    """Look into delimited text.

    Args:
        head: the beginning of the file, unpacked.
        name: of the file, for messages.

    Raises:
        SmmError: SMM-201 when it is no table.
    """
    encoding = _encoding(head)
    # A cell may be as long as all that is looked at; by itself the module takes half of that for an error.
    csv.field_size_limit(max(csv.field_size_limit(), len(head)))
    # The last line of the beginning may be half a line.
    lines = head.decode(encoding, errors="replace").removeprefix("\ufeff").splitlines()
    rows, delimiter = _rows(lines[:MAX_ROWS])
    widths = [len(row) for row in rows]
    wide = [width for width in widths if width > 1]
    if not wide:
        unreadable("it is no JSON, Parquet or workbook, and no delimiter parts its lines into columns", name)
    common = max(set(wide), key=wide.count)
    place = widths.index(common)
    notes: tuple[str, ...] = ()
    fmt: dict[str, Any] = {"kind": "csv"}
    if encoding != "utf-8":
        fmt["encoding"] = encoding
        notes += ("the encoding was told by what its letters spell",)
    if delimiter != ",":
        fmt["delimiter"] = delimiter
    header, body = [cell.strip() for cell in rows[place]], rows[place + 1 :]
    if any(_CONTROL.search(cell) for cell in header):
        unreadable(
            "it is neither JSON, Parquet, workbook nor text: what would be its header holds control characters", name
        )
    if any(_VALUE.fullmatch(cell) for cell in header):
        fmt["header_row"] = 0
        header, body = [f"column_{n}" for n in range(1, common + 1)], rows[place:]
        notes += ("there seems to be no header: columns are named by their place",)
        if place:
            notes += (f"lines above the table: {place}; they will be rejects",)
    elif place:
        fmt["header_row"] = place + 1
    values = {
        (title,): [text for row in body if len(row) == common and (text := row[n].strip())]
        for n, title in enumerate(header)
    }
    if "" in header or len(values) < len(header):
        notes += ("a column has no name, or two have one: the file will be refused until its header is corrected",)
    return Sample(fmt, None, {path: texts for path, texts in values.items() if path[0]}, notes)


def _rows(lines: Sequence[str]) -> tuple[list[list[str]], str]:
    """The lines cut by the delimiter that gives most of them the same number of cells."""
    best: tuple[int, int, list[list[str]], str] = (0, 0, [], ",")
    for delimiter in _DELIMITERS:
        rows = list(csv.reader(lines, delimiter=delimiter))
        widths = Counter(map(len, rows)).items()
        width, count = max(widths, key=lambda item: (item[0] > 1, item[1], item[0]), default=(0, 0))
        if width > 1 and (count, width) > best[:2]:
            best = (count, width, rows, delimiter)
    return best[2], best[3]


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if head[1:64:2].count(0) > 16:
        return "utf-16-le"
    try:
        # What was cut off at the end may be half a letter.
        head[: head.rfind(b"\n") + 1 or len(head)].decode("utf-8")
    except UnicodeDecodeError:
        return max(_CODE_PAGES, key=lambda page: _spelled(head.decode(page, errors="replace")))
    return "utf-8"


def _spelled(text: str) -> int:
    """Letters beyond ASCII that stand in words of one script; the frequent ones tell case and code page apart."""
    letters = [c for word in _WORD.findall(text) for c in word if not c.isascii()]
    return len(letters) + sum(1 for c in letters if c.lower() in _FREQUENT)
