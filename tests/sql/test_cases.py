"""Known-answer cases of the SQL: a YAML file is a test, no Python per case.

tests/sql/<layer>/<table>/<case>.yml holds:
    about:    the rule under test, in words
    days:     [first, last] of the window (left out for tables without partitions)
    settings: rules that differ from their defaults
    inputs:   {table: [rows]}; a column left out is NULL; `base` of a table is merged into its rows. Of a table that the
              SELECT does not read, rows are for the expectations that compare with it
    where:    a condition on the rows that the case is about (left out for all)
    expect:   rows; only the named columns are compared, in any order of rows
    restated: {inputs, expect} as above: what came later; a table named in inputs has those rows instead of its old ones
    breaks:   {expectation: reason}: what of the table's own suite these rows break, and why (left out for nothing)
    shows:    {tie, empty_day}: in words, which of what every KPI has to be shown is in the case
The case runs in one window and, for partitioned tables, day by day on what the lookback and lookahead of the yml let a
day read: both must give the same rows. What is restated may change only days that read a changed day by them, since no
others would be built again. What is built in one window keeps the table's own suite (own_suite.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from smm_pipeline.catalog import Catalog, Days, TableSpec
from smm_pipeline.settings import Rules, Settings, Shop
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import tune
from smm_pipeline.warehouse.schema import create_tables, relation
from tests.project_catalog import project_catalog
from tests.sql import own_suite

CASES = sorted(Path(__file__).parent.glob("*/*/*.yml"))
SHOP = Shop(name="Our Shop", brand="OurBrand", time_zone="Europe/Kyiv", currency="UAH", own_hosts=("shop.example",))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The project's own catalog."""
    return project_catalog()


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A real, empty database file."""
    with duckdb.connect(str(tmp_path / "case.duckdb")) as connection:
        yield connection


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_case(path: Path, catalog: Catalog, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The table's SELECT gives the expected rows, at once and day by day."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    spec = catalog[f"{path.parent.parent.name}.{path.parent.name}"]
    settings = Settings(home=tmp_path, shop=SHOP, rules=Rules(**case.get("settings", {})))
    tune(con, settings.warehouse)
    for schema in ("seeds", "raw", "staging", "core", "kpi"):
        con.execute(f"create schema {schema}")
    compared = {table for tables in own_suite.compared(spec).values() for table in tables}
    create_tables(con, [catalog[name] for name in {spec.full_name} | spec.deps | compared])
    unknown = case["inputs"].keys() - spec.deps - compared
    assert not unknown, f"neither the table nor its suite reads {unknown}"
    for name, rows in case["inputs"].items():
        _insert(con, catalog[name], rows)

    _check(con, catalog, spec, settings, case, case["expect"])
    broken = _broken(con, spec, settings, case)
    if "restated" in case:
        before = _by_day(con, spec, settings, case)
        stale = _restate(con, catalog, spec, case)
        _check(con, catalog, spec, settings, case, case["restated"]["expect"])
        broken |= _broken(con, spec, settings, case)
        after = _by_day(con, spec, settings, case)
        changed = {day for day in before if before[day] != after[day]}
        assert changed, "what was restated changes nothing here"
        assert changed <= stale, "these days would not be built again"
    assert broken == case.get("breaks", {}).keys()


def test_every_comparison_is_asked(catalog: Catalog) -> None:
    """What a suite compares with other tables is held to what the SELECT makes of them, in some case at least."""
    kept: dict[str, set[str]] = {}
    for path in CASES:
        name = f"{path.parent.parent.name}.{path.parent.name}"
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        kept.setdefault(name, set()).update(own_suite.asked(catalog[name], case) - case.get("breaks", {}).keys())
    compared = {name: {check for check, tables in own_suite.compared(catalog[name]).items() if tables} for name in kept}
    assert {name: checks - kept[name] for name, checks in compared.items() if checks - kept[name]} == {}


def _check(
    con: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    spec: TableSpec,
    settings: Settings,
    case: dict[str, Any],
    expect: list[dict[str, Any]],
) -> None:
    about = case.get("where", "true")
    columns = list(expect[0]) if expect else [spec.columns[0].name]
    at_once = _rows(con, spec, settings, [_window(case)], columns, about)
    day_by_day = _day_by_day(con, catalog, spec, settings, case, columns) if spec.partition else at_once
    expected = sorted((_comparable(tuple(row[c] for c in columns)) for row in expect), key=repr)
    assert at_once == expected
    assert day_by_day == expected


def _broken(con: duckdb.DuckDBPyConnection, spec: TableSpec, settings: Settings, case: dict[str, Any]) -> set[str]:
    """What the suite finds in the rows of the window; tests/integration runs the suites of windows of one day."""
    first, last = _window(case)
    values = {**settings.sql_parameters(), **window_parameters(first, last, settings)}
    days = [day for day, _ in _days((first, last))] if spec.partition else None
    return own_suite.broken(con, spec, case, values, days)


def _day_by_day(
    con: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    spec: TableSpec,
    settings: Settings,
    case: dict[str, Any],
    columns: list[str],
) -> list[tuple[Any, ...]]:
    """Each day from the rows alone that the yml says it reads; the others are put back after it."""
    found: list[tuple[Any, ...]] = []
    for day, _ in _days(_window(case)):
        con.execute("begin transaction")
        for name in spec.deps:
            place, back, ahead = (
                catalog[name].partition,
                spec.lookback_days.get(name, 0),
                spec.lookahead_days.get(name, 0),
            )
            if place and back != "all":
                con.execute(f"delete from {relation(catalog[name])} where {place} < ?", [day - timedelta(days=back)])
            if place and ahead != "all":
                con.execute(f"delete from {relation(catalog[name])} where {place} > ?", [day + timedelta(days=ahead)])
        found += _rows(con, spec, settings, [(day, day)], columns, case.get("where", "true"))
        con.execute("rollback")
    return sorted(found, key=repr)


def _by_day(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, settings: Settings, case: dict[str, Any]
) -> dict[date, list[tuple[Any, ...]]]:
    names = [column.name for column in spec.columns]
    return {day: _rows(con, spec, settings, [(day, day)], names, "true") for day, _ in _days(_window(case))}


def _restate(con: duckdb.DuckDBPyConnection, catalog: Catalog, spec: TableSpec, case: dict[str, Any]) -> set[date]:
    """Put the restated rows in place; returns the days of the window that the engine would build again."""
    window = [day for day, _ in _days(_window(case))]
    stale: set[date] = set()
    for name, rows in case["restated"]["inputs"].items():
        dep = catalog[name]
        old = con.execute(f"from {relation(dep)}").fetchall()
        con.execute(f"delete from {relation(dep)}")
        _insert(con, dep, rows)
        new = con.execute(f"from {relation(dep)}").fetchall()
        if name not in spec.deps:
            continue
        if spec.partition is None or dep.partition is None:
            stale |= set(window)
            continue
        place = [column.name for column in dep.columns].index(dep.partition)
        back, ahead = spec.lookback_days.get(name, 0), spec.lookahead_days.get(name, 0)
        for touched in {row[place] for row in old} | {row[place] for row in new}:
            if _of_day(old, place, touched) != _of_day(new, place, touched):
                stale |= {day for day in window if _reads(day, touched, back, ahead)}
    return stale


def _of_day(rows: list[tuple[Any, ...]], place: int, day: date) -> list[str]:
    return sorted(repr(row) for row in rows if row[place] == day)


def _reads(day: date, touched: date, back: Days, ahead: Days) -> bool:
    """True where a day reads a day of its input: so many days before it, and so many after."""
    age = (day - touched).days
    return (back == "all" or age <= back) and (ahead == "all" or -age <= ahead)


def _window(case: dict[str, Any]) -> tuple[date, date]:
    first, last = case.get("days", ["2026-03-10", "2026-03-10"])
    return date.fromisoformat(str(first)), date.fromisoformat(str(last))


def _days(window: tuple[date, date]) -> list[tuple[date, date]]:
    first, last = window
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [(day, day) for day in days]


def _insert(con: duckdb.DuckDBPyConnection, spec: TableSpec, data: Any) -> None:
    base, rows = (data.get("base", {}), data["rows"]) if isinstance(data, dict) else ({}, data)
    for row in rows:
        merged = {**base, **row}
        names = ", ".join(merged)
        marks = ", ".join("?" for _ in merged)
        con.execute(f"insert into {relation(spec)} ({names}) values ({marks})", list(merged.values()))


def _rows(
    con: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    settings: Settings,
    windows: list[tuple[date, date]],
    columns: list[str],
    about: str,
) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for first, last in windows:
        values = {**settings.sql_parameters(), **window_parameters(first, last, settings)}
        used = {name: values[name] for name in spec.parameters}
        selected = ", ".join(columns)
        found += con.execute(f"select {selected} from ({spec.sql}) as built where {about}", used).fetchall()
    return sorted((_comparable(row) for row in found), key=repr)


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values in one form: money and floats to six digits, instants as UTC text, days as text."""
    return tuple(_plain(value) for value in row)


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return format(round(Decimal(str(value)), 6).normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.replace(tzinfo=UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
