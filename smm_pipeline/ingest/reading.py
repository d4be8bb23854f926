"""From stored deliveries to pieces.

Belongs here: which reader a delivery has, and gathering what readers read until a piece is full, also amid a delivery:
memory stays bounded, however large a delivery is. Does not belong here: the readers, and what is made of a piece
(records.py, pieces.py).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import duckdb

from smm_pipeline.feeds.file_format import Kind
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.csv_reader import read_csv
from smm_pipeline.ingest.files import plain_file
from smm_pipeline.ingest.json_documents import read_json_document
from smm_pipeline.ingest.line_breaks import LineEnds, Text
from smm_pipeline.ingest.nested_lines import read_nested_lines
from smm_pipeline.ingest.parquet import PART_ROWS, parquet_parts
from smm_pipeline.ingest.parts import Lines, Part, in_parts
from smm_pipeline.ingest.plain_lines import read_lines
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.text_readers import read_json_lines
from smm_pipeline.ingest.workbooks import read_workbook

# Text, or records however short, after which a piece is full.
PIECE_BYTES = 68 << 20
PIECE_RECORDS = 250_000


class DeliveryReader:
    """Reads the deliveries of a batch, one after the other, into pieces.

    Args:
        con: connection that may be asked about Parquet files while pieces are worked on.
        mapping: declares the format.
        hand: gets each full piece.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, mapping: Mapping, hand: Callable[[list[Part]], None]) -> None:
        self._con, self._mapping, self._hand = con, mapping, hand
        self._waiting: list[Part] = []
        self._size = 0
        self._copies = ExitStack()

    def __enter__(self) -> DeliveryReader:
        """Keep unpacked copies of files until the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the copies."""
        self._copies.close()

    def read(self, number: int, path: Path, name: str) -> Extract:
        """Read one stored delivery; its parts carry `number`.

        Raises:
            SmmError: SMM-201, SMM-202 or SMM-203; what was read so far has to be forgotten then.
        """
        kind = self._mapping.format.kind_of(name)
        if kind == "parquet":
            plain = self._copies.enter_context(plain_file(path, name))
            extract, rows = parquet_parts(self._con, number, plain, name, self._mapping)
            for part in rows:
                self._add(part, (part.last - part.first + 1) * PIECE_BYTES // PART_ROWS)
            return extract

        return self._read_text(number, kind, path, name)

    def forget(self, number: int) -> None:
        """Take out what waits of a delivery that turned out to be unreadable."""
        self._waiting = [part for part in self._waiting if part.delivery != number]

    def rest(self) -> list[Part]:
        """What waits of the last piece."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        return waiting

    def _add(self, part: Part, size: int) -> None:
        self._waiting.append(part)
        self._size += size
        # Parts of one record may stand anywhere in a delivery: it is one piece then.
        if self._size >= PIECE_BYTES and not self._mapping.combine:
            self._hand(self.rest())

    def _read_text(self, number: int, kind: Kind, path: Path, name: str) -> Extract:
        def sink(first_row: int, lines: Text, context: str | None = None, ends: LineEnds | None = None) -> None:
            document = name if kind == "json" else ""
            for part in in_parts(Lines(number, first_row, lines, context, ends, document), PIECE_RECORDS):
                self._add(part, max(len(part.text), part.count * PIECE_BYTES // PIECE_RECORDS))

        match kind:
            case "csv":
                return read_csv(path, name, self._mapping, sink)
            case "xlsx":
                return read_workbook(path, name, self._mapping, sink)
            case "lines":
                return read_lines(path, name, self._mapping.format.encoding, sink)
            case "json":
                return read_json_document(path, name, self._mapping, sink)
            case _:
                if nest := self._mapping.format.nest:
                    return read_nested_lines(path, name, self._mapping, nest, sink)
                return read_json_lines(path, name, self._mapping, lambda row, lines, ends: sink(row, lines, ends=ends))
