"""Building one table over a window of days: write, audit, commit, in one transaction.

Belongs here: the DELETE and INSERT around a table's SELECT, the conservation checks of the engine, and the order
write -> validate -> commit. Does not belong here: which days are built (pipeline.py) and the record of verdicts
(audits.py).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import quoted
from smm_pipeline.settings import Settings
from smm_pipeline.validation.runner import Verdict
from smm_pipeline.warehouse.audits import (
    BuildResult,
    Validator,
    audit_again,
    is_blocking,
    record_verdicts,
    run_suite,
    selecting,
)
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.credit_history import credit_changes
from smm_pipeline.warehouse.failpoints import failpoint
from smm_pipeline.warehouse.schema import relation
from smm_pipeline.warehouse.state import (
    ALL,
    PartitionState,
    StateView,
    Window,
    code_version,
    make_stale,
    next_version,
    save_states,
)

# Of a single day, or a table without days, that does not fit into memory.
TOO_LARGE = "SMM-307"


class _AuditFailedError(Exception):
    """Rolls back a partition whose audit failed."""


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

    Each run of consecutive days is one transaction; where its work does not fit into memory, each half of its days is.
    A critical failure leaves the old rows of that window in place and the window stale, and ends the building of the
    table.

    Args:
        con: the open work database, without a transaction.
        spec: the table.
        days: partitions to build.
        settings: of the instance.
        view: partition states after everything upstream was built; gives the input versions.
        run_id: written to the states and check results.
        validate: called as validate(con, spec, relation=..., days=...) on the uncommitted rows.

    Raises:
        SmmError: SMM-303 when the SELECT gives rows outside the window, SMM-307 when a single day, or a table without
            partitions, does not fit into memory.
    """
    started = time.perf_counter()
    waiting = [Window()] if spec.partition is None else list(view.windows(spec, days or []))
    built: list[Window] = []
    verdicts: list[Verdict] = []
    rows = 0
    while waiting:
        window = waiting.pop(0)
        inside: Sequence[Verdict] = ()
        inserted = 0
        try:
            with transaction(con):
                with credit_changes(con, view, spec, window, run_id):
                    inserted = _replace(con, spec, window, settings)
                _save_states(con, spec, window, settings, view, run_id)
                inside = run_suite(con, spec, window, validate)
                verdicts.extend(inside)
                if any(is_blocking(v) for v in inside):
                    raise _AuditFailedError
                # With the rows: a crash must not leave rows whose verdicts are lost.
                record_verdicts(con, spec, window, inside, run_id)
                failpoint("build.before_commit")
        except _AuditFailedError:
            with transaction(con):
                record_verdicts(con, spec, window, inside, run_id)
                make_stale(con, spec.full_name, window)
            seconds = time.perf_counter() - started
            return BuildResult(spec.full_name, window.keys, rows + inserted, seconds, tuple(verdicts), "failed")
        except duckdb.OutOfMemoryException as error:
            if len(window.days) < 2:
                raise _too_large(spec, window, settings) from error
            waiting[:0] = window.halves
            continue
        failpoint("build.after_commit")
        built.append(window)
        rows += inserted
        audit_again(con, spec, window, view, run_id=run_id, validate=validate)
    keys = tuple(key for window in built for key in window.keys)
    return BuildResult(spec.full_name, keys, rows, time.perf_counter() - started, tuple(verdicts), "built")


def _too_large(spec: TableSpec, window: Window, settings: Settings) -> SmmError:
    limit = settings.warehouse.memory_limit
    hint = "raise memory_limit under [warehouse] in smm.toml; the old rows stand, and what was built before stays"
    return SmmError(
        TOO_LARGE, f"more than {limit} of memory needed", where=f"{spec.full_name} {window.label}", hint=hint
    )


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


def _replace(con: duckdb.DuckDBPyConnection, spec: TableSpec, window: Window, settings: Settings) -> int:
    """Delete the window and insert it anew; returns the rows inserted."""
    values: dict[str, Any] = dict(settings.sql_parameters())
    if spec.partition is not None:
        values |= window_parameters(window.first, window.last, settings)
    inside = selecting(spec, window)
    con.execute(f"delete from {relation(spec)} where {inside}")
    inserted = con.execute(
        f"insert into {relation(spec)} by name {spec.sql}", {name: values[name] for name in spec.parameters}
    ).fetchone()
    stored = con.execute(f"select count(*) from {relation(spec)} where {inside}").fetchone()
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
    inside = selecting(spec, window)
    rows = con.execute(
        f"select {key}, count(*), sum(hash({columns})) from {relation(spec)} where {inside} group by 1"
    ).fetchall()
    return {name: (int(count), str(content)) for name, count, content in rows}
