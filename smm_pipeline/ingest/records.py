"""From the bytes of a batch to its record table.

Belongs here: the temporary tables `_smm_line` (delivery number, row, original text) and `_smm_record` (delivery number,
row, one column per declared field, `document`), filled by the strict readers or by DuckDB's Parquet reader. Every leaf
is VARCHAR: types belong to the contracts. Where a mapping reads workbooks, TYPED_CELLS lists the fields whose cell was
a real number, day or instant and not text. Does not belong here: what the fields mean.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb

from smm_pipeline.feeds.file_format import GROUP_ROW, Kind
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.csv_reader import read_csv
from smm_pipeline.ingest.files import plain_file, unreadable
from smm_pipeline.ingest.json_documents import read_json_document
from smm_pipeline.ingest.nested_lines import read_nested_lines
from smm_pipeline.ingest.plain_lines import read_lines
from smm_pipeline.ingest.results import Extract, RecordReject
from smm_pipeline.ingest.structures import literal, misfits_sql, sql_type
from smm_pipeline.ingest.tabular import match_header, own_names
from smm_pipeline.ingest.text_readers import explain_line, read_json_lines
from smm_pipeline.ingest.workbooks import TYPED_CELLS, read_workbook
from smm_pipeline.masking import without_values
from smm_pipeline.warehouse.schema import quoted

_PARQUET_MAGIC = b"PAR1"
# What DuckDB's JSON reader lets pass, or fails on, and a strict one must look at again: NaN, Infinity, trailing commas,
# NUL, halves of pairs of code units.
_ODD = re.compile(r"[:,\[]\s*-?([Nn][Aa][Nn]|[Ii][Nn][Ff])|,\s*[\]}]|\\u(0000|[dD][89a-fA-F])")


class RecordTable:
    """The record table of one batch; deliveries are read into it one after the other.

    Args:
        con: connection with no open transaction on the temporary tables.
        mapping: declares the format and the fields.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
        self._con, self._mapping = con, mapping
        cells = {TYPED_CELLS: ["VARCHAR"]} if "xlsx" in mapping.format.kind else {}
        group = {GROUP_ROW: "VARCHAR"} if mapping.format.carry else {}
        self._structure: dict[str, Any] = {**mapping.structure, **cells, **group}
        fields = ", ".join(f"{quoted(n)} {sql_type(t)}" for n, t in self._structure.items())
        con.execute("create or replace temp table _smm_line (delivery int, row_no bigint, text varchar)")
        con.execute("create or replace temp table _smm_document (delivery int, text varchar)")
        con.execute(
            "create or replace temp table _smm_record (_smm_delivery int, _smm_row bigint, _smm_misfit varchar, "
            f"{fields}, document {sql_type(mapping.format.document or {'none': 'VARCHAR'})})"
        )

    def read(self, number: int, path: Path, name: str) -> Extract:
        """Read one stored delivery; its rows carry `number`.

        Raises:
            SmmError: SMM-201, SMM-202 or SMM-203; nothing of the delivery stays in the table then.
        """
        try:
            return self._read(self._mapping.format.kind_of(name), number, path, name)
        except BaseException:
            for table, column in (("_smm_line", "delivery"), ("_smm_record", "_smm_delivery")):
                self._con.execute(f"delete from {table} where {column} = ?", [number])
            raise

    def finish(self) -> dict[int, list[RecordReject]]:
        """Parse the collected lines into fields; returns rejects by delivery number."""
        rejects = self._broken_lines()
        if not self._has_lines():
            return rejects
        fields, structure = list(self._structure), json.dumps(self._structure)
        document = json.dumps(self._mapping.format.document or {"none": "VARCHAR"})
        misfits = misfits_sql(self._mapping.structure, "l.r", "l.text")
        columns = ", ".join(f"r.{quoted(n)}" for n in fields)
        self._con.execute(
            f"insert into _smm_record select l.delivery, l.row_no, {misfits}, {columns}, "
            f"from_json(d.text, {literal(document)}) "
            f"from (select delivery, row_no, text, from_json(text, {literal(structure)}) as r from _smm_line) l "
            "left join _smm_document d using (delivery)"
        )
        for number, row, reason, text in self._con.execute(
            "select l.delivery, l.row_no, r._smm_misfit, l.text from _smm_record r join _smm_line l "
            "on l.delivery = r._smm_delivery and l.row_no = r._smm_row where r._smm_misfit <> '' order by 1, 2"
        ).fetchall():
            rejects.setdefault(number, []).append(RecordReject(row, reason, text))
        self._con.execute("delete from _smm_record where _smm_misfit <> ''")
        return rejects

    def _has_lines(self) -> bool:
        return bool(self._con.execute("select 1 from _smm_line limit 1").fetchone())

    def _read(self, kind: Kind, number: int, path: Path, name: str) -> Extract:
        def sink(first_row: int, text: str) -> None:
            self._con.execute(
                "insert into _smm_line select ?, ? + i, l from (select unnest(lines) as l, "
                "generate_subscripts(lines, 1) - 1 as i from (select string_split(piece, chr(10)) as lines "
                "from (select cast(? as varchar) as piece))) "
                "where trim(l, ' \t\r') <> ''",
                [number, first_row, text],
            )

        match kind:
            case "csv":
                return read_csv(path, name, self._mapping, sink)
            case "xlsx":
                return read_workbook(path, name, self._mapping, sink)
            case "lines":
                return read_lines(path, name, self._mapping.format.encoding, sink)
            case "jsonl":
                if nest := self._mapping.format.nest:
                    return read_nested_lines(path, name, self._mapping, nest, sink)
                return read_json_lines(path, name, self._mapping, sink)
            case "json":
                extract, context = read_json_document(path, name, self._mapping, sink)
                self._con.execute("insert into _smm_document values (?, ?)", [number, context])
                return extract
            case "parquet":
                with plain_file(path, name) as plain:
                    return self._read_parquet(number, plain, name)

    def _read_parquet(self, number: int, path: Path, name: str) -> Extract:
        with path.open("rb") as stream:
            if stream.read(4) != _PARQUET_MAGIC:
                unreadable("the file is not Parquet", name)
        try:
            described = self._con.execute("select name from parquet_schema(?)", [str(path)]).fetchall()
            header = (
                [str(r[0]) for r in self._con.execute("describe from read_parquet(?)", [str(path)]).fetchall()]
                if described
                else []
            )
            named = own_names(header, self._mapping, name)
            warnings = match_header(named, self._mapping, name)
            stored = dict(zip(named, header, strict=True))
            columns = ", ".join(
                f"cast({quoted(stored[n])} as {sql_type(t)})" if n in stored else "null"
                for n, t in self._structure.items()
            )
            self._con.execute(
                f"insert into _smm_record select ?, file_row_number + 1, '', {columns}, null "
                "from read_parquet(?, file_row_number = true)",
                [number, str(path)],
            )
            rows = self._con.execute("select sum(num_rows) from parquet_file_metadata(?)", [str(path)]).fetchone()
        except (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException) as error:
            unreadable(f"the Parquet file is damaged or of another structure: {without_values(str(error))}", name)
        return Extract(records=int(rows[0] or 0) if rows else 0, warnings=warnings)

    def _broken_lines(self) -> dict[int, list[RecordReject]]:
        """Take out lines that are no JSON object; only odd ones are parsed a second time, in Python."""
        rejects: dict[int, list[RecordReject]] = {}
        odd = self._con.execute(
            "select delivery, row_no, text from _smm_line where not json_valid(text) or json_type(text) <> 'OBJECT' "
            f"or regexp_matches(text, {literal(_ODD.pattern)}) order by delivery, row_no"
        ).fetchall()
        broken = []
        for number, row, text in odd:
            if reason := explain_line(text):
                rejects.setdefault(number, []).append(RecordReject(row, reason, text))
                broken.append((number, row))
        if broken:
            self._con.execute(
                "delete from _smm_line where (delivery, row_no) in (select (unnest(?::int[]), unnest(?::bigint[])))",
                [[n for n, _ in broken], [r for _, r in broken]],
            )
        return rejects
