"""Strict reader of delimited text.

Belongs here: from bytes to one JSON text per row, in the declared dialect. Does not belong here: why a header does not
fit (dialects.py), and any meaning of the values.
"""

from __future__ import annotations

import codecs
import csv
import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import FileFormat
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.dialects import HEAD_BYTES, explain_header
from smm_pipeline.ingest.files import open_bytes, unreadable, wrong_encoding
from smm_pipeline.ingest.results import Extract, RecordReject
from smm_pipeline.ingest.tabular import match_header, write_cells
from smm_pipeline.ingest.text_readers import LineWriter, Sink

ENCODING_HINT = "set format.encoding in the mapping to what the source really writes, e.g. cp1251"
MAX_FIELD_CHARACTERS = 1 << 20


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
            header = list(mapping.columns)
            if fmt.header_row:
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
