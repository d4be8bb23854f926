"""Staleness as a rule over versions: worked out by hand on three tables and five days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.catalog import Catalog, ColumnSpec, TableSpec
from smm_pipeline.settings import Settings, Shop
from smm_pipeline.warehouse.state import STATE_DDL, PartitionState, StateView, bump, code_version, save_states

DAYS = [f"2026-03-0{n}" for n in range(1, 6)]
COLUMNS = (ColumnSpec("d", "DATE", "Day"),)


def _table(layer: str, name: str, sql: str | None, **options: object) -> TableSpec:
    return TableSpec(
        layer=layer,  # type: ignore[arg-type] # the literal comes from this module
        name=name,
        description="",
        grain="",
        key=("d",),
        columns=COLUMNS,
        partition="d",
        sql=sql,
        **options,  # type: ignore[arg-type] # windows of the table under test
    )


@pytest.fixture
def catalog() -> Catalog:
    """raw.r -> staging.s (same day) -> core.c (two days back, one ahead)."""
    select = "select d from {} where d between $first_date and $last_date"
    tables = [
        _table("raw", "r", None),
        _table("staging", "s", select.format("raw.r")),
        _table(
            "core",
            "c",
            select.format("staging.s"),
            lookback_days={"staging.s": 2},
            lookahead_days={"staging.s": 1},
        ),
    ]
    return Catalog({t.full_name: t for t in tables})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Any settings."""
    return Settings(home=tmp_path, shop=Shop(name="A", time_zone="UTC", currency="UAH"))


@pytest.fixture
def con(catalog: Catalog, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in which everything is built and fresh."""
    with duckdb.connect() as connection:
        connection.execute("create schema meta")
        connection.execute(STATE_DDL)
        bump(connection, "raw.r", DAYS, run_id="1")
        for name, version in (("staging.s", 2), ("core.c", 3)):
            code = code_version(catalog[name], settings)
            states = [PartitionState(name, day, version, version - 1, code, "h") for day in DAYS]
            save_states(connection, states, "1")
            connection.execute("select nextval('meta.version_sequence')").fetchall()
        yield connection


def test_nothing_is_stale_when_everything_is_built(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings
) -> None:
    """Versions of inputs are not newer than what was built from them."""
    view = StateView(con, catalog, settings)
    assert view.days == [date.fromisoformat(day) for day in DAYS]
    assert view.all_stale_keys() == {}


def test_a_late_day_makes_its_windows_stale(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings
) -> None:
    """Day 3 changes: staging of day 3, and core of days 2 (looks one ahead) to 5 (looks two back)."""
    bump(con, "raw.r", [DAYS[2]], run_id="2")
    view = StateView(con, catalog, settings)
    assert view.stale_keys(catalog["core.c"]) == []
    assert view.all_stale_keys() == {"staging.s": [DAYS[2]], "core.c": DAYS[1:5]}


def test_a_rebuild_to_the_same_content_ends_there(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings
) -> None:
    """Staging was rebuilt from the new input but kept its version, so core stays fresh."""
    bump(con, "raw.r", [DAYS[2]], run_id="2")
    newest = StateView(con, catalog, settings).input_versions(catalog["staging.s"])[DAYS[2]]
    code = code_version(catalog["staging.s"], settings)
    save_states(con, [PartitionState("staging.s", DAYS[2], 2, newest, code, "h")], "2")
    assert StateView(con, catalog, settings).all_stale_keys() == {}


def test_changed_sql_makes_every_day_stale(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings
) -> None:
    """The code version is part of what a partition was built from."""
    con.execute("update meta.partition_state set code_version = 'old' where table_name = 'staging.s'")
    assert StateView(con, catalog, settings).stale_keys(catalog["staging.s"]) == DAYS


def test_windows_join_over_days_without_rows(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings
) -> None:
    """Day 9 follows day 5 because nothing lies between; day 3 parts 2 from 4 because it is not wanted."""
    bump(con, "raw.r", ["2026-03-09"], run_id="2")
    view = StateView(con, catalog, settings)
    wanted = [date(2026, 3, n) for n in (2, 4, 5, 9)]
    windows = view.windows(catalog["staging.s"], wanted)
    assert [w.label for w in windows] == ["2026-03-02", "2026-03-04/2026-03-09"]
