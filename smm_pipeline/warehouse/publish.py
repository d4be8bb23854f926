"""Publishing: the tables that people read, copied into a new file that replaces the old one in one step.

Belongs here: what goes into the serving file, how it is checked, and how it takes the place of its
predecessor. Does not belong here: building tables (build.py) or reading what was published (reporting/).

Readers never meet a half-written file: it is built beside the old one, reopened and checked, flushed to
disk, and only then renamed. A reader that has the old file open keeps that complete snapshot until it
reconnects. The storage version is that of DuckDB 1.0, because a file in the format of 2.0 cannot be opened
by any 1.x driver and those are what BI tools ship.

Windows refuses to rename over a file that a reader holds open: there `publish` raises SMM-304, the old file
stays, and the next run tries again. Linux and macOS have no such limit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog, ColumnSpec, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import quoted, sql_text
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.books import books
from smm_pipeline.warehouse.comments import column_comments
from smm_pipeline.warehouse.completeness import completeness
from smm_pipeline.warehouse.failpoints import failpoint
from smm_pipeline.warehouse.schema import relation
from smm_pipeline.warehouse.state import ALL, StateView, code_version
from smm_pipeline.warehouse.zeros import Zeros

STORAGE_VERSION = "v1.0.0"
PUBLICATION = TableSpec(
    layer="kpi",
    name="_publication",
    description="What this file is: the publication that wrote it",
    grain="one row",
    key=("build_id",),
    columns=(
        ColumnSpec("build_id", "VARCHAR", "Hash of the published rows: the same id means the same content"),
        ColumnSpec("published_at", "TIMESTAMPTZ", "Instant of publishing"),
        ColumnSpec("run_id", "VARCHAR", "Run that published"),
        ColumnSpec("first_date", "DATE", "First local day in any KPI table; NULL when there is none"),
        ColumnSpec("last_date", "DATE", "Last local day in any KPI table; NULL when there is none"),
        ColumnSpec("code_version", "VARCHAR", "Hash of the SQL and settings that built the tables"),
        ColumnSpec(
            "tables", "BIGINT", "Number of tables in this file; those with a leading underscore are not counted"
        ),
        ColumnSpec("storage_version", "VARCHAR", "Oldest DuckDB storage format that can hold the file"),
    ),
)

Comments = Mapping[tuple[str, str], str]
# Name under which the new file is attached to the warehouse's connection.
_NEW = "serving_build"


@dataclass(frozen=True)
class Publication:
    """One finished publication: where it is, what it holds (rows per table), how long it took."""

    path: Path
    build_id: str
    tables: dict[str, int]
    seconds: float


def publish(settings: Settings, catalog: Catalog, con: duckdb.DuckDBPyConnection, *, run_id: str) -> Publication:
    """Replace the serving file by a copy of every table marked `publish: true`, its rows in key order.

    Args:
        settings: says where the serving file is.
        catalog: tables and their documentation; seeds are published in schema kpi, all else in its own.
        con: this process's open connection to the warehouse, without a transaction. It stays usable. While
            it is open no other process can publish.
        run_id: written to kpi._publication.

    Raises:
        SmmError: SMM-106 when the disk is too full, SMM-304 when the file cannot be built or put in place;
            the old serving file is untouched in both cases.
    """
    started = time.monotonic()
    target = settings.serving_file
    specs = sorted((spec for spec in catalog if spec.publish), key=published_name)
    new = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        _require_space(target, settings.warehouse.min_free_bytes)
        with _attached(con, new):
            comments = column_comments(con, catalog)
            zeros = Zeros(con, catalog, settings)
            rows = {published_name(spec): _copy(con, spec, zeros.select(spec), comments) for spec in specs}
            for spec, query in (*books(settings), *completeness(catalog, settings)):
                con.execute(f"insert into {_create(con, spec, comments)} {query}")
            build_id = _content_hash(con, specs)
            _describe_publication(con, specs, comments, (build_id, run_id, _code(catalog, settings)))
        failpoint("publish.after_build")
        _verify(new, rows)
        _flush(new)
        failpoint("publish.before_replace")
        new.replace(target)
        _flush(target.parent)
    except (duckdb.Error, OSError) as error:
        raise SmmError(
            "SMM-304",
            f"the serving file could not be replaced: {error}",
            where=str(target),
            hint="the previous file is still in place; remove the cause, then run: smm publish",
        ) from error
    finally:
        remove_unfinished(new)
    failpoint("publish.after_replace")
    return Publication(target, build_id, rows, time.monotonic() - started)


def require_fresh(view: StateView, catalog: Catalog, *, through: date | None = None) -> None:
    """Refuse to publish tables of which some are behind what they are made from: together they would not agree.

    Args:
        view: partition states as they are now.
        catalog: the tables.
        through: later days may wait; None means that none may.

    Raises:
        SmmError: SMM-304 with the tables and their first and last stale day.
    """
    latest = through.isoformat() if through else ALL
    # Of each table alone: what is not built yet of later days makes nothing stale that was made from earlier ones.
    stale = {
        spec.full_name: keys
        for spec in catalog.build_order
        if (keys := [key for key in view.stale_keys(spec) if key == ALL or key <= latest])
    }
    if not stale:
        return
    days = sorted({key for keys in stale.values() for key in keys} - {ALL})
    which = f" ({days[0]} to {days[-1]})" if days else ""
    raise SmmError(
        "SMM-304",
        f"{len(stale)} tables are not up to date{which}: {', '.join(sorted(stale))}",
        hint="smm run, or the job daily in Dagster, brings all of them up to date",
    )


def published_name(spec: TableSpec) -> str:
    """Schema and name of a table in the serving file: reference data stands beside the KPIs it explains."""
    return f"kpi.{spec.name}" if spec.layer == "seeds" else spec.full_name


@contextmanager
def _attached(con: duckdb.DuckDBPyConnection, new: Path) -> Iterator[None]:
    """The new file, attached, in one transaction: one snapshot of the warehouse for all tables."""
    con.execute(f"attach {sql_text(str(new))} as {_NEW} (storage_version '{STORAGE_VERSION}')")
    try:
        con.execute("begin transaction")
        try:
            yield
        except BaseException:
            # A full disk may have ended the connection: the first error is the one to tell.
            with suppress(duckdb.Error):
                con.execute("rollback")
            raise
        con.execute("commit")
        con.execute(f"detach {_NEW}")  # writes the log into the file; a failure here is a failed publication
    except BaseException:
        with suppress(duckdb.Error):
            con.execute(f"detach {_NEW}")
        raise


def _copy(con: duckdb.DuckDBPyConnection, spec: TableSpec, query: str, comments: Comments) -> int:
    """Create, fill and document one table of the new file; returns its number of rows."""
    table = _create(con, spec, comments)
    con.execute(f"insert into {table} {query} order by {_key(spec)}")
    return _count(con, table)


def _create(con: duckdb.DuckDBPyConnection, spec: TableSpec, comments: Comments) -> str:
    """Create an empty, documented table in the new file; returns its quoted name."""
    table = _new_table(spec)
    columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in spec.stored_columns)
    about = f"{spec.description.rstrip('.')}. Grain: {spec.grain}."
    con.execute(f"create schema if not exists {table.rpartition('.')[0]}")
    con.execute(f"create table {table} ({columns})")
    con.execute(f"comment on table {table} is {sql_text(about)}")
    for column in spec.stored_columns:
        comment = comments.get((spec.name, column.name), column.description)
        con.execute(f"comment on column {table}.{quoted(column.name)} is {sql_text(comment)}")
    return table


def _new_table(spec: TableSpec) -> str:
    """Quoted name of a table in the new file."""
    schema, name = published_name(spec).split(".")
    return f"{_NEW}.{quoted(schema)}.{quoted(name)}"


def _content_hash(con: duckdb.DuckDBPyConnection, specs: Sequence[TableSpec]) -> str:
    """Hash over the names and rows of all tables of the new file, whatever order they are stored in."""
    total = hashlib.sha256()
    for spec in specs:
        rows = con.execute(
            f"select md5(string_agg(md5(cast(_row as varchar)), '' order by {_key(spec)})) "
            f"from (select {_columns(spec)} from {_new_table(spec)}) as _row"
        ).fetchone()
        total.update(f"{published_name(spec)}={rows}\n".encode())
    return total.hexdigest()[:16]


def _code(catalog: Catalog, settings: Settings) -> str:
    """Hash of the SQL and settings behind all tables."""
    versions = [(spec.full_name, code_version(spec, settings)) for spec in catalog.build_order]
    return hashlib.sha256(repr(sorted(versions)).encode()).hexdigest()[:12]


def _describe_publication(
    con: duckdb.DuckDBPyConnection, specs: Sequence[TableSpec], comments: Comments, identity: tuple[str, str, str]
) -> None:
    """Write kpi._publication."""
    build_id, run_id, code = identity
    first, last = _period(con, specs)
    row = [build_id, datetime.now(UTC), run_id, first, last, code, len(specs), STORAGE_VERSION]
    con.execute(f"insert into {_create(con, PUBLICATION, comments)} values ({', '.join('?' for _ in row)})", row)


def _period(con: duckdb.DuckDBPyConnection, specs: Sequence[TableSpec]) -> tuple[date | None, date | None]:
    """First and last day in the daily KPI tables."""
    days = " union all ".join(
        f"select {quoted(spec.partition)} as day from {relation(spec)}"
        for spec in specs
        if spec.layer == "kpi" and spec.partition
    )
    found = con.execute(f"select min(day), max(day) from ({days})").fetchone() if days else None
    return (found[0], found[1]) if found else (None, None)


def _verify(new: Path, rows: dict[str, int]) -> None:
    """Read the finished file as a BI tool would.

    Raises:
        SmmError: SMM-304 when it is not what was written.
    """
    problems = []
    if _wal(new).exists():
        problems.append("a write-ahead log is left beside it")
    with duckdb.connect(str(new), read_only=True) as reader:
        tag = reader.execute("select tags['storage_version'] from duckdb_databases() where not internal").fetchone()
        if tag is None or not str(tag[0]).startswith(STORAGE_VERSION):
            problems.append(f"its storage version is {tag and tag[0]}, not {STORAGE_VERSION}")
        for name, expected in rows.items():
            if (found := _count(reader, name)) != expected:
                problems.append(f"{name} has {found} rows, not {expected}")
    if problems:
        raise SmmError("SMM-304", f"the new serving file is wrong: {'; '.join(problems)}", where=str(new))


def _require_space(target: Path, min_free_bytes: int) -> None:
    """The new file lies beside the old one for a moment, so there must be room for another of its size."""
    needed = min_free_bytes + (target.stat().st_size if target.exists() else 0)
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise SmmError(
            "SMM-106",
            f"publishing needs {needed:,} free bytes and there are {free:,}",
            where=str(target.parent),
            hint="free some space, or lower warehouse.min_free_bytes",
        )


def _remove_leftovers(target: Path) -> None:
    """Remove new files of runs that died: a live one would hold the warehouse that this process has open."""
    for path in target.parent.glob(f".{target.name}.*.tmp*"):
        path.unlink(missing_ok=True)


def remove_unfinished(new: Path) -> None:
    """Take away a database file that was not put in place, and its log."""
    for path in (new, _wal(new)):
        with suppress(OSError):  # a folder that refuses the file may refuse this too: the first error counts
            path.unlink(missing_ok=True)


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk.

    A rename without it survives a crash of the process but not a power cut.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def _columns(spec: TableSpec) -> str:
    return ", ".join(quoted(column.name) for column in spec.stored_columns)


def _key(spec: TableSpec) -> str:
    return ", ".join(quoted(name) for name in spec.key)
