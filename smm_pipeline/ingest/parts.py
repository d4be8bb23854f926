"""What deliveries are cut into, so that any number of records passes through bounded memory.

Belongs here: a part of a delivery, and the fields of its records. Does not belong here: cutting (reading.py) and what
is made of parts (records.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smm_pipeline.feeds.file_format import GROUP_ROW
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.line_breaks import LineEnds, Text, line_ends
from smm_pipeline.ingest.workbooks import TYPED_CELLS


@dataclass(frozen=True)
class Lines:
    """JSON texts of records, one a line, in UTF-8; the first is record `first_row`, an empty line is none.

    `context` is the JSON of the document around the records; `ends` says where the lines end, where that is known;
    `document` is the name of the file that has to be JSON as a whole, empty where each line stands for itself.
    """

    delivery: int
    first_row: int
    text: Text
    context: str | None = None
    ends: LineEnds | None = field(default=None, repr=False, compare=False)
    document: str = ""

    @property
    def count(self) -> int:
        """How many lines there are at most, empty ones too."""
        return self.text.count(b"\n") + 1 if self.ends is None else len(self.ends)


@dataclass(frozen=True)
class ParquetRows:
    """Rows `first` to `last`, from 0, of a Parquet file; `values` is the SQL of the fields, separated by commas."""

    delivery: int
    path: Path
    file_name: str
    values: str
    first: int
    last: int


Part = Lines | ParquetRows


def in_parts(lines: Lines, count: int) -> Iterator[Lines]:
    """Lines in parts of at most so many; they are one already unless they are very short."""
    if lines.count <= count:
        yield lines
        return
    ends = line_ends(lines.text) if lines.ends is None else lines.ends
    for at in range(0, len(ends), count):
        own, begin = ends[at : at + count], int(ends[at - 1]) if at else 0
        text = lines.text[begin : own[-1]]
        yield replace(lines, first_row=lines.first_row + at, text=text, ends=own - begin)


def record_fields(mapping: Mapping) -> dict[str, Any]:
    """The structure of a record: the declared fields, and what readers of workbooks and of groups add."""
    cells = {TYPED_CELLS: ["VARCHAR"]} if "xlsx" in mapping.format.kind else {}
    group = {GROUP_ROW: "VARCHAR"} if mapping.format.carry else {}
    return {**mapping.structure, **cells, **group}
