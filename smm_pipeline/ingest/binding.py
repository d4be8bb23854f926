"""Whether DuckDB can resolve a mapping, and if not, which of its expressions is at fault.

Belongs here: resolving names and types once, over no records, before any delivery is read. Does not belong here: what
the mapping language allows (room feeds), which is checked without a database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import FeedSource
from smm_pipeline.feeds.mapping import DELIVERY_DATE
from smm_pipeline.feeds.mapping_check import expressions_of
from smm_pipeline.ingest.deliveries import list_arrivals
from smm_pipeline.ingest.records import RecordTable
from smm_pipeline.ingest.transform import TablePlan, record_source
from smm_pipeline.warehouse.connection import little_planning

_UNKNOWN_NAME = re.compile(r'(?:column|table|key) "([^"]+)"')
_Uncomputable = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)
_Errors = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, *_Uncomputable)


def check_binding(con: duckdb.DuckDBPyConnection, source: FeedSource, plans: Sequence[TablePlan]) -> None:
    """Let DuckDB resolve the names and types of a mapping; its macros must be defined.

    Raises:
        SmmError: SMM-204 naming the key of the mapping, its expression, and the nearest name where one is unknown.
    """
    RecordTable(con, source.mapping)
    list_arrivals(con, [])
    where = f"{source.feed.vendor or source.feed.mapping} (feed {source.name})"
    with little_planning(con):
        for plan in plans:
            if error := _error_of(con, plan.typed_sql(datetime.now(UTC))):
                what = _told(con, source, plan) or f"tables.{plan.spec.name}: cannot be resolved: {_first_line(error)}"
                raise SmmError("SMM-204", what, where=where, hint="see docs/mapping.md") from error
    for key, expression in expressions_of(source.mapping):
        if error := _constant_error(con, expression):
            what = f"{key}: {expression} cannot be resolved: {_first_line(error)}"
            raise SmmError("SMM-204", what, where=where, hint="see docs/mapping.md") from error


def _error_of(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Error | None:
    try:
        con.execute(f"explain {sql}")
    except _Errors as error:
        return error
    return None


def _constant_error(con: duckdb.DuckDBPyConnection, expression: str) -> duckdb.Error | None:
    """Why an expression that needs no record has no value, as chr(99999999): it would fail with the first record."""
    try:
        con.execute(f"select {expression}")
    except _Uncomputable as error:
        return error
    except duckdb.Error:
        # It names fields, or is the bare name of one.
        return None
    return None


def _told(con: duckdb.DuckDBPyConnection, source: FeedSource, plan: TablePlan) -> str:
    """Key, expression and reason of the first expression at fault; empty when each alone can be resolved."""
    for key, expression, sql in _parts(source, plan):
        if error := _error_of(con, sql):
            reason = _first_line(error)
            unknown = _UNKNOWN_NAME.search(reason)
            close = get_close_matches(unknown[1], _names(source, plan), n=1) if unknown else []
            hint = f"; did you mean {close[0]}?" if close else ""
            return f"{key}: {expression} cannot be resolved: {reason}{hint}"
    return ""


def _parts(source: FeedSource, plan: TablePlan) -> Iterator[tuple[str, str, str]]:
    """Each expression that a table needs: key, text, and SQL with nothing in it that was not looked at before."""
    mapping = source.mapping

    def records(**parts: Any) -> str:
        return record_source(replace(source, mapping=mapping.model_copy(update={"extracted_ts": None, **parts})))

    let = list(mapping.let.items())
    for number, (name, text) in enumerate(let, start=1):
        yield f"let.{name}", text, records(let=dict(let[:number]), skip=(), combine=None)
    for number, rule in enumerate(mapping.skip, start=1):
        yield f"skip.{rule.reason}", rule.where, records(skip=mapping.skip[:number], combine=None)
    if mapping.extracted_ts:
        bare = mapping.model_copy(update={"combine": None})
        yield "extracted_ts", mapping.extracted_ts.expr, record_source(replace(source, mapping=bare))
    if combine := mapping.combine:
        yield "combine.by", combine.by, records(combine=combine.model_copy(update={"each": "1"}))
        yield "combine.each", combine.each, records()
    key, table = f"tables.{plan.spec.name}", plan.rule
    yield f"{key}.from", table.source, _rows(plan, where="", columns={})
    yield f"{key}.where", table.where, _rows(plan, columns={})
    for name, column in table.columns.items():
        yield f"{key}.{name}", column.expr, _rows(plan, columns={name: column})


def _rows(plan: TablePlan, **parts: Any) -> str:
    return replace(plan, rule=plan.rule.model_copy(update=parts)).typed_sql(datetime.now(UTC))


def _names(source: FeedSource, plan: TablePlan) -> list[str]:
    """What an expression may name: fields at any depth, named expressions, the element of a list."""
    element = plan.rule.unnested
    own = [element[1], f"{element[1]}_no"] if element else []
    if source.mapping.combine:
        own.append(source.mapping.combine.into)
    return [*_fields(source.mapping.structure), *source.mapping.let, *own, DELIVERY_DATE]


def _fields(structure: Any) -> Iterator[str]:
    if isinstance(structure, dict):
        for name, inner in structure.items():
            yield name
            yield from _fields(inner)
    elif isinstance(structure, (list, tuple)):
        for inner in structure:
            yield from _fields(inner)


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0].partition("Error: ")[2].rstrip("!")
