"""Audits: suites run on stored rows, and the record of what they found.

Belongs here: quality.check_results, and meta.audit_state, which says at which version and with which suite a partition
of a loaded table passed its audit. With it neither a crash after loading, nor `smm ingest`, nor a changed suite leaves
rows that nobody looked at. Does not belong here: building (build.py) and what an expectation means (validation/, passed
in as a function).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.quoting import quoted, sql_day
from smm_pipeline.validation.runner import Verdict
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.schema import relation
from smm_pipeline.warehouse.state import StateView, Window

# is_blocking() for rows of quality.check_results.
_BLOCKING_SQL = "(status = 'broken' or (status = 'failed' and severity = 'critical'))"
_UNAUDITED = """
select s.partition_key
from meta.partition_state as s
left join meta.audit_state as a on a.table_name = s.table_name and a.partition_key = s.partition_key
where s.table_name = ? and (a.version is distinct from s.version or a.suite_version is distinct from ?)
"""

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


def is_blocking(verdict: Verdict) -> bool:
    """True for a failed critical expectation, and for any that could not be evaluated."""
    return verdict.status == "broken" or (verdict.status == "failed" and verdict.severity == "critical")


def unaudited_keys(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> list[str]:
    """Partition keys of a loaded table that did not pass its suite as they stand."""
    if spec.suite is None:
        return []
    return sorted(key for (key,) in con.execute(_UNAUDITED, [spec.full_name, spec.suite_version]).fetchall())


def audit_loaded(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, view: StateView, *, run_id: str, validate: Validator
) -> BuildResult | None:
    """Audit what stands in a raw table or a seed and did not pass its suite yet, whoever loaded it.

    Args:
        con: the open work database, without a transaction.
        spec: a table that is loaded, not computed.
        view: partition states after loading.
        run_id: written to the check results.
        validate: called as validate(con, spec, relation=..., days=...).

    Returns:
        None when there is nothing to audit.
    """
    started = time.perf_counter()
    keys = unaudited_keys(con, spec)
    if not keys:
        return None
    windows = [Window()] if spec.partition is None else view.windows(spec, [date.fromisoformat(key) for key in keys])
    verdicts: list[Verdict] = []
    for window in windows:
        found = run_suite(con, spec, window, validate)
        with transaction(con):
            record_verdicts(con, spec, window, found, run_id)
            if not any(is_blocking(v) for v in found):
                con.execute(
                    "insert or replace into meta.audit_state select table_name, partition_key, version, ? "
                    "from meta.partition_state where table_name = ? and list_contains(?::varchar[], partition_key)",
                    [spec.suite_version, spec.full_name, list(window.keys)],
                )
        verdicts.extend(found)
    failed = any(is_blocking(v) for v in verdicts)
    seconds = time.perf_counter() - started
    return BuildResult(spec.full_name, tuple(keys), 0, seconds, tuple(verdicts), "failed" if failed else "built")


def run_suite(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, window: Window, validate: Validator
) -> Sequence[Verdict]:
    """Run the suite on a window's rows as the connection sees them, uncommitted ones too."""
    rows = f"(select * from {relation(spec)} where {selecting(spec, window)})"
    return validate(con, spec, relation=rows, days=window.days)


def selecting(spec: TableSpec, window: Window) -> str:
    """The condition that selects a window's rows."""
    if spec.partition is None:
        return "true"
    return f"{quoted(spec.partition)} between {sql_day(window.first)} and {sql_day(window.last)}"


def record_verdicts(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, window: Window, verdicts: Sequence[Verdict], run_id: str
) -> None:
    """Keep the verdicts on a window, also those on rows that were rolled back.

    They take the place of earlier verdicts on the same days, and of those on a build that reached into these days and
    was rolled back. Of a wider build that was kept the verdicts stay: they are all that is known of its other days. An
    expectation about now has one verdict, that of the newest day.
    """
    if spec.partition is not None and (of_now := spec.checks_of_now):
        newest = con.execute(f"select max({quoted(spec.partition)}) from {relation(spec)}").fetchall()[0][0]
        if newest is not None and newest > window.last:
            verdicts = [v for v in verdicts if v.check_id not in of_now]
        else:
            con.execute(
                "delete from quality.check_results where table_name = ? and list_contains(?::varchar[], check_id)",
                [spec.full_name, of_now],
            )
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


def audit_again(
    con: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    window: Window,
    view: StateView,
    *,
    run_id: str,
    validate: Validator,
) -> None:
    """Look again at earlier builds that did not pass and of which some days were built anew.

    Their other days stayed as they were, so neither the old verdict nor that on the new days says how they stand now.
    """
    labels = con.execute(
        "select distinct partition_key from quality.check_results where table_name = ? and status <> 'passed' "
        "and split_part(partition_key, '/', -1) >= ? and split_part(partition_key, '/', 1) <= ? and partition_key <> ?",
        [spec.full_name, window.keys[0], window.keys[-1], window.label],
    ).fetchall()
    for (label,) in labels:
        first, last = label.split("/")[0], label.split("/")[-1]
        earlier = Window(tuple(date.fromisoformat(key) for key in view.keys(spec) if first <= key <= last))
        found = run_suite(con, spec, earlier, validate)
        if any(v.status == "broken" for v in found):
            # No answer takes the place of none that was given.
            continue
        with transaction(con):
            con.execute(
                "delete from quality.check_results where table_name = ? and partition_key = ?", [spec.full_name, label]
            )
            record_verdicts(con, spec, earlier, found, run_id)


def forget_rolled_back(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    """Drop blocking verdicts on a table that needs no build: they speak of rows that were rolled back.

    So it is after a wrong change of the code, or a delivery, was taken back.
    """
    con.execute(f"delete from quality.check_results where table_name = ? and {_BLOCKING_SQL}", [spec.full_name])
