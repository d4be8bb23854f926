"""Strict reader of delimited text.

Belongs here: from bytes to one JSON text per row, in the declared dialect. Does not belong here: why a header does not
fit (dialects.py), and any meaning of the values.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import FileFormat
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.archives import open_member
from smm_pipeline.ingest.dialects import HEAD_BYTES, explain_header, with_one_delimiter
from smm_pipeline.ingest.files import unreadable, wrong_encoding
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.tabular import Groups, header_place, match_header, own_names, write_cells
from smm_pipeline.ingest.text_readers import LineWriter, Sink
from smm_pipeline.ingest.unread import Unread

ENCODING_HINT = "set format.encoding in the mapping, or encoding in the feed of smm.toml, to what the source writes"
MAX_FIELD_CHARACTERS = 1 << 20


def read_csv(path: Path, name: str, mapping: Mapping, sink: Sink) -> Extract:
    """Read delimited text with the declared dialect; rows are JSON objects by column name.

    A row with too few or too many cells becomes a reject; a quote that is never closed refuses the delivery.
    """
    if len(mapping.format.delimiter) > 1:
        with open_member(path, name, mapping.format.member) as stream:
            mapping = with_one_delimiter(stream.read(HEAD_BYTES), mapping)
    try:
        return _read_csv(path, name, mapping, sink)
    except SmmError as error:
        if error.code not in ("SMM-202", "SMM-203"):
            raise
        with open_member(path, name, mapping.format.member) as stream:
            raise explain_header(error, stream.read(HEAD_BYTES), mapping) from error


def _read_csv(path: Path, name: str, mapping: Mapping, sink: Sink) -> Extract:
    fmt = mapping.format
    # A process-wide limit of the csv module; any other value would be as arbitrary for others.
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    out, writer = Extract(Unread(name, "line")), LineWriter(sink)
    with open_member(path, name, fmt.member) as stream:
        codec = _codec(stream, fmt.encoding)
        with io.TextIOWrapper(stream, encoding=codec, newline="") as text:
            above, rows = 0, _rows(text, fmt, is_strict=True)
            try:
                if fmt.header_within:
                    header, above, read = _find_header(text, mapping, name)
                    rows = _rows(chain(read, text), fmt, is_strict=True)
                elif fmt.header_row:
                    header = _csv_header(rows, fmt, name)
                else:
                    header = list(mapping.columns)
                if fmt.header_row:
                    header = own_names(header, mapping, name)
                    out.warnings = match_header(header, mapping, name)
                _csv_rows(rows, above, header, Groups(fmt.carry, header), out, writer)
            except csv.Error as error:
                if "field limit" in str(error):
                    what = f"a cell has more than {MAX_FIELD_CHARACTERS:,} characters, or its quote is never closed"
                    unreadable(f"line {above + rows.line_num}: {what}", name)
                unreadable(f"line {above + rows.line_num}: the quoting is broken ({error})", name)
            except UnicodeDecodeError as error:
                wrong_encoding(error, _line_of_fault(path, name, fmt), fmt.encoding, name, ENCODING_HINT)
    writer.flush()
    return out


def _rows(lines: Iterable[str], fmt: FileFormat, *, is_strict: bool) -> Any:
    return csv.reader(
        lines,
        delimiter=fmt.delimiter[0],
        quotechar=fmt.quote or None,
        quoting=csv.QUOTE_MINIMAL if fmt.quote else csv.QUOTE_NONE,
        strict=is_strict,
    )


def _codec(stream: io.BufferedReader[Any], encoding: str) -> str:
    """What reads the rest of a stream; a byte order mark of UTF-16 is passed over and says which of the two it is.

    UTF-16 without one is little-endian, as services and spreadsheets write it.
    """
    known = codecs.lookup(encoding).name
    if known == "utf-8":
        # It also reads UTF-8 without a byte order mark.
        return "utf-8-sig"
    if known.startswith("utf-16"):
        mark = stream.peek(2)[:2]
        if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            stream.read(2)
            return "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
        return "utf-16-le" if known == "utf-16" else known
    return encoding


def _line_of_fault(path: Path, name: str, fmt: FileFormat) -> int:
    """The line at which a file is no longer in its encoding; what was read of it so far was read in blocks."""
    number = 1
    with open_member(path, name, fmt.member) as stream:
        codec = _codec(stream, fmt.encoding)
        decoder = codecs.getincrementaldecoder(codec)()
        try:
            while block := stream.read(HEAD_BYTES):
                number += decoder.decode(block).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            number += error.object[: error.start].decode(codec).count("\n")
    return number


def _csv_header(rows: Any, fmt: FileFormat, name: str) -> list[str]:
    for _ in range(fmt.header_row - 1):
        next(rows, None)
    header = next(rows, None)
    if not header:
        unreadable("there is no header", name)
    return [cell.strip() for cell in header]


def _find_header(text: Iterable[str], mapping: Mapping, name: str) -> tuple[list[str], int, list[str]]:
    """The header among the first lines, its line, and the lines after it that are read already."""
    lines = list(islice(text, mapping.format.header_within))
    # What stands above a table need not be written as one: each line is read alone.
    first = [[cell.strip() for row in _rows([line], mapping.format, is_strict=False) for cell in row] for line in lines]
    if not any(first):
        unreadable("there is no header", name)
    place = header_place(first, mapping)
    return first[place], place + 1, lines[place + 1 :]


def _csv_rows(rows: Any, above: int, header: list[str], groups: Groups, out: Extract, writer: LineWriter) -> None:
    last_line = rows.line_num
    for cells in rows:
        # The line on which the record begins; a quoted cell may span several.
        line, last_line = above + last_line + 1, rows.line_num
        if not cells:
            continue
        out.records += 1
        if len(cells) != len(header):
            reason = f"ragged_row:{len(cells)}_cells_for_{len(header)}_columns"
            out.reject(line, reason, orjson.dumps(cells).decode())
        else:
            own, _ = groups.fill(cells)
            write_cells(line, header, cells, out, writer, own)
