"""Processes of the publishing tests: a publisher that counts generations, and readers that hold it to its word.

Belongs here: what runs outside the test process, started as `python -m tests.integration.publishing ROLE ...`, and
the rows it writes. Every table of generation G holds G alone, so a reader that meets two numbers has seen two
builds in one read. Does not belong here: assertions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.settings import Settings, Shop
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.publish import Publication, publish
from smm_pipeline.warehouse.schema import create_books, create_tables, load_seed_csv
from tests.project_catalog import project_catalog
from tests.serving_fixture import READ_BESIDE, fill_dictionary

ROWS = 5_000
TABLES = {"kpi.kpi_daily_benefit": "orders", "kpi.kpi_daily_social_traffic": "sessions"}


def settings_of(home: Path) -> Settings:
    return Settings(home=home, shop=Shop(name="Test", time_zone="Europe/Kyiv", currency="UAH"))


@cache
def published_catalog() -> Catalog:
    """The published tables only: the others take time to create and are not copied."""
    return Catalog({spec.full_name: spec for spec in project_catalog() if spec.publish})


@cache
def _needed_catalog() -> Catalog:
    """With what publishing reads beside them."""
    return Catalog({**published_catalog().tables, **{name: project_catalog()[name] for name in READ_BESIDE}})


@contextmanager
def warehouse(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The instance's warehouse with every table that is published, and the seeds."""
    catalog = _needed_catalog()
    with connect(settings_of(home)) as con:
        create_books(con)
        for layer in sorted({spec.layer for spec in catalog}):
            con.execute(f"create schema if not exists {layer}")
        create_tables(con, catalog)
        for spec in catalog:
            if spec.layer == "seeds":
                con.execute(f"delete from {spec.full_name}")
                load_seed_csv(con, spec)
        fill_dictionary(con)
        yield con


def publish_generation(home: Path, con: duckdb.DuckDBPyConnection, generation: int) -> Publication:
    """Fill both tables with one number, in an order that is not the key's, and publish."""
    con.execute("delete from kpi.kpi_daily_benefit")
    con.execute("delete from kpi.kpi_daily_social_traffic")
    con.execute(
        "insert into kpi.kpi_daily_benefit by name select date '2026-03-01' as date_local, 'telegram' as network, "
        "printf('%08d', (i * 7919) % $rows) as community_id, 'D2_impulse' as benefit_class, $g as orders "
        "from range($rows) as r(i)",
        {"rows": ROWS, "g": generation},
    )
    con.execute(
        "insert into kpi.kpi_daily_social_traffic by name select date '2026-03-02' as date_local, "
        "'telegram' as network, printf('%08d', i) as community_id, 'home' as landing_section, $g as sessions "
        "from range($rows) as r(i)",
        {"rows": ROWS, "g": generation},
    )
    return publish(settings_of(home), project_catalog(), con, run_id=str(generation))


def generations(con: duckdb.DuckDBPyConnection) -> list[int]:
    """All different generations that one reader meets in several queries; a consistent file has one.

    A wrong number of rows counts as generation -1.
    """
    seen: set[int] = set()
    for table, column in TABLES.items():
        found = con.execute(f"select count(*), min({column}), max({column}) from {table}").fetchone()
        assert found is not None
        seen |= {found[1], found[2]} if found[0] == ROWS else {-1}
    found = con.execute("select run_id from kpi._publication").fetchone()
    assert found is not None
    return sorted(seen | {int(found[0])})


def run_publisher(home: Path, seconds: float) -> dict[str, int]:
    """Say `ready` when the first generation is out; publish until the file `stop` appears, at most `seconds`."""
    published = 0
    deadline = time.monotonic() + seconds
    with warehouse(home) as con:
        while time.monotonic() < deadline and not (home / "stop").exists():
            published += 1
            publish_generation(home, con, published)
            if published == 1:
                sys.stdout.write("ready\n")
                sys.stdout.flush()
    return {"published": published}


def run_reader(home: Path, kind: str, seconds: float) -> dict[str, int]:
    """Read until the time is up: `reopen` with a connection per read, `session` and `transaction` with one for all."""
    path = str(settings_of(home).serving_file)
    result = {"reads": 0, "errors": 0, "inconsistent": 0, "generations": 0}
    met: set[int] = set()
    deadline = time.monotonic() + seconds
    lasting = None if kind == "reopen" else duckdb.connect(path, read_only=True)
    while time.monotonic() < deadline:
        try:
            con = lasting or duckdb.connect(path, read_only=True)
            if kind == "transaction":
                con.execute("begin transaction")
            seen = generations(con)
            if kind == "transaction":
                con.execute("commit")
            if lasting is None:
                con.close()
        except duckdb.Error as error:
            sys.stderr.write(f"{error}\n")
            result["errors"] += 1
            continue
        met |= set(seen)
        result["reads"] += 1
        result["inconsistent"] += len(seen) != 1
    if lasting is not None:
        lasting.close()
        # A session that keeps the file open keeps its first snapshot for ever.
        result["inconsistent"] += len(met) != 1
    return result | {"generations": len(met)}


def main() -> None:
    role, home, *rest = sys.argv[1:]
    if role == "publish":
        with warehouse(Path(home)) as con:
            publish_generation(Path(home), con, int(rest[0]))
        return
    seconds = float(rest[0])
    result = run_publisher(Path(home), seconds) if role == "publisher" else run_reader(Path(home), role, seconds)
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
