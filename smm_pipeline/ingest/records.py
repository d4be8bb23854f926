"""From the parts of a piece to its record table.

Belongs here: the temporary table `_smm_record` (delivery number, row, one column per declared field, `document`),
filled from texts and Parquet files for one piece at a time. Every leaf is VARCHAR: types belong to the contracts. Where
a mapping reads workbooks, TYPED_CELLS lists the fields whose cell was a real number, day or instant and not text. Does
not belong here: reading files (reading.py), and what the fields mean.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import DOCUMENT
from smm_pipeline.feeds.mapping import RESERVED_PREFIX, Mapping
from smm_pipeline.ingest.files import no_json
from smm_pipeline.ingest.line_breaks import line_ends
from smm_pipeline.ingest.line_table import LineTable
from smm_pipeline.ingest.parquet import AS_TEXT, no_damage
from smm_pipeline.ingest.parts import Lines, ParquetRows, Part, record_fields
from smm_pipeline.ingest.structures import misfits_sql, sql_type
from smm_pipeline.ingest.text_readers import BROKEN_JSON, DUPLICATE_KEY, explain_line, hold_to_utf8, parse_json
from smm_pipeline.ingest.unread import Unread
from smm_pipeline.quoting import quoted, sql_text
from smm_pipeline.warehouse.connection import little_planning

# What DuckDB's JSON reader lets pass, or fails on, and a strict one must look at again: NaN, Infinity, trailing commas,
# NUL, halves of pairs of code units. A pattern that begins with one certain character is many times faster.
_NO_NUMBER = "-?([Nn][Aa][Nn]|[Ii][Nn][Ff])"
_ODD = (rf":\s*{_NO_NUMBER}", rf"\[\s*{_NO_NUMBER}", rf",\s*([\]}}]|{_NO_NUMBER})")
_ODD_ESCAPE = r"\\u(0000|[dD][89a-fA-F])"

# What `_smm_misfit` begins with until the record was looked at again: no JSON, and JSON that looks odd.
_BROKEN, _DOUBTED = "!", "?"
_LINES, _BLANKS = "_smm_lines", sql_text(" \t\r\n")
# Records whose texts are Python's at a time.
TEXTS_AT_ONCE = 20_000


class DamagedDeliveryError(Exception):
    """A part of a delivery turned out to be unreadable when others of it may have been taken."""

    def __init__(self, number: int, error: SmmError) -> None:
        super().__init__(str(error))
        self.number, self.error = number, error


class RecordTable:
    """The record table of one piece after the other.

    Args:
        con: connection on which the table is made.
        mapping: declares the format and the fields.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
        self._con, self._mapping = con, mapping
        self._structure = record_fields(mapping)
        self._document = mapping.format.document or {"none": "VARCHAR"}
        # Without declared fields of it nobody asks for the document, and a field may have its name.
        document = DOCUMENT if mapping.format.document else f"{RESERVED_PREFIX}{DOCUMENT}"
        fields = ", ".join(f"{quoted(n)} {sql_type(t)}" for n, t in self._structure.items())
        self._create = (
            "create or replace temp table _smm_record (_smm_delivery int, _smm_row bigint, _smm_misfit varchar, "
            f"_smm_keys ubigint, {fields}, {document} {sql_type(self._document)})"
        )
        con.execute(self._create)
        self._texts: list[Lines] = []
        self._has_rows = False

    def fill(self, parts: Sequence[Part]) -> None:
        """Put the records of a piece into the table, in place of those of the piece before.

        Raises:
            DamagedDeliveryError: with SMM-201 when rows of a Parquet file cannot be read.
        """
        # Rows of a new table are written once; those that are added to one, even to one whose rows are gone, twice.
        self._con.execute(self._create)
        self._texts = [part for part in parts if isinstance(part, Lines)]
        self._has_rows = len(self._texts) < len(parts)
        self._parse(self._texts)
        for part in parts:
            if isinstance(part, ParquetRows):
                self._read_parquet(part)

    def take_out_broken(self, unread: Sequence[Unread]) -> None:
        """Take records out that are none, into the temporary table `_smm_broken` (delivery, row_no, reasons).

        Only records that look odd are parsed a second time, in Python, which is strict.

        Args:
            unread: counts, by delivery number, those that cannot be read at all.

        Raises:
            DamagedDeliveryError: with SMM-201 when a record of a document is no JSON: then the document is none; or
                when too many records cannot be read; with SMM-203 when a text is not UTF-8.
        """
        self._refuse_other_encodings(unread)
        self._doubt_equal_keys()
        # Few, or the delivery is refused. What only misses the structure may be any number, and stays in the database.
        broken: list[tuple[int, int, str]] = []
        for number, row, found, text in self._read_again(
            "select _smm_delivery, _smm_row, _smm_misfit from _smm_record "
            f"where left(_smm_misfit, 1) in ('{_BROKEN}', '{_DOUBTED}') order by all"
        ):
            reason = explain_line(text) or (BROKEN_JSON if found[0] == _BROKEN else None)
            if reason == BROKEN_JSON:
                self._refuse_document(number, row, text)
            if reason:
                try:
                    unread[number].add(row, reason, text)
                except SmmError as error:
                    raise DamagedDeliveryError(number, error) from error
                broken.append((number, row, reason))
        self._con.execute(
            "create or replace temp table _smm_broken as select unnest(?::int[]) as delivery, "
            "unnest(?::bigint[]) as row_no, unnest(?::varchar[]) as reasons",
            [[n for n, _, _ in broken], [row for _, row, _ in broken], [reason for _, _, reason in broken]],
        )
        self._con.execute(
            f"insert into _smm_broken select _smm_delivery, _smm_row, ltrim(_smm_misfit, '{_DOUBTED}') as reasons "
            "from _smm_record anti join _smm_broken on delivery = _smm_delivery and row_no = _smm_row "
            "where reasons <> ''"
        )
        self._con.execute(
            "delete from _smm_record using _smm_broken where delivery = _smm_delivery and row_no = _smm_row"
        )

    def _read_again(self, select: str) -> Iterator[tuple[int, int, Any, str]]:
        """Rows of delivery number, row and a value, in order, with the texts of their records, of which few are held.

        Until the last of them nothing else may be asked of the connection.
        """
        self._con.execute(select)
        while rows := self._con.fetchmany(TEXTS_AT_ONCE):
            texts = self.texts((number, row) for number, row, _ in rows)
            yield from ((number, row, value, texts[number, row]) for number, row, value in rows)

    def _refuse_other_encodings(self, unread: Sequence[Unread]) -> None:
        """Refuse a delivery with text that is not UTF-8; to DuckDB, which looks at every byte, its record is broken."""
        broken = f"select distinct _smm_delivery from _smm_record where starts_with(_smm_misfit, '{_BROKEN}')"
        suspected = {number for (number,) in self._con.execute(broken).fetchall()}
        for part in self._texts:
            if part.delivery in suspected:
                try:
                    hold_to_utf8(part.text, part.first_row, unread[part.delivery].name)
                except SmmError as error:
                    raise DamagedDeliveryError(part.delivery, error) from error

    def _refuse_document(self, number: int, row: int, text: str) -> None:
        """Refuse a document of which a record is no JSON."""
        document = next(part.document for part in self._texts if part.delivery == number)
        try:
            parse_json(text)
        except (ValueError, RecursionError) as error:
            if document:
                raise DamagedDeliveryError(number, no_json(f"record {row}: {error}", document)) from error

    def _doubt_equal_keys(self) -> None:
        """Doubt records that name a field twice; of records with the same keys one is looked at for all."""
        examples = (
            "select any_value(struct_pack(number := _smm_delivery, row_no := _smm_row)) as example, _smm_keys "
            "from _smm_record where _smm_misfit = '' and _smm_keys is not null group by all"
        )
        read = self._read_again(f"select example.number, example.row_no, _smm_keys from ({examples}) order by all")
        doubted = [keys for _, _, keys, text in read if explain_line(text) == DUPLICATE_KEY]
        if doubted:
            self._con.execute(
                f"update _smm_record set _smm_misfit = '{_DOUBTED}' where _smm_keys in (select unnest(?::ubigint[]))",
                [doubted],
            )

    @property
    def has_texts_alone(self) -> bool:
        """Whether every record of this piece has an original text; rows of Parquet have none."""
        return not self._has_rows

    @contextmanager
    def lines_of(self, records: str) -> Iterator[str]:
        """The original texts of records of this piece as a table to select from: delivery, row_no, text.

        It may hold others too. The texts never become Python's, of which a piece of rejects would be many times larger.

        Args:
            records: SELECT of their delivery and row_no.
        """
        wanted = self._con.execute(f"select distinct delivery, row_no from ({records}) order by all").fetchnumpy()
        deliveries, rows = (np.asarray(wanted[name]) for name in ("delivery", "row_no"))
        parts = [part for part in self._texts if _holds_any(part, deliveries, rows)]
        self._con.register(_LINES, LineTable(parts))
        try:
            yield f"(select delivery, row_no, rtrim(text, {_BLANKS}) as text from {_LINES})"
        finally:
            self._con.unregister(_LINES)

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
            ends = line_ends(piece.text) if piece.ends is None else piece.ends
            for number, row in group:
                line = row - piece.first_row
                if number == piece.delivery and line < len(ends):
                    text = piece.text[ends[line - 1] if line else 0 : ends[line]]
                    found[number, row] = text.removesuffix(b"\n").removesuffix(b"\r").decode()
        return found

    def _parse(self, texts: Sequence[Lines]) -> None:
        """Parse texts, each once, into the table."""
        if not texts:
            return
        fields = ", ".join(f"r.{quoted(n)}" for n in self._structure)
        structure, document = (sql_text(json.dumps(s)) for s in (self._structure, self._document))
        odd = " or ".join(f"regexp_matches(text, {sql_text(pattern)})" for pattern in _ODD)
        # Most texts have no such escape at all, and a search for two characters takes half the time of a pattern.
        odd += f" or case when contains(text, '\\u') then regexp_matches(text, {sql_text(_ODD_ESCAPE)}) else false end"
        # Of what is no object a struct of NULLs is made; a struct that is NULL is no JSON, or null.
        no_object = (
            f"case when starts_with(text, '{{') then false else not starts_with(ltrim(text, {_BLANKS}), '{{') end"
        )
        doubt = f"case when r is null then '{_BROKEN}' when {odd} or {no_object} then '{_DOUBTED}' else '' end"
        misfits = misfits_sql(self._mapping.structure, "r", "text")
        # Only JSON may be as its source wrote it; what other readers make of a record has each key once.
        is_written = {"json", "jsonl"} & {*self._mapping.format.kind}
        keys = "case when r is not null then hash(json_keys(text)) end" if is_written else "null"
        parsed = (
            f"select *, try(from_json(text, {structure})) as r from {_LINES} join "
            f"(select generate_subscripts(given, 1) - 1 as part, from_json(unnest(given), {document}) as document "
            "from (select ?::varchar[] as given)) using (part)"
        )
        self._con.register(_LINES, LineTable(texts))
        try:
            # The optimizer gains nothing here and makes planning longer, which counts for small deliveries.
            with little_planning(self._con):
                columns = f"delivery, row_no, {doubt} || {misfits}, {keys}, {fields}, document"
                contexts = [text.context for text in texts]
                self._con.execute(f"insert into _smm_record select {columns} from ({parsed})", [contexts])
        finally:
            self._con.unregister(_LINES)

    def _read_parquet(self, part: ParquetRows) -> None:
        try:
            with no_damage(part.file_name):
                self._con.execute(
                    f"insert into _smm_record select ?, file_row_number + 1, '', null, {part.values}, null "
                    f"from read_parquet(?, {AS_TEXT}, file_row_number = true) where file_row_number between ? and ?",
                    [part.delivery, str(part.path), part.first, part.last],
                )
        except SmmError as error:
            raise DamagedDeliveryError(part.delivery, error) from error


def _holds_any(part: Lines, deliveries: NDArray[np.int32], rows: NDArray[np.int64]) -> bool:
    """Whether a part holds any of the records that are named, in order, by their deliveries and rows."""
    first, last = np.searchsorted(deliveries, [part.delivery, part.delivery + 1])
    at, behind = np.searchsorted(rows[first:last], [part.first_row, part.first_row + part.count])
    return bool(at < behind)
