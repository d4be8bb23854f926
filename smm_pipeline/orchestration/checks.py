"""Expectations as Dagster asset checks.

Belongs here: one check specification per expectation of a suite, and the translation of verdicts into check
evaluations; the check of the serving file that no feed is silent whose silence is an error. Does not belong here:
deciding on anything; the verdicts come with the build, which holds the transaction.

The specifications are not partitioned: a run over many days gives one verdict for its window, and Dagster has no
place for the day in a check result. The verdicts per window stand in quality.check_results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import dagster as dg
import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import Settings
from smm_pipeline.validation import Verdict, check_suite, validate
from smm_pipeline.warehouse.audits import is_blocking
from smm_pipeline.warehouse.feed_states import silence_errors
from smm_pipeline.warehouse.schema import relation

# Of the windows that one run looked at the worst, as of a build inside Dagster.
_LAST_RESULTS = """
with result as (
    select
        *,
        arg_max(run_id, (checked_at, run_id)) over (partition by check_id) as last_run_id,
        case status when 'passed' then 0 when 'failed' then 1 else 2 end as badness
    from quality.check_results
    where table_name = ?
)
select check_id, expectation, severity, status, observed, unexpected_count, coalesce(row_count, 0)
from result
where run_id = last_run_id
qualify row_number() over (partition by check_id order by badness desc, checked_at desc, partition_key desc) = 1
"""
SILENCE = "no_needed_feed_silent"
_RANK = {"passed": 0, "failed": 1, "broken": 2}


def asset_key(spec: TableSpec) -> dg.AssetKey:
    """The asset of a table: [schema, table]."""
    return dg.AssetKey([spec.layer, spec.name])


def check_specs(spec: TableSpec) -> list[dg.AssetCheckSpec]:
    """One check per expectation of the table's suite; critical ones block what is downstream.

    Raises:
        SmmError: SMM-105 when the suite is wrong.
    """
    if spec.suite is None:
        return []
    if problems := check_suite(spec.suite, spec):
        raise SmmError("SMM-105", "; ".join(problems), where=f"suite of {spec.full_name}")
    return [
        dg.AssetCheckSpec(
            name=entry["id"],
            asset=asset_key(spec),
            description=entry["description"],
            blocking=entry["severity"] == "critical",
            metadata={"severity": entry["severity"], "expectation": entry["type"]},
        )
        for entry in spec.suite["expectations"]
    ]


def check_results(spec: TableSpec, verdicts: Iterable[Verdict]) -> list[dg.AssetCheckResult]:
    """Check results of one build, in the order of the suite; of several windows the worst verdict counts."""
    return [
        dg.AssetCheckResult(
            check_name=verdict.check_id,
            asset_key=asset_key(spec),
            passed=verdict.status == "passed",
            severity=_severity(verdict),
            description=_explanation(verdict),
            metadata=_metadata(verdict),
        )
        for verdict in _worst(verdicts)
    ]


def silence_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check that no feed has fallen silent whose silence is an error; nothing waits for it."""
    return dg.AssetCheckSpec(
        SILENCE,
        asset=asset,
        description='No feed with silence = "error" in smm.toml has fallen silent.',
        blocking=False,
    )


def silence_result(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings, asset: dg.AssetKey
) -> dg.AssetCheckResult:
    """Whether it is so as of now."""
    silent = silence_errors(con, catalog, settings, datetime.now(settings.zone).date())
    return dg.AssetCheckResult(
        check_name=SILENCE,
        asset_key=asset,
        passed=not silent,
        severity=dg.AssetCheckSeverity.ERROR,
        description="\n".join(map(str, silent.values())) or None,
        metadata={"unexpected_count": len(silent), "feeds": ", ".join(silent)},
    )


def as_evaluation(result: dg.AssetCheckResult, asset: dg.AssetKey) -> dg.AssetCheckEvaluation:
    """The result as an event that belongs to no run."""
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=str(result.check_name),
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
    )


def last_verdicts(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> list[Verdict]:
    """Verdicts on a table that needs no audit: those on record, else, as of one that is empty, an evaluation."""
    known = recorded_verdicts(con, spec)
    entries = spec.suite["expectations"] if spec.suite else []
    return known if len(known) == len(entries) else validate(con, spec, relation=relation(spec))


def recorded_verdicts(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> list[Verdict]:
    """The newest verdict on record of every expectation of the suite that was ever evaluated."""
    if spec.suite is None:
        return []
    known = {row[0]: row for row in con.execute(_LAST_RESULTS, [spec.full_name]).fetchall()}
    entries = {entry["id"]: entry for entry in spec.suite["expectations"]}
    return [Verdict(*(*known[name], entry["description"])) for name, entry in entries.items() if name in known]


def _worst(verdicts: Iterable[Verdict]) -> Sequence[Verdict]:
    by_check: dict[str, Verdict] = {}
    for verdict in verdicts:
        known = by_check.get(verdict.check_id)
        if known is None or _RANK[verdict.status] > _RANK[known.status]:
            by_check[verdict.check_id] = verdict
    return list(by_check.values())


def _severity(verdict: Verdict) -> dg.AssetCheckSeverity:
    serious = verdict.severity == "critical" or is_blocking(verdict)
    return dg.AssetCheckSeverity.ERROR if serious else dg.AssetCheckSeverity.WARN


def _explanation(verdict: Verdict) -> str | None:
    if verdict.status == "broken":
        return f"SMM-402: could not be evaluated: {verdict.observed}"
    return None


def _metadata(verdict: Verdict) -> Mapping[str, int | float | str]:
    """Numbers stay numbers, so that the UI plots them over time; offending values are never among them."""
    metadata: dict[str, int | float | str] = {"severity": verdict.severity, "status": verdict.status}
    if verdict.rows is not None:
        metadata["rows"] = verdict.rows
    if verdict.unexpected_count is not None:
        metadata["unexpected_count"] = verdict.unexpected_count
    if verdict.observed is not None:
        metadata["observed"] = _number(verdict.observed)
    return metadata


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
