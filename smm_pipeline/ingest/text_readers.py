"""Strict readers of text deliveries: CSV and JSON lines, and what reading JSON documents shares with them.

Belongs here: from bytes to one JSON text per record, with nothing guessed and nothing dropped without a word. A reader
hands pieces of text to a sink; line n of a piece is record `first_row + n`, and an empty line is no record. Does not
belong here: JSON documents, Parquet and workbooks, and any meaning of the values.

DuckDB's own text readers are not used: they drop ragged rows and wrong gzip checksums in silence, and turn broken JSON
lines into rows of NULLs.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import orjson

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import FileFormat, Mapping
from smm_pipeline.ingest.dialects import HEAD_BYTES, explain_header
from smm_pipeline.ingest.files import JSON_ENCODING_HINT, MAX_UNPACKED_BYTES, open_bytes, unreadable, wrong_encoding
from smm_pipeline.ingest.results import Extract, RecordReject
from smm_pipeline.masking import without_persons

Sink = Callable[[int, str], None]
ENCODING_HINT = "set format.encoding in the mapping to what the source really writes, e.g. cp1251"
PIECE_CHARACTERS = 8 << 20
MAX_FIELD_CHARACTERS = 1 << 20


class LineWriter:
    """Collects numbered records and hands them to a sink in pieces of bounded size."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._lines, self._size, self._next, self._first = sink, list[str](), 0, 1, 1

    def write(self, row: int, text: str) -> None:
        """Add the record with number `row`; numbers must grow."""
        self._lines.extend([""] * (row - self._next))
        self._lines.append(text)
        self._size += len(text)
        self._next = row + 1
        if self._size >= PIECE_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Hand over what is left."""
        if self._size:
            self._sink(self._first, "\n".join(self._lines))
        self._lines, self._size, self._first = [], 0, self._next


def match_header(header: Sequence[str], mapping: Mapping, where: str) -> list[str]:
    """Compare a header with the mapping by name and return warnings.

    Raises:
        SmmError: SMM-201 for a column named twice, SMM-202 for a required column that is missing.
    """
    if twice := sorted({name for name in header if header.count(name) > 1}):
        unreadable(f"columns named twice: {without_persons(', '.join(twice))}", where)
    if missing := [name for name in mapping.required if name not in header]:
        unknown = [name for name in header if name not in mapping.structure]
        hints = [
            f"{name} (did you mean {close[0]!r}?)" if (close := _close(name, unknown)) else name for name in missing
        ]
        raise SmmError(
            "SMM-202",
            f"missing columns: {', '.join(hints)}",
            where=where,
            hint="correct columns: in the mapping, or required_columns: when the delivery may lack them",
        )
    if not mapping.columns:
        # A declared structure takes what it needs out of wide exports; the rest is no news.
        return []
    absent = [name for name in mapping.structure if name not in header]
    extra = [name for name in header if name not in mapping.structure]
    said = (("not in the file", absent), ("not in the mapping", extra))
    # In place of a header may stand a person's data.
    return [f"columns {what}: {without_persons(', '.join(names))}" for what, names in said if names]


def _close(name: str, candidates: Sequence[str]) -> list[str]:
    folded = {c.casefold().replace(" ", "_"): c for c in candidates}
    return [folded[c] for c in get_close_matches(name.casefold().replace(" ", "_"), folded, n=1)]


def read_csv(path: Path, name: str, mapping: Mapping, sink: Sink) -> Extract:
    """Read delimited text with the declared dialect; rows are JSON objects by column name.

    A row with too few or too many cells becomes a reject; a quote that is never closed refuses the delivery.
    """
    try:
        return _read_csv(path, name, mapping, sink)
    except SmmError as error:
        if error.code not in ("SMM-202", "SMM-203"):
            raise
        with open_bytes(path, name) as stream:
            raise explain_header(error, stream.read(HEAD_BYTES), mapping) from error


def _read_csv(path: Path, name: str, mapping: Mapping, sink: Sink) -> Extract:
    fmt = mapping.format
    # The codec utf-8-sig also reads UTF-8 without a byte order mark.
    encoding = "utf-8-sig" if fmt.encoding.lower() in ("utf-8", "utf8") else fmt.encoding
    # A process-wide limit of the csv module; any other value would be as arbitrary for others.
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    out, writer = Extract(), LineWriter(sink)
    with open_bytes(path, name) as stream, io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        rows = csv.reader(
            text,
            delimiter=fmt.delimiter,
            quotechar=fmt.quote or None,
            quoting=csv.QUOTE_MINIMAL if fmt.quote else csv.QUOTE_NONE,
            strict=True,
        )
        try:
            header = _csv_header(rows, fmt, name)
            out.warnings = match_header(header, mapping, name)
            _csv_rows(rows, header, out, writer)
        except csv.Error as error:
            unreadable(f"line {rows.line_num}: the quoting is broken ({error})", name)
        except UnicodeDecodeError as error:
            wrong_encoding(error, _line_of_fault(path, name, encoding), fmt.encoding, name, ENCODING_HINT)
    writer.flush()
    return out


def _line_of_fault(path: Path, name: str, encoding: str) -> int:
    """The line at which a file is no longer in its encoding; what was read of it so far was read in blocks."""
    decoder, number = codecs.getincrementaldecoder(encoding)(), 0
    with open_bytes(path, name) as stream, suppress(UnicodeDecodeError):
        for number, line in enumerate(stream, start=1):  # noqa: B007 - the number is the result
            decoder.decode(line)
    return number


def _csv_header(rows: Any, fmt: FileFormat, name: str) -> list[str]:
    for _ in range(fmt.header_row - 1):
        next(rows, None)
    header = next(rows, None)
    if not header:
        unreadable("there is no header", name)
    return [cell.strip() for cell in header]


def _csv_rows(rows: Any, header: list[str], out: Extract, writer: LineWriter) -> None:
    last_line = rows.line_num
    for cells in rows:
        # The line on which the record begins; a quoted cell may span several.
        line, last_line = last_line + 1, rows.line_num
        if not cells:
            continue
        out.records += 1
        if len(cells) != len(header):
            reason = f"ragged_row:{len(cells)}_cells_for_{len(header)}_columns"
            out.rejects.append(RecordReject(line, reason, orjson.dumps(cells).decode()))
        else:
            write_cells(line, header, cells, out, writer)


def write_cells(
    row: int,
    header: Sequence[str],
    cells: Sequence[str | None],
    out: Extract,
    writer: LineWriter,
    more: dict[str, list[str]] | None = None,
) -> None:
    """Write one row of a table, and `more` fields, as a JSON object; a NUL character makes it a reject."""
    text = orjson.dumps({**dict(zip(header, cells, strict=True)), **(more or {})}).decode()
    if "\\u0000" in text and any(cell and "\0" in cell for cell in cells):
        out.rejects.append(RecordReject(row, "nul_character", text))
    else:
        writer.write(row, text)


def read_json_lines(path: Path, name: str, sink: Sink) -> Extract:
    """Read one JSON object per line; `explain_line` later says which are broken, once they are in the database."""
    out, row, carry = Extract(), 1, b""
    with open_bytes(path, name) as stream:
        total = 0
        while True:
            block = stream.read(PIECE_CHARACTERS)
            total += len(block)
            if total > MAX_UNPACKED_BYTES:
                unreadable(f"unpacks to more than {MAX_UNPACKED_BYTES} bytes", name)
            cut = block.rfind(b"\n") + 1 if block else 0
            piece, carry = (carry + block[:cut], block[cut:]) if cut else (carry + block, b"")
            if block and not cut:
                carry = piece
                continue
            row = _pass_lines(piece, row, out, sink, name)
            if not block:
                if not out.records:
                    unreadable("the file is empty", name)
                return out


def _pass_lines(piece: bytes, row: int, out: Extract, sink: Sink, name: str) -> int:
    try:
        text = piece.decode("utf-8-sig" if row == 1 else "utf-8")
    except UnicodeDecodeError as error:
        line = row + error.object.count(b"\n", 0, error.start)
        wrong_encoding(error, line, "utf-8", name, JSON_ENCODING_HINT)
    lines = text.replace("\r\n", "\n")
    out.records += sum(1 for line in lines.split("\n") if line.strip(" \t\r"))
    if lines:
        sink(row, lines)
    return row + piece.count(b"\n")


def explain_line(text: str) -> str | None:
    """Why a line that looked odd is no record; None when it is one after all."""
    try:
        value = parse_json(text)
    except (ValueError, RecursionError) as error:
        reason = "not_finite" if "not finite" in str(error) else "broken_json"
        return reason
    return record_problem(value, text)


def parse_json(text: str) -> Any:
    """The value of a JSON text; the standard parser keeps integers of any size, which ids need.

    Numbers with a point are texts, as they are written but for an exponent: a double would make 1.1 of 1.10.

    Raises:
        ValueError: when it is no JSON, or holds a number that is not finite.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def record_problem(record: Any, text: str) -> str | None:
    """Why a parsed value is no record; `text` is the JSON of it."""
    if not isinstance(record, dict):
        return "not_an_object"
    return "nul_character" if "\\u0000" in text and _has_nul(record) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not finite")


def _finite(text: str) -> str:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is not finite")
    # Of the double, not of the text, whose exponent may ask for a million digits.
    return format(Decimal(repr(value)), "f") if "e" in text.lower() else text


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_has_nul(child) for child in children)
