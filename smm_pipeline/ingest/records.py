"""From the bytes of a batch to its record table.

Belongs here: the temporary view `_smm_record` (delivery number, row, one column per declared field, `document`),
filled by the strict readers or by DuckDB's Parquet reader, and emptied piece by piece: it stays bounded, however large
a delivery is. Every leaf is VARCHAR: types belong to the contracts. Where a mapping reads workbooks, TYPED_CELLS lists
the fields whose cell was a real number, day or instant and not text. Does not belong here: what the fields mean.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from smm_pipeline.feeds.file_format import DOCUMENT, GROUP_ROW, Kind
from smm_pipeline.feeds.mapping import RESERVED_PREFIX, Mapping
from smm_pipeline.ingest.ahead import read_ahead
from smm_pipeline.ingest.csv_reader import read_csv
from smm_pipeline.ingest.files import plain_file, unreadable
from smm_pipeline.ingest.json_documents import ContextSink, read_json_document
from smm_pipeline.ingest.nested_lines import read_nested_lines
from smm_pipeline.ingest.plain_lines import read_lines
from smm_pipeline.ingest.results import Extract, RecordReject
from smm_pipeline.ingest.structures import literal, misfits_sql, sql_type
from smm_pipeline.ingest.tabular import match_header, own_names
from smm_pipeline.ingest.text_readers import DUPLICATE_KEY, explain_line, read_json_lines
from smm_pipeline.ingest.threads import in_parts, threads_of
from smm_pipeline.ingest.workbooks import TYPED_CELLS, read_workbook
from smm_pipeline.masking import without_values
from smm_pipeline.warehouse.connection import little_planning
from smm_pipeline.warehouse.schema import quoted

_PARQUET_MAGIC = b"PAR1"
_DAMAGE = (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException, duckdb.NotImplementedException)
# What DuckDB's JSON reader lets pass, or fails on, and a strict one must look at again: NaN, Infinity, trailing commas,
# NUL, halves of pairs of code units. A pattern that begins with one certain character is many times faster.
_NO_NUMBER = "-?([Nn][Aa][Nn]|[Ii][Nn][Ff])"
_ODD = (rf":\s*{_NO_NUMBER}", rf"\[\s*{_NO_NUMBER}", rf",\s*([\]}}]|{_NO_NUMBER})", r"\\u(0000|[dD][89a-fA-F])")

# What `_smm_misfit` begins with until `finish` has looked at the record again: no JSON, and JSON that looks odd.
_BROKEN, _DOUBTED = "!", "?"
# Text that is handed to a thread of DuckDB at a time, and text after which a piece is complete.
BLOCK_BYTES = 8 << 20
PIECE_BYTES = 128 << 20
_WAITING = ", ".join(
    f"unnest(?::{type_}[]) as {name}"
    for name, type_ in (("delivery", "int"), ("first_row", "bigint"), ("lines", "blob"), ("context", "varchar"))
)
# Size of a file, packed or not, from which it is read by a thread of its own.
_LARGE_BYTES = 1 << 20
# Above it doubles are not whole numbers any more: 9007199254740993 is none of them.
MAX_WHOLE_DOUBLE = 1 << 53
# Rows of a Parquet file after which a piece is complete.
PIECE_ROWS = 250_000


@dataclass(frozen=True)
class _Text:
    """Lines of a delivery, the first of them record `first_row`; `context` is the JSON of the enclosing document."""

    delivery: int
    first_row: int
    lines: bytes
    context: str | None


class RecordTable:
    """The record table of one piece of a batch; deliveries are read into it one after the other.

    Args:
        con: connection on which the temporary tables are made.
        mapping: declares the format and the fields.
        when_full: called when a piece is complete, also amid a delivery; it has to take the records out: `finish`, then
            `clear`. Without it all is one piece.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, mapping: Mapping, when_full: Callable[[], None] | None = None
    ) -> None:
        self._con, self._mapping, self._when_full = con, mapping, when_full
        cells = {TYPED_CELLS: ["VARCHAR"]} if "xlsx" in mapping.format.kind else {}
        group = {GROUP_ROW: "VARCHAR"} if mapping.format.carry else {}
        self._structure: dict[str, Any] = {**mapping.structure, **cells, **group}
        self._document = mapping.format.document or {"none": "VARCHAR"}
        # Without declared fields of it nobody asks for the document, and a field may have its name.
        document = DOCUMENT if mapping.format.document else f"{RESERVED_PREFIX}{DOCUMENT}"
        fields = ", ".join(f"{quoted(n)} {sql_type(t)}" for n, t in self._structure.items())
        con.execute(
            "create or replace temp table _smm_read (_smm_delivery int, _smm_row bigint, _smm_misfit varchar, "
            f"_smm_keys ubigint, {fields}, {document} {sql_type(self._document)})"
        )
        self._threads = threads_of(con)
        con.execute(f"create or replace temp view _smm_record as {in_parts('_smm_read', self._threads)}")
        self._texts: list[_Text] = []
        self._waiting: list[_Text] = []
        self._waiting_size = self._size = 0

    def read(self, number: int, path: Path, name: str) -> Extract:
        """Read one stored delivery; its rows carry `number`.

        Raises:
            SmmError: SMM-201, SMM-202 or SMM-203; what was read so far has to be forgotten then.
        """
        return self._read(self._mapping.format.kind_of(name), number, path, name)

    def forget(self, number: int) -> None:
        """Take a delivery out that turned out to be unreadable."""
        self._texts = [t for t in self._texts if t.delivery != number]
        self._waiting = [t for t in self._waiting if t.delivery != number]
        self._con.execute("delete from _smm_read where _smm_delivery = ?", [number])

    def finish(self) -> dict[int, list[RecordReject]]:
        """Complete the piece: parse what waits, take records out that are none; returns them by delivery number.

        Only records that look odd are parsed a second time, in Python, which is strict.
        """
        self._parse_waiting()
        self._doubt_equal_keys()
        rejects: dict[int, list[RecordReject]] = {}
        doubted = self._con.execute(
            "select _smm_delivery, _smm_row, _smm_misfit from _smm_record where _smm_misfit <> '' order by all"
        ).fetchall()
        texts = self.texts((number, row) for number, row, _ in doubted)
        for number, row, found in doubted:
            text = texts[number, row]
            reason = explain_line(text) if found[0] in (_BROKEN, _DOUBTED) else None
            reason = reason or ("broken_json" if found[0] == _BROKEN else found.lstrip(_DOUBTED))
            if reason:
                rejects.setdefault(number, []).append(RecordReject(row, reason, text))
        if rejects:
            broken = [(n, r.row) for n, found in rejects.items() for r in found]
            self._con.execute(
                "delete from _smm_read where (_smm_delivery, _smm_row) in "
                "(select (unnest(?::int[]), unnest(?::bigint[])))",
                [[n for n, _ in broken], [r for _, r in broken]],
            )
        return rejects

    def _doubt_equal_keys(self) -> None:
        """Doubt records that name a field twice; of records with the same keys one is looked at for all."""
        examples = self._con.execute(
            "select any_value(struct_pack(number := _smm_delivery, row_no := _smm_row)), _smm_keys from _smm_read "
            "where _smm_misfit = '' and _smm_keys is not null group by all"
        ).fetchall()
        texts = self.texts((example["number"], example["row_no"]) for example, _ in examples)
        reasons = {keys: explain_line(texts[example["number"], example["row_no"]]) for example, keys in examples}
        doubted = [keys for keys, reason in reasons.items() if reason == DUPLICATE_KEY]
        if doubted:
            self._con.execute(
                f"update _smm_read set _smm_misfit = '{_DOUBTED}' where _smm_keys in (select unnest(?::ubigint[]))",
                [doubted],
            )

    def texts(self, records: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
        """The original text of records of this piece, by delivery number and row; Parquet has none."""
        wanted = sorted(records)
        found: dict[tuple[int, int], str] = {}
        pieces = sorted(self._texts, key=lambda t: (t.delivery, t.first_row))
        starts = [(t.delivery, t.first_row) for t in pieces]
        for place, group in groupby(wanted, key=lambda w: bisect_right(starts, w) - 1):
            if place < 0:
                continue
            piece = pieces[place]
            lines = piece.lines.split(b"\n")
            for number, row in group:
                if number == piece.delivery and row - piece.first_row < len(lines):
                    found[number, row] = lines[row - piece.first_row].removesuffix(b"\r").decode()
        return found

    def clear(self) -> None:
        """Make room for the next piece."""
        self._con.execute("truncate _smm_read")
        self._texts, self._size = [], 0

    def _read(self, kind: Kind, number: int, path: Path, name: str) -> Extract:
        if kind == "parquet":
            with plain_file(path, name) as plain:
                return self._read_parquet(number, plain, name)

        def take(first_row: int, lines: bytes, context: str | None = None) -> None:
            self._waiting.append(_Text(number, first_row, lines, context))
            self._waiting_size += len(lines)
            if self._waiting_size >= BLOCK_BYTES * self._threads:
                self._add(self._parse_waiting())

        # A thread takes longer to begin than a small file takes to read.
        if path.stat().st_size < _LARGE_BYTES:
            return self._read_text(kind, path, name, take)
        return read_ahead(partial(self._read_text, kind, path, name), take)

    def _read_text(self, kind: Kind, path: Path, name: str, sink: ContextSink) -> Extract:
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
                return read_json_lines(path, name, self._mapping, sink)

    def _parse_waiting(self) -> int:
        """Parse the lines that wait, each once, into the record table; returns their size."""
        if not self._waiting:
            return 0
        # Each part of a union is parsed by a thread of its own. Few lines are not worth one.
        parts = min(self._threads, len(self._waiting)) if self._waiting_size >= BLOCK_BYTES else 1
        groups = [self._waiting[part::parts] for part in range(parts)]
        texts = " union all ".join(f"select {values}" for values in [_WAITING] * parts)
        values = [list(column) for group in groups for column in zip(*map(astuple, group), strict=True)]
        fields = ", ".join(f"r.{quoted(n)}" for n in self._structure)
        structure, document = (literal(json.dumps(s)) for s in (self._structure, self._document))
        odd = " or ".join(f"regexp_matches(text, {literal(pattern)})" for pattern in _ODD)
        # Of what is no object a struct of NULLs is made; a struct that is NULL is no JSON, or null.
        no_object = "case when starts_with(text, '{') then false else not starts_with(ltrim(text, ' \t\r'), '{') end"
        doubt = f"case when r is null then '{_BROKEN}' when {odd} or {no_object} then '{_DOUBTED}' else '' end"
        misfits = misfits_sql(self._mapping.structure, "r", "text")
        # Only lines are as their source wrote them; what other readers make of a record has each key once.
        keys = (
            "case when r is not null then hash(json_keys(text)) end" if "jsonl" in self._mapping.format.kind else "null"
        )
        # The optimizer would compute what can be of constants, such as the splitting of a text, on one thread.
        with little_planning(self._con):
            self._con.execute(
                f"insert into _smm_read select delivery, row_no, {doubt} || {misfits}, {keys}, {fields}, document "
                f"from (select delivery, row_no, text, document, try(from_json(text, {structure})) as r from ("
                "select delivery, first_row + generate_subscripts(lines, 1) - 1 as row_no, unnest(lines) as text, "
                f"from_json(context, {document}) as document from ("
                f"select delivery, first_row, string_split(decode(lines), chr(10)) as lines, context from ({texts}))) "
                # Trimming is slow, and a line that begins with a visible character is not empty.
                "where text >= '!' or trim(text, ' \t\r') <> '')",
                values,
            )
        size = self._waiting_size
        self._texts += self._waiting
        self._waiting, self._waiting_size = [], 0
        return size

    def _read_parquet(self, number: int, path: Path, name: str) -> Extract:
        with path.open("rb") as stream:
            if stream.read(4) != _PARQUET_MAGIC:
                unreadable("the file is not Parquet", name)
        with _no_damage(name):
            described = self._con.execute("select name from parquet_schema(?)", [str(path)]).fetchall()
            columns = self._con.execute("describe from read_parquet(?)", [str(path)]).fetchall() if described else []
            found = self._con.execute("select sum(num_rows) from parquet_file_metadata(?)", [str(path)]).fetchone()
        named = own_names([column[0] for column in columns], self._mapping, name)
        warnings = match_header(named, self._mapping, name)
        stored = {own: _parquet_value(*column[:2]) for own, column in zip(named, columns, strict=True)}
        values = ", ".join(
            f"cast({stored[n]} as {sql_type(t)})" if n in stored else "null" for n, t in self._structure.items()
        )
        rows = int(found[0] or 0) if found else 0
        for first in range(0, rows, PIECE_ROWS):
            with _no_damage(name):
                self._con.execute(
                    f"insert into _smm_read select ?, file_row_number + 1, '', null, {values}, null "
                    "from read_parquet(?, file_row_number = true) where file_row_number between ? and ?",
                    [number, str(path), first, first + PIECE_ROWS - 1],
                )
            self._add(min(PIECE_ROWS, rows - first) * PIECE_BYTES // PIECE_ROWS)
        return Extract(records=rows, warnings=warnings)

    def _add(self, size: int) -> None:
        self._size += size
        if self._when_full and self._size >= PIECE_BYTES:
            self._when_full()


def _parquet_value(column: str, type_: str) -> str:
    """SQL of a column's value; a whole number among doubles is written as one.

    An id becomes a double as soon as one row lacks it, and as `12345.0` it would be the id of nobody.
    """
    name = quoted(column)
    if type_ not in ("DOUBLE", "FLOAT"):
        return name
    is_whole = f"{name} = trunc({name}) and abs({name}) < {MAX_WHOLE_DOUBLE}"
    return f"case when {is_whole} then cast(cast({name} as bigint) as varchar) else cast({name} as varchar) end"


@contextmanager
def _no_damage(name: str) -> Iterator[None]:
    """Refuse a Parquet file that DuckDB cannot read."""
    try:
        yield
    except duckdb.Error as error:
        # What Thrift says of a broken footer has no kind of its own.
        if type(error) is not duckdb.Error and not isinstance(error, _DAMAGE):
            raise
        unreadable(f"the Parquet file is damaged or of another structure: {without_values(str(error))}", name)
