"""Building one table over a window of days: write, audit, commit, in one transaction.

Belongs here: the DELETE and INSERT around a table's SELECT, the conservation checks of the engine, and the order
write -> validate -> commit. Does not belong here: which days are built (pipeline.py) and what an expectation means
(validation/, passed in as a function).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any, Literal

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import Settings
from smm_pipeline.validation.runner import Verdict
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.failpoints import failpoint
from smm_pipeline.warehouse.schema import quoted, relation
from smm_pipeline.warehouse.state import (
    ALL,
    PartitionState,
    StateView,
    Window,
    code_version,
    next_version,
    save_states,
)

AUDIT_VIEW = "smm_audit"
# is_blocking() for rows of quality.check_results.
_BLOCKING_SQL = "(status = 'broken' or (status = 'failed' and severity = 'critical'))"

Validator = Callable[..., Sequence[Verdict]]


@dataclass(frozen=True)
class BuildResult:
    """What became of one table in one run; `keys` are the partitions asked for, `rows` the rows they hold now."""

    table: str
    keys: tuple[str, ...]
    rows: int
    seconds: float
    verdicts: tuple[Verdict, ...]
    status: Literal["built", "failed"]

    @property
    def blocking(self) -> tuple[Verdict, ...]:
        """Verdicts that keep the old partition in place."""
        return tuple(v for v in self.verdicts if is_blocking(v))


class _AuditFailedError(Exception):
    """Rolls back a partition whose audit failed."""


def is_blocking(verdict: Verdict) -> bool:
    """True for a failed critical expectation, and for any that could not be evaluated."""
    return verdict.status == "broken" or (verdict.status == "failed" and verdict.severity == "critical")


def build_table(
    con: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    days: Sequence[date] | None,
    settings: Settings,
    view: StateView,
    *,
    run_id: str,
    validate: Validator,
) -> BuildResult:
    """Build the given days of a table (None for a table without partitions) and audit them.

    Each run of consecutive days is one transaction. A critical failure leaves the old rows of that window in place and
    ends the building of the table.

    Args:
        con: the open work database, without a transaction.
        spec: the table.
        days: partitions to build.
        settings: of the instance.
        view: partition states after everything upstream was built; gives the input versions.
        run_id: written to the states and check results.
        validate: called as validate(con, spec, relation=..., days=...) on the uncommitted rows.

    Raises:
        SmmError: SMM-303 when the SELECT gives rows outside the window.
    """
    started = time.perf_counter()
    windows = [Window()] if spec.partition is None else view.windows(spec, days or [])
    verdicts: list[Verdict] = []
    rows = 0
    for window in windows:
        inside: Sequence[Verdict] = ()
        try:
            with transaction(con):
                rows += _replace(con, spec, window, settings)
                _save_states(con, spec, window, settings, view, run_id)
                inside = _audit(con, spec, window, validate)
                verdicts.extend(inside)
                if any(is_blocking(v) for v in inside):
                    raise _AuditFailedError
                failpoint("build.before_commit")
        except _AuditFailedError:
            _record(con, spec, window, inside, run_id)
            return BuildResult(
                spec.full_name, window.keys, rows, time.perf_counter() - started, tuple(verdicts), "failed"
            )
        _record(con, spec, window, inside, run_id)
        failpoint("build.after_commit")
        con.execute("checkpoint")
    keys = tuple(key for window in windows for key in window.keys)
    return BuildResult(spec.full_name, keys, rows, time.perf_counter() - started, tuple(verdicts), "built")


def forget_rolled_back(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    """Drop blocking verdicts on a table that needs no build: they speak of rows that were rolled back.

    So it is after a wrong change of the code, or a delivery, was taken back.
    """
    con.execute(f"delete from quality.check_results where table_name = ? and {_BLOCKING_SQL}", [spec.full_name])


def audit_loaded(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, view: StateView, *, run_id: str, validate: Validator
) -> BuildResult | None:
    """Audit what ingest has loaded into a raw table in this run, or what failed the audit of an earlier one.

    Args:
        con: the open work database, without a transaction.
        spec: a raw table.
        view: partition states after ingest.
        run_id: of this run; tells the partitions it has changed.
        validate: as for build_table.

    Returns:
        None when there is nothing to audit.
    """
    started = time.perf_counter()
    rows = con.execute(
        "select partition_key from meta.partition_state where table_name = ? and (run_id = ? or exists ("
        f"select 1 from quality.check_results as c where c.table_name = ? and {_BLOCKING_SQL}))",
        [spec.full_name, run_id, spec.full_name],
    ).fetchall()
    if not rows:
        return None
    keys = [key for (key,) in rows]
    windows = [Window()] if spec.partition is None else view.windows(spec, [date.fromisoformat(key) for key in keys])
    verdicts: list[Verdict] = []
    for window in windows:
        found = _audit(con, spec, window, validate)
        _record(con, spec, window, found, run_id)
        verdicts.extend(found)
    failed = any(is_blocking(v) for v in verdicts)
    seconds = time.perf_counter() - started
    return BuildResult(spec.full_name, tuple(keys), 0, seconds, tuple(verdicts), "failed" if failed else "built")


def window_parameters(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """The four window parameters of the days first..last in the shop's zone; 23 and 25 hour days come out right."""
    start = datetime.combine(first, clock(), tzinfo=settings.zone)
    end = datetime.combine(last + timedelta(days=1), clock(), tzinfo=settings.zone)
    return {
        "first_date": first,
        "last_date": last,
        "partition_start": start.astimezone(UTC),
        "partition_end": end.astimezone(UTC),
    }


def _bounds(spec: TableSpec, window: Window) -> tuple[str, list[date]]:
    """The condition that selects a window's rows, with its parameters."""
    if spec.partition is None:
        return "true", []
    return f"{quoted(spec.partition)} between ? and ?", [window.first, window.last]


def _replace(con: duckdb.DuckDBPyConnection, spec: TableSpec, window: Window, settings: Settings) -> int:
    """Delete the window and insert it anew; returns the rows inserted."""
    values: dict[str, Any] = dict(settings.sql_parameters())
    if spec.partition is not None:
        values |= window_parameters(window.first, window.last, settings)
    inside, bounds = _bounds(spec, window)
    con.execute(f"delete from {relation(spec)} where {inside}", bounds)
    inserted = con.execute(
        f"insert into {relation(spec)} by name {spec.sql}", {name: values[name] for name in spec.parameters}
    ).fetchone()
    stored = con.execute(f"select count(*) from {relation(spec)} where {inside}", bounds).fetchone()
    if inserted is None or stored is None or stored[0] != inserted[0]:
        raise SmmError(
            "SMM-303",
            f"the SELECT gave {inserted and inserted[0]} rows, {stored and stored[0]} of them in the days asked for",
            where=f"{spec.full_name} {window.label}",
        )
    return int(inserted[0])


def _save_states(
    con: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    window: Window,
    settings: Settings,
    view: StateView,
    run_id: str,
) -> None:
    """Upsert the state of every partition.

    One whose content did not change keeps its version, so that what depends on it stays fresh.
    """
    inputs = view.input_versions(spec)
    contents = _contents(con, spec, window)
    version = next_version(con)
    code = code_version(spec, settings)
    states, counts = [], []
    for key in window.keys:
        count, content = contents.get(key, (0, "0"))
        old = view.partition(spec.full_name, key)
        kept = old.version if old is not None and old.content_hash == content else version
        states.append(PartitionState(spec.full_name, key, kept, inputs.get(key, 0), code, content))
        counts.append(count)
    save_states(con, states, run_id, counts)


def _contents(con: duckdb.DuckDBPyConnection, spec: TableSpec, window: Window) -> dict[str, tuple[int, str]]:
    """Row count and order-free hash of every partition of the window."""
    columns = ", ".join(quoted(c.name) for c in spec.columns)
    key = f"cast({quoted(spec.partition)} as varchar)" if spec.partition else f"'{ALL}'"
    inside, bounds = _bounds(spec, window)
    rows = con.execute(
        f"select {key}, count(*), sum(hash({columns})) from {relation(spec)} where {inside} group by 1", bounds
    ).fetchall()
    return {name: (int(count), str(content)) for name, count, content in rows}


def _audit(con: duckdb.DuckDBPyConnection, spec: TableSpec, window: Window, validate: Validator) -> Sequence[Verdict]:
    """Run the suite on the window's uncommitted rows."""
    where = ""
    if spec.partition is not None:
        where = f" where {quoted(spec.partition)} between date '{window.first}' and date '{window.last}'"
    con.execute(f"create or replace temp view {AUDIT_VIEW} as select * from {relation(spec)}{where}")
    try:
        return validate(con, spec, relation=AUDIT_VIEW, days=window.days)
    finally:
        # A check that raised has aborted the transaction; its rollback takes the view away.
        with suppress(duckdb.TransactionException):
            con.execute(f"drop view if exists {AUDIT_VIEW}")


def _record(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, window: Window, verdicts: Sequence[Verdict], run_id: str
) -> None:
    """Keep the verdicts, also those of a partition that was rolled back.

    They take the place of earlier verdicts on the same days, and of those on a build that reached into these days and
    was rolled back. Of a wider build that was kept the verdicts stay: they are all that is known of its other days.
    """
    if not verdicts:
        return
    con.execute(
        "delete from quality.check_results where table_name = ? and ("
        "split_part(partition_key, '/', 1) >= ? and split_part(partition_key, '/', -1) <= ? or "
        f"split_part(partition_key, '/', -1) >= ? and split_part(partition_key, '/', 1) <= ? and {_BLOCKING_SQL})",
        [spec.full_name, *(window.keys[0], window.keys[-1]) * 2],
    )
    con.execute(
        "insert or replace into quality.check_results "
        "select ?, ?, unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::varchar[]), "
        "unnest(?::varchar[]), unnest(?::bigint[]), unnest(?::bigint[]), ?, ?",
        [
            spec.full_name,
            window.label,
            [v.check_id for v in verdicts],
            [v.expectation for v in verdicts],
            [v.severity for v in verdicts],
            [v.status for v in verdicts],
            [v.observed for v in verdicts],
            [v.unexpected_count for v in verdicts],
            [v.rows for v in verdicts],
            run_id,
            datetime.now(UTC),
        ],
    )
