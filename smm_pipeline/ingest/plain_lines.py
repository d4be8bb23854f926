"""Strict reader of plain lines, such as the log of a web server.

Belongs here: from bytes to one record per line that is not empty, its text in the field `line`. Does not belong here:
what stands in a line (expressions of the mapping), and JSON lines (text_readers.py).
"""

from __future__ import annotations

from pathlib import Path

import orjson

from smm_pipeline.feeds.file_format import LINE
from smm_pipeline.ingest.files import open_bytes, unreadable
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.tabular import write_cells
from smm_pipeline.ingest.text_readers import LineWriter, Sink
from smm_pipeline.ingest.unread import Unread

# No line of a log is so long: this is another kind of file.
MAX_LINE_BYTES = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path, name: str, encoding: str, sink: Sink) -> Extract:
    """Read every line as a record; one that is not in the declared encoding is a reject, the others are not hurt."""
    out, writer, row = Extract(Unread(name, "line")), LineWriter(sink), 0
    with open_bytes(path, name) as stream:
        while line := stream.readline(MAX_LINE_BYTES):
            row += 1
            if len(line) == MAX_LINE_BYTES:
                unreadable(f"line {row} is longer than {MAX_LINE_BYTES} bytes: this is no text of lines", name)
            bare = line.removeprefix(_BYTE_ORDER_MARK) if row == 1 else line
            if not bare.strip():
                continue
            out.records += 1
            try:
                write_cells(row, [LINE], [bare.rstrip(b"\r\n").decode(encoding)], out, writer)
            except UnicodeDecodeError:
                text = orjson.dumps({LINE: bare.rstrip(b"\r\n").decode(encoding, errors="backslashreplace")}).decode()
                out.reject(row, "not_decodable", text)
    if not out.records:
        unreadable("the file has no line with anything in it", name)
    writer.flush()
    return out
