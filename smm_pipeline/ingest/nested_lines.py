"""JSON lines of which some are parts of the record of another: a part names its record, as in Shopify's bulk results.

Belongs here: putting parts into their records, at any depth and in whatever order they come. Does not belong here:
lines that each are a record (text_readers.py), and any meaning of the fields.

A part may come long after its record, or before it, so a delivery is held in memory until its end. What bounds that
is the size of the file, MAX_NESTED_BYTES unpacked; a larger one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import Nest
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.line_breaks import Text
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.text_readers import LineWriter, Sink, explain_line, parse_json, read_json_lines
from smm_pipeline.ingest.unread import Unread

MAX_NESTED_BYTES = 1 << 30
MAX_DEPTH = 16


@dataclass
class _Line:
    """One line: its number, its text, and the lines that are parts of it."""

    row: int
    text: str
    parts: list[_Line] = field(default_factory=list)


class _Lines:
    """The lines of a delivery, each with its parts; one that cannot be read becomes a reject at once."""

    def __init__(self, nest: Nest, name: str) -> None:
        self._nest, self._name, self._size = nest, name, 0
        self.unread = Extract(Unread(name, "line"))
        self._all: list[_Line] = []
        self._records: list[_Line] = []
        # The newest line of a key, and the parts that wait for one.
        self._known: dict[str, _Line] = {}
        self._waiting: dict[str, list[_Line]] = {}

    def take(self, first_row: int, piece: Text) -> None:
        """Take the next lines; `first_row` is the number of the first."""
        self._size += len(piece)
        if self._size > MAX_NESTED_BYTES:
            hint = "deliver it in several files, such as one per month, each with whole records"
            what = (
                f"unpacks to more than {MAX_NESTED_BYTES} bytes, which is too much for lines that are parts of others"
            )
            raise SmmError("SMM-201", what, where=self._name, hint=hint)
        for row, text in enumerate(piece.decode().split("\n"), start=first_row):
            if text.strip(" \t\r"):
                self._place(_Line(row, text.strip(" \t\r")))

    def _place(self, line: _Line) -> None:
        reason = explain_line(line.text)
        if reason:
            self.unread.reject(line.row, reason, line.text)
            return
        fields = parse_json(line.text)
        if self._nest.into in fields:
            self.unread.reject(line.row, f"bad_structure:{self._nest.into}", line.text)
            return
        self._all.append(line)
        parent, key = _name_of(fields.get(self._nest.parent)), _name_of(fields.get(self._nest.key))
        if not parent:
            self._records.append(line)
        elif parent in self._known:
            self._known[parent].parts.append(line)
        else:
            self._waiting.setdefault(parent, []).append(line)
        if key:
            self._known[key] = line
            line.parts += self._waiting.pop(key, [])

    def records(self) -> Iterator[tuple[int, str]]:
        """Number and text of each record, with its parts in it."""
        for line in self._records:
            yield line.row, self._whole(line)

    def take_out_lost(self) -> list[_Line]:
        """Take out lines that are part of no record: theirs is missing, they name each other, or they lie too deep."""
        found, level = set[int](), list(self._records)
        for _ in range(MAX_DEPTH):
            found.update(line.row for line in level)
            level = [part for line in level for part in line.parts if part.row not in found]
        for line in self._all:
            line.parts = [part for part in line.parts if part.row in found]
        return [line for line in self._all if line.row not in found]

    def _whole(self, line: _Line) -> str:
        if not line.parts:
            return line.text
        parts = ",".join(self._whole(part) for part in line.parts)
        # Put in as text: numbers stay as they are written.
        return f'{line.text.removesuffix("}")},"{self._nest.into}":[{parts}]}}'


def read_nested_lines(path: Path, name: str, mapping: Mapping, nest: Nest, sink: Sink) -> Extract:
    """Read JSON lines into records that hold their parts; a part without its record is a reject `no_parent`.

    Raises:
        SmmError: SMM-201 also for a file of more than MAX_NESTED_BYTES.
    """
    lines, writer = _Lines(nest, name), LineWriter(sink)
    out = read_json_lines(path, name, mapping, lambda first_row, piece, _: lines.take(first_row, piece))
    for line in lines.take_out_lost():
        lines.unread.reject(line.row, "no_parent", line.text)
    out.rejects = lines.unread.rejects
    out.records = len(out.rejects)
    for row, text in lines.records():
        out.records += 1
        writer.write(row, text.encode())
    writer.flush()
    return out


def _name_of(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""
