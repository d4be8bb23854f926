"""Evaluating a suite: rows in, one verdict per expectation out.

Belongs here: translating our suite format for Great Expectations, running it on the given connection, and
reading its results as passed, failed or broken. Does not belong here: what to do about a failed verdict (the
build decides) and Dagster.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.masking import without_values
from smm_pipeline.quoting import sql_day
from smm_pipeline.validation.suites import QUERY_TYPE, Severity, check_suite, holds_without_rows

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

ERROR_CHARACTERS = 300
Status = Literal["passed", "failed", "broken"]

# Counts only: offending values may be personal, and GX would copy them into its result. SUMMARY computes, a sixth
# slower, where the offending rows are, which nothing here reads.
_RESULT_FORMAT = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
}


@dataclass(frozen=True)
class Verdict:
    """The outcome of one expectation on one set of rows.

    `passed` and `failed` are answers; `broken` means there is none: the expectation could not be evaluated.
    `observed` is the aggregate that was compared, or why it broke; never an offending value.
    `unexpected_count` counts offending rows, None where the expectation does not; `rows` is how many were
    looked at.
    """

    check_id: str
    expectation: str
    severity: Severity
    status: Status
    observed: str | None
    unexpected_count: int | None
    rows: int
    description: str


def validate(
    con: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    *,
    relation: str,
    days: Sequence[date] | None = None,
    suite: Mapping[str, Any] | None = None,
) -> list[Verdict]:
    """Evaluate a suite on the rows of `relation`, one verdict per expectation in the order of the file.

    Runs on `con` as it is, inside its open transaction, and so sees uncommitted rows.

    Args:
        con: open connection; a broken expectation aborts its transaction.
        spec: the table the rows belong to.
        relation: anything that can stand behind `from`: a table or view name, or a subquery.
        days: the days `{days}` stands for; without it, every day from the first to the last in the relation.
        suite: instead of the table's own suite.

    Raises:
        SmmError: SMM-105 when the suite itself is wrong.
    """
    suite = spec.suite if suite is None else suite
    problems = check_suite(suite, spec)
    if suite is None or problems:
        raise SmmError("SMM-105", "; ".join(problems), where=f"suite of {spec.full_name}")
    entries: list[Mapping[str, Any]] = suite["expectations"]
    with _named_view(con, relation) as view:
        rows = con.execute(f"select count(*) from {view}").fetchall()[0][0]
        days_relation = _days_relation(spec, view, days)
        # Tables that no feed of the shop fills are many, and Great Expectations asks a hundredth of a second for each.
        asked = [entry for entry in entries if rows or not holds_without_rows(entry) or not _can_run(con, entry, view)]
        results = _evaluate(con, view, [_for_gx(entry, days_relation) for entry in asked]) if asked else {}
    return [
        _verdict(entry, results[entry["id"]], rows) if entry["id"] in results else _verdict_without_rows(entry)
        for entry in entries
    ]


@contextmanager
def _named_view(con: duckdb.DuckDBPyConnection, relation: str) -> Iterator[str]:
    """A temporary view over any relation: GX and SQLAlchemy quote what they are given as one plain name."""
    view = f"smm_gx_{uuid.uuid4().hex}"
    con.execute(f"create temporary view {view} as select * from {relation}")
    try:
        yield view
    finally:
        # A query that broke has aborted the caller's transaction; its rollback takes the view with it.
        with suppress(duckdb.TransactionException):
            con.execute(f"drop view {view}")


def _days_relation(spec: TableSpec, view: str, days: Sequence[date] | None) -> str:
    """SQL for `{days}`; a day that was asked for, or lies between others, counts even when no row carries it."""
    if days is None:
        ends = f"min({spec.partition}), max({spec.partition})"
        return f"(select cast(unnest(generate_series({ends}, interval 1 day)) as date) as day from {view})"
    values = ", ".join(sql_day(day) for day in days)
    return f"(select unnest([{values}]::date[]) as day)"


def _for_gx(entry: Mapping[str, Any], days_relation: str) -> dict[str, Any]:
    kwargs = dict(entry["kwargs"])
    if entry["type"] == QUERY_TYPE:
        # {batch} stays for GX to fill; doubled braces are its escape for a literal one.
        kwargs["unexpected_rows_query"] = kwargs["unexpected_rows_query"].replace("{days}", days_relation)
    return {
        "type": entry["type"],
        "kwargs": kwargs,
        "severity": entry["severity"],
        "description": entry["description"],
        "meta": {"id": entry["id"]},
    }


def _evaluate(
    con: duckdb.DuckDBPyConnection, view: str, expectations: Sequence[Mapping[str, Any]]
) -> dict[str, ExpectationValidationResult]:
    """GX's results by our id, from a context of its own: a shared one races between threads."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx  # takes seconds; a process that validates nothing does not pay them
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    from smm_pipeline.validation.gx_duckdb import live_batch

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    suite = gx.ExpectationSuite(name=view, expectations=[dict(entry) for entry in expectations])
    if len(suite.expectations) != len(expectations):
        # GX logs what it does not know and goes on without it.
        kept = {expectation.meta["id"] for expectation in suite.expectations if expectation.meta}
        dropped = sorted({entry["meta"]["id"] for entry in expectations} - kept)
        raise SmmError("SMM-105", f"Great Expectations did not take: {', '.join(dropped)}")
    with live_batch(context, con, view) as batch:
        outcome = batch.validate(suite, result_format=dict(_RESULT_FORMAT))
    return {_id_of(result): result for result in outcome.results}


def _id_of(result: ExpectationValidationResult) -> str:
    config = result.expectation_config
    if config is None or config.meta is None:
        raise TypeError("Great Expectations returned a result without its configuration")
    return str(config.meta["id"])


def _verdict(entry: Mapping[str, Any], result: ExpectationValidationResult, rows: int) -> Verdict:
    numbers: Mapping[str, Any] = result.result or {}
    error = _raised(result.exception_info)
    status: Status = "broken" if error is not None else "passed" if result.success else "failed"
    value = numbers.get("observed_value")
    # The observed value of a query is the number of rows it found.
    unexpected = value if entry["type"] == QUERY_TYPE else numbers.get("unexpected_count")
    return Verdict(
        check_id=entry["id"],
        expectation=entry["type"],
        severity=entry["severity"],
        status=status,
        observed=error or (None if value is None else str(value)),
        unexpected_count=None if unexpected is None else int(unexpected),
        rows=rows,
        description=entry["description"],
    )


def _can_run(con: duckdb.DuckDBPyConnection, entry: Mapping[str, Any], view: str) -> bool:
    """Whether DuckDB can resolve what a query names; one that cannot be run is broken, with rows or without."""
    if entry["type"] == QUERY_TYPE:
        try:
            con.execute(f"explain {entry['kwargs']['unexpected_rows_query'].format(batch=view)}")
        except duckdb.Error:
            return False
    return True


def _verdict_without_rows(entry: Mapping[str, Any]) -> Verdict:
    """What Great Expectations says of no rows, where an expectation cannot fail on them."""
    return Verdict(
        check_id=entry["id"],
        expectation=entry["type"],
        severity=entry["severity"],
        status="passed",
        observed="0" if entry["type"] == QUERY_TYPE else None,
        unexpected_count=0,
        rows=0,
        description=entry["description"],
    )


def _raised(info: Mapping[str, Any] | None) -> str | None:
    """The first error inside GX's exception_info, which is flat or keyed by metric; None without one."""
    for part in (info, *(info or {}).values()):
        if isinstance(part, Mapping) and part.get("raised_exception"):
            return without_values(str(part.get("exception_message") or "no message"))[:ERROR_CHARACTERS]
    return None
