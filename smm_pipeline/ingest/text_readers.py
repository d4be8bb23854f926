"""Strict reader of JSON lines, and what other readers share with it.

Belongs here: from bytes to one JSON text per record, with nothing guessed and nothing dropped without a word. A reader
hands pieces of text, in UTF-8, to a sink; line n of a piece is record `first_row + n`, and an empty line is no record.
Does not belong here: JSON documents, Parquet and workbooks, and any meaning of the values.

DuckDB's own text readers are not used: they drop ragged rows and wrong gzip checksums in silence, and turn broken JSON
lines into rows of NULLs.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.archives import open_member
from smm_pipeline.ingest.files import JSON_ENCODING_HINT, unreadable, wrong_encoding
from smm_pipeline.ingest.line_breaks import LineEnds, Text, hold_anything, line_ends
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.unread import Unread

Sink = Callable[[int, Text], None]
LineSink = Callable[[int, Text, LineEnds], None]
_NUL, _HALF_CHARACTER = re.compile("\0"), re.compile("[\ud800-\udfff]")
PIECE_BYTES = 8 << 20
# Text that the processor's cache holds, so that looking at it once more costs little.
_CACHED_BYTES = 64 << 10
# No record is so long: this is another kind of file, or a bomb.
MAX_LINE_BYTES = 64 << 20
BROKEN_JSON, DUPLICATE_KEY = "broken_json", "duplicate_key"


class LineWriter:
    """Collects numbered records and hands them to a sink in pieces of bounded size.

    They are put together at once: each alone, a short text would hold the kilobyte in which orjson wrote it.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink, self._text, self._next, self._first = sink, bytearray(), 1, 1

    def write(self, row: int, text: bytes) -> None:
        """Add the record with number `row`; numbers must grow."""
        if row > self._next:
            self._text += b"\n" * (row - self._next)
        self._text += text
        self._text += b"\n"
        self._next = row + 1
        if len(self._text) >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand over what is left."""
        if self._text:
            del self._text[-1]
            self._sink(self._first, self._text)
        self._text, self._first = bytearray(), self._next


def read_json_lines(path: Path, name: str, mapping: Mapping, sink: LineSink) -> Extract:
    """Read one JSON object per line; once they are in the database, which are broken is found (records.py).

    Then only are those that may not be UTF-8 looked at. The sink is told where the lines of each piece end, too.
    """
    out, row = Extract(Unread(name, "line")), 1
    with open_member(path, name, mapping.format.member) as stream:
        # A bytearray grows where it is, bytes would be copied with the rest of their last line.
        while size := stream.readinto(piece := bytearray(PIECE_BYTES)):
            del piece[size:]
            begun = len(piece) - piece.rfind(b"\n") - 1
            if begun:
                rest = stream.readline(MAX_LINE_BYTES - begun + 1)
                if begun + len(rest.removesuffix(b"\n")) > MAX_LINE_BYTES:
                    line = row + piece.count(b"\n")
                    unreadable(f"line {line} is longer than {MAX_LINE_BYTES} bytes: this is no text of lines", name)
                piece += rest
            row = _pass_lines(piece, row, out, sink)
    if not out.records:
        unreadable("the file is empty but for blank lines", name)
    return out


def _pass_lines(piece: Text, row: int, out: Extract, sink: LineSink) -> int:
    if row == 1:
        piece = piece.removeprefix(codecs.BOM_UTF8)
    ends = line_ends(piece)
    out.records += int(np.count_nonzero(hold_anything(piece, ends)))
    if piece:
        sink(row, piece, ends)
    return row + len(ends)


def hold_to_utf8(piece: Text, row: int, name: str) -> None:
    """Refuse a delivery for a piece of it, the text of records from `row` on, that is not UTF-8.

    Raises:
        SmmError: SMM-203.
    """
    if not _is_utf8(piece):
        try:
            piece.decode()
        except UnicodeDecodeError as error:
            wrong_encoding(error, row + piece.count(b"\n", 0, error.start), "utf-8", name, JSON_ENCODING_HINT)


def _is_utf8(piece: Text) -> bool:
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(piece)
    try:
        for start in range(0, len(piece), _CACHED_BYTES):
            decoder.decode(view[start : start + _CACHED_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def explain_line(text: str) -> str | None:
    """Why a line that looked odd is no record; None when it is one after all."""
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        return BROKEN_JSON
    return record_problem(value, text)


def parse_json(text: str) -> Any:
    """The value of a JSON text; the standard parser keeps integers of any size, which ids need.

    Numbers with a point are texts, as they are written but for an exponent: a double would make 1.1 of 1.10.

    Raises:
        ValueError: when it is no JSON.
    """
    return DECODER.decode(text)


def record_problem(record: Any, text: str) -> str | None:
    """Why a parsed value is no record; `text` is the JSON of it."""
    if holds_infinite(record):
        return "not_finite"
    if not isinstance(record, dict):
        return "not_an_object"
    if is_ambiguous(record):
        return DUPLICATE_KEY
    if "\\u0000" in text and _holds(record, _has(_NUL)):
        return "nul_character"
    # Half of a pair of code units: it has no form in UTF-8, so it can only be escaped.
    may_be_half = "\\ud" in text or "\\uD" in text
    return "half_character" if may_be_half and _holds(record, _has(_HALF_CHARACTER)) else None


def is_ambiguous(value: Any) -> bool:
    """Whether a parsed value is an object that names a field twice; those within it are not looked at."""
    return isinstance(value, _Ambiguous)


def json_text(record: Any) -> str:
    """A parsed value as JSON again, with every value of a field that it names twice."""
    if not isinstance(record, _Ambiguous):
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return "{" + ",".join(f"{json_text(key)}:{json_text(value)}" for key, value in record.pairs) + "}"


def holds_infinite(value: Any) -> bool:
    """Whether a parsed value, however deep, has a number that is not finite."""
    return _holds(value, lambda part: isinstance(part, _NotFinite))


class _NotFinite(float):
    """NaN, Infinity or a number too large: JSON has none, and here it is known by its type among texts and integers."""


class _Ambiguous(dict[str, Any]):
    """An object that names a field twice: readers disagree on which value counts; here the first, as in DuckDB."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(reversed(pairs))
        self.pairs = pairs


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Ambiguous(pairs)


def _finite(text: str) -> str | _NotFinite:
    value = float(text)
    if math.isinf(value):
        return _NotFinite(value)
    # Of the double, not of the text, whose exponent may ask for a million digits.
    return format(Decimal(repr(value)), "f") if "e" in text.lower() else text


def _has(characters: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda part: isinstance(part, str) and characters.search(part) is not None


def _holds(value: Any, is_sought: Callable[[Any], bool]) -> bool:
    """Whether any text, number or key within a value, however deep, is one that is sought."""
    parts = [value]
    while parts:
        part = parts.pop()
        if is_sought(part):
            return True
        if isinstance(part, dict):
            parts += [*part, *part.values()]
        elif isinstance(part, list):
            parts += part
    return False


DECODER = json.JSONDecoder(parse_constant=_NotFinite, parse_float=_finite, object_pairs_hook=_object)
