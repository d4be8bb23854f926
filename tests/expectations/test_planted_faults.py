"""Every expectation of every table, seen to pass on good rows and to fail on a planted fault.

The rows are data: tests/expectations/<layer>/<table>.yml beside expectations/<layer>/<table>.yml, with the keys

    base: {column: value}              # what each row of the file has unless it says otherwise
    upstream: {core.fct_order: [row]}  # rows of other tables that a query reads
    days: [2026-03-01]                 # the days asked for; without it, the days that occur
    good: [row, ...]                   # pass the whole suite
    bad:
      expectation_id: [row, ...]       # trip at least this expectation
      other_id: {rows: [], upstream: {}, days: []}

A column that neither base nor a row names is NULL. Upstream rows of a bad case replace those of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.quoting import quoted
from smm_pipeline.validation import Verdict, check_suite, validate
from smm_pipeline.warehouse.schema import create_tables, load_seed_csv, relation
from tests.project_catalog import project_catalog

HERE = Path(__file__).parent
CATALOG = project_catalog()
TABLES = sorted(spec.full_name for spec in CATALOG)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """Rows of the table itself, of the tables it is compared with, and the days asked for."""

    rows: list[Row]
    upstream: Mapping[str, list[Row]]
    days: list[date] | None


@cache
def fault_file(full_name: str) -> dict[str, Any]:
    path = HERE / full_name.replace(".", "/", 1)
    data: dict[str, Any] = yaml.safe_load(path.with_suffix(".yml").read_text(encoding="utf-8"))
    return data


def good_case(full_name: str) -> Case:
    data = fault_file(full_name)
    return Case(data["good"], data.get("upstream", {}), data.get("days"))


def bad_cases(full_name: str) -> dict[str, Case]:
    data = fault_file(full_name)
    cases = {}
    for check_id, given in data["bad"].items():
        case = {"rows": given} if isinstance(given, list) else given
        upstream = case.get("upstream", data.get("upstream", {}))
        cases[check_id] = Case(case["rows"], upstream, case.get("days", data.get("days")))
    return cases


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with every table of the catalog, empty."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for layer in sorted({spec.layer for spec in CATALOG}):
            connection.execute(f"create schema {layer}")
        create_tables(connection, CATALOG)
        yield connection


def insert(con: duckdb.DuckDBPyConnection, catalog: Catalog, full_name: str, rows: list[Row], base: Row) -> None:
    spec = catalog[full_name]
    for row in rows:
        values = {**base, **row}
        columns = ", ".join(quoted(name) for name in values)
        marks = ", ".join("?" for _ in values)
        con.execute(f"insert into {relation(spec)} ({columns}) values ({marks})", list(values.values()))


def verdicts(con: duckdb.DuckDBPyConnection, spec: TableSpec, case: Case, suite: Mapping[str, Any]) -> list[Verdict]:
    """Validate a case in a transaction of its own, which leaves nothing behind."""
    con.execute("begin")
    try:
        insert(con, CATALOG, spec.full_name, case.rows, fault_file(spec.full_name).get("base", {}))
        for name, rows in case.upstream.items():
            insert(con, CATALOG, name, rows, {})
        return validate(con, spec, relation=relation(spec), days=case.days, suite=suite)
    finally:
        con.execute("rollback")


@pytest.mark.parametrize("full_name", TABLES)
def test_suite_is_well_formed(full_name: str) -> None:
    spec = CATALOG[full_name]
    assert check_suite(spec.suite, spec) == []


@pytest.mark.parametrize("full_name", TABLES)
def test_every_expectation_has_a_planted_fault(full_name: str) -> None:
    suite = CATALOG[full_name].suite
    assert suite is not None, f"expectations/{full_name.replace('.', '/', 1)}.yml is missing"
    assert set(fault_file(full_name)["bad"]) == {entry["id"] for entry in suite["expectations"]}


@pytest.mark.parametrize("full_name", TABLES)
def test_good_rows_pass(con: duckdb.DuckDBPyConnection, full_name: str) -> None:
    spec = CATALOG[full_name]
    assert spec.suite is not None
    case = good_case(full_name)
    assert case.rows, "an empty table proves nothing"
    found = verdicts(con, spec, case, spec.suite)
    assert [(v.check_id, v.status, v.observed) for v in found if v.status != "passed"] == []


@pytest.mark.parametrize("full_name", TABLES)
def test_planted_faults_are_found(con: duckdb.DuckDBPyConnection, full_name: str) -> None:
    spec = CATALOG[full_name]
    assert spec.suite is not None
    cases = bad_cases(full_name)
    not_found = {}
    for entry in spec.suite["expectations"]:
        [verdict] = verdicts(con, spec, cases[entry["id"]], {"expectations": [entry]})
        if verdict.status != "failed":
            not_found[entry["id"]] = (verdict.status, verdict.observed)
    assert not_found == {}


@pytest.mark.parametrize("full_name", TABLES)
def test_no_part_of_a_compound_key_may_be_null(full_name: str) -> None:
    # Over SQL a NULL in one part hides duplicates of the others (tests/contract/test_gx_agreement.py).
    suite = CATALOG[full_name].suite or {"expectations": []}
    not_null = {
        entry["kwargs"]["column"]
        for entry in suite["expectations"]
        if entry["type"] == "expect_column_values_to_not_be_null"
    }
    queries = " ".join(entry["kwargs"].get("unexpected_rows_query", "") for entry in suite["expectations"])
    keys = {column for entry in suite["expectations"] for column in entry["kwargs"].get("column_list", [])}
    assert {key for key in keys - not_null if f"{key} is null" not in queries} == set()


@pytest.mark.parametrize("spec", CATALOG.layer("seeds"), ids=lambda spec: spec.name)
def test_shipped_seeds_keep_their_suites(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    if not spec.path.with_suffix(".csv").is_file():
        pytest.skip("this seed is made from smm.toml")
    con.execute("begin")
    try:
        load_seed_csv(con, spec)
        found = validate(con, spec, relation=relation(spec))
    finally:
        con.execute("rollback")
    assert [(v.check_id, v.status, v.unexpected_count) for v in found if v.status != "passed"] == []


def test_no_file_without_a_table() -> None:
    suites = {f"{p.parent.name}.{p.stem}" for p in (HERE.parents[1] / "expectations").glob("*/*.yml")}
    faults = {f"{p.parent.name}.{p.stem}" for p in HERE.glob("*/*.yml")}
    assert suites | faults <= set(TABLES)
