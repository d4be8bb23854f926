"""What a table's own suite says of the rows that a case builds.

Belongs here: which expectations a case is asked, and which of them its rows break. Does not belong here: the cases
(test_cases.py), and rows that no SELECT made (tests/expectations).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.validation import validate
from smm_pipeline.warehouse.schema import relation

_TABLE = re.compile(r"\b(?:seeds|raw|staging|core|kpi)\.\w+")


def compared(spec: TableSpec) -> dict[str, set[str]]:
    """The expectations of a suite, and the tables that each compares the rows with; none where it reads the rows alone.

    Not those of missing values: a case leaves columns out that it is not about, so that they would speak of the case.
    """
    return {entry["id"]: set(_TABLE.findall(repr(entry["kwargs"]))) for entry in _entries(spec)}


def asked(spec: TableSpec, case: Mapping[str, Any]) -> set[str]:
    """The expectations over tables that the SELECT reads, or that the case gives rows of for them."""
    known = spec.deps | case["inputs"].keys()
    return {check for check, tables in compared(spec).items() if tables <= known}


def _entries(spec: TableSpec) -> list[Mapping[str, Any]]:
    suite = spec.suite or {"expectations": []}
    return [entry for entry in suite["expectations"] if entry["type"] != "expect_column_values_to_not_be_null"]


def broken(
    con: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    case: Mapping[str, Any],
    values: Mapping[str, Any],
    days: Sequence[date] | None,
) -> set[str]:
    """Build the table with these values as parameters, as the engine does, and ask its suite."""
    checks = asked(spec, case)
    entries = [entry for entry in _entries(spec) if entry["id"] in checks]
    if not entries:
        return set()
    con.execute(f"delete from {relation(spec)}")
    con.execute(f"insert into {relation(spec)} by name {spec.sql}", {name: values[name] for name in spec.parameters})
    found = validate(con, spec, relation=relation(spec), days=days, suite={"expectations": entries})
    return {verdict.check_id for verdict in found if verdict.status != "passed"}
