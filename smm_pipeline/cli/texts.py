"""What the commands say, as text for people and as plain data for --json.

Belongs here: wording and layout of results. Does not belong here: computing them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from smm_pipeline.cli.examine import Finding
from smm_pipeline.cli.output import mode, out
from smm_pipeline.ingest import RECORDS, DeliveryResult
from smm_pipeline.pipeline import RunSummary
from smm_pipeline.pulls import PullResult
from smm_pipeline.reporting.summary import Summary
from smm_pipeline.reporting.terminal import to_rich, to_text
from smm_pipeline.reporting.wording import counted
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.audits import BuildResult
from smm_pipeline.warehouse.outcomes import SKIPPED, Reasons, split

TOP_REASONS = 3
SHOWN_DAYS = 5
MOST_TEXTS = 10
WORDS = {"unreadable": "rejected", "skipped": "skipped on purpose"}
MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


def delivery_dict(delivery: DeliveryResult) -> dict[str, Any]:
    """One delivery for --json: its fate and the counts of the conservation equation per table."""
    return {
        "feed": delivery.feed,
        "file": delivery.file_path,
        "status": delivery.status,
        "counts": {table: vars(counts) for table, counts in delivery.counts.items()},
        "warnings": list(delivery.warnings),
        "error": delivery.error.as_dict() if delivery.error else None,
    }


def ingest_dict(summary: RunSummary) -> dict[str, Any]:
    """What ingest did, for --json; part of a run's answer too."""
    parted = {feed: split(reasons) for feed, reasons in summary.reject_reasons.items()}
    return {
        "run_id": summary.run_id,
        "pulls": [pull_dict(pull) for pull in summary.pulls],
        "deliveries": [delivery_dict(d) for d in summary.deliveries],
        "reject_reasons": {feed: rejects for feed, (rejects, _) in parted.items() if rejects},
        "skip_reasons": {feed: skips for feed, (_, skips) in parted.items() if skips},
        "refused_earlier": [{"feed": r.feed, "file": r.file} for r in summary.waiting],
        "nothing_loaded": [{"feed": d.feed, "file": d.file_path} for d in summary.emptied],
    }


def pull_dict(pull: PullResult) -> dict[str, Any]:
    """What the pull of one feed brought, for --json."""
    error = pull.error.as_dict() if pull.error else None
    return {**vars(pull), "error": error}


def _pull_lines(pull: PullResult) -> list[str]:
    """What the pull of one feed brought, and why it ended early."""
    records = "" if pull.records is None else f", {counted(pull.records, 'record')}"
    lines = [f"pulled {pull.feed}: {counted(pull.pages, 'page')}{records}"]
    lines += [f"note on the pull of {pull.feed}: {warning}" for warning in pull.warnings]
    return lines + ([f"the pull of {pull.feed} ended early:\n{pull.error}"] if pull.error else [])


def deliveries_text(summary: RunSummary) -> str:
    """Each feed with its counts and reasons, then every refused delivery and every warning in full."""
    deliveries = summary.deliveries
    lines = [line for pull in summary.pulls for line in _pull_lines(pull)]
    lines += [] if deliveries else ["no new deliveries"]
    for feed in sorted({d.feed for d in deliveries}):
        mine = [d for d in deliveries if d.feed == feed]
        reasons = summary.reject_reasons.get(feed, {})
        states = ", ".join(
            f"{n} {status}"
            for status in ("loaded", "duplicate", "failed")
            if (n := sum(1 for d in mine if d.status == status))
        )
        noun = "delivery" if len(mine) == 1 else "deliveries"
        lines += [f"{feed}: {states} {noun}", *equations(totals(mine, reasons)), *reason_lines(reasons)]
    if any(split(reasons)[0] for reasons in summary.reject_reasons.values()):
        lines.append("rejects are kept with their text in the table quality.rejects; smm status counts all of them")
    lines += few([f"no record of {d.feed}/{d.file_path} was loaded whole: each has a reject" for d in summary.emptied])
    # What keeps all feeds waiting, such as a store that is not there, is told once.
    refused: dict[str, list[str]] = {}
    for d in deliveries:
        if d.error:
            refused.setdefault(str(d.error), []).append(f"{d.feed}/{d.file_path}")
    lines += few([f"refused {', '.join(few(names))}:\n{error}" for error, names in refused.items()])
    lines += few([f"note on {d.feed}/{d.file_path}: {w}" for d in deliveries for w in d.warnings])
    if summary.waiting:
        lines.append(f"refused earlier and still in landing/: {len(summary.waiting)}; smm status says why")
    return "\n".join(lines)


def few(texts: list[str]) -> list[str]:
    """The first of many texts and the number of the others: a thousand lines would hide what stands before them."""
    rest = len(texts) - MOST_TEXTS
    return [*texts[:MOST_TEXTS], f"{rest:,} more; --json has all of them"] if rest > 0 else texts


def totals(deliveries: Sequence[DeliveryResult], reasons: Reasons) -> dict[str, int]:
    """Counts of several deliveries under the names of warehouse.outcomes.Fates."""
    records = [c for d in deliveries for table, c in d.counts.items() if table == RECORDS]
    rows = [c for d in deliveries for table, c in d.counts.items() if table != RECORDS]
    skipped = sum(split(reasons)[1].values())
    return {
        "records": sum(c.rows_in for c in records),
        "read": sum(c.loaded for c in records),
        "unreadable": sum(c.rejected for c in records) - skipped,
        "skipped": skipped,
        "rows": sum(c.rows_in for c in rows),
        **{name: sum(getattr(c, name) for c in rows) for name in ("loaded", "duplicate", "superseded", "rejected")},
    }


def equations(n: Mapping[str, int]) -> list[str]:
    """Where every record and every row went; nothing when there were none."""
    if not n["records"]:
        return []
    return [
        f"  {counted(n['records'], 'record')} = {n['read']:,} read + {_terms(n, 'unreadable', 'skipped')}",
        f"  {counted(n['rows'], 'row')} = {n['loaded']:,} loaded + {_terms(n, 'duplicate', 'superseded', 'rejected')}",
    ]


def _terms(n: Mapping[str, int], *names: str) -> str:
    return " + ".join(f"{n[name]:,} {WORDS.get(name, name)}" for name in names)


def reason_lines(reasons: Reasons) -> list[str]:
    """The most frequent reasons of rejects, apart from those of intended skips."""
    lines = []
    for title, counts in zip(("rejected", "skipped on purpose"), split(reasons), strict=True):
        if counts:
            top = ", ".join(f"{reason} {n:,}" for reason, n in islice(counts.items(), TOP_REASONS))
            more = len(counts) - TOP_REASONS
            lines.append(f"  {title}: {top}" + (f", and {counted(more, 'more reason')}" if more > 0 else ""))
    return lines


def run_dict(summary: RunSummary) -> dict[str, Any]:
    """A run for --json."""
    return {
        **ingest_dict(summary),
        "built": {r.table: len(r.keys) for r in summary.built},
        "failed": {r.table: [v.check_id for v in r.blocking] for r in summary.failed},
        "skipped": summary.skipped,
        "silent": [error.as_dict() for error in summary.silent.values()],
        "warnings": [{"table": table, "check": check, "rows": rows} for (table, check), rows in _warned(summary)],
        "serving_file": summary.publication.path if summary.publication else None,
        "build_id": summary.publication.build_id if summary.publication else None,
        "report": summary.report,
        "seconds": summary.seconds,
    }


def run_text(summary: RunSummary) -> str:
    """A run in some lines: deliveries, tables, checks, what was published and where."""
    lines = [deliveries_text(summary), f"built {counted(len(summary.built), 'table')}"]
    warned = _warned(summary)
    lines.append(
        f"checks: {sum(len(r.verdicts) for r in _audits(summary))} evaluated, {counted(len(warned), 'warning')}"
    )
    lines += [f"  warning: {table}: {check}, {_rows(rows)}" for (table, check), rows in warned]
    for result in summary.failed:
        lines += [
            f"{'SMM-402' if verdict.status == 'broken' else 'SMM-401'}: {result.table}: {verdict.check_id} "
            f"{verdict.status} ({_rows(verdict.unexpected_count)}); the old days stay"
            for verdict in result.blocking
        ]
    if summary.skipped:
        lines.append(f"skipped because of that: {', '.join(summary.skipped)}")
    lines += [str(error) for error in summary.silent.values()]
    if summary.publication:
        lines += [f"serving file: {summary.publication.path}", f"report: {summary.report}"]
    else:
        lines.append("nothing was published; the last serving file stays")
    lines.append("seconds: " + ", ".join(f"{step} {value:.1f}" for step, value in summary.seconds.items()))
    return "\n".join(lines)


def _rows(number: int | None) -> str:
    """How many rows a check found, where it counts them."""
    return counted(number, "row") if number else "some rows"


def _audits(summary: RunSummary) -> list[BuildResult]:
    """Every table that was checked, once."""
    return list({id(r): r for r in (*summary.audited, *summary.built, *summary.failed)}.values())


def _warned(summary: RunSummary) -> list[tuple[tuple[str, str], int]]:
    """Table and check of every warning with the rows it found in all windows of days; 0 where a check counts none."""
    rows: dict[tuple[str, str], int] = {}
    for result in _audits(summary):
        for verdict in result.verdicts:
            if verdict.status == "failed" and verdict not in result.blocking:
                key = (result.table, verdict.check_id)
                rows[key] = rows.get(key, 0) + (verdict.unexpected_count or 0)
    return list(rows.items())


def status_text(data: dict[str, Any]) -> str:
    """The state of an instance for people."""
    lines = [f"days: {data['first_day']} to {data['last_day']}" if data["first_day"] else "no data yet"]
    for feed in data["feeds"]:
        lines.append(
            f"feed {feed['feed']}: {counted(feed['loaded'], 'delivery', 'deliveries')}, {feed['failed']} refused, "
            f"last made {feed['last_extracted']}"
        )
        lines += equations(feed["counts"]) if feed["counts"] else []
        lines += reason_lines({**feed["reject_reasons"], **{SKIPPED + r: n for r, n in feed["skip_reasons"].items()}})
    seen = {feed["feed"] for feed in data["feeds"]}
    lines += [f"feed {name}: nothing delivered yet" for name in data["configured_feeds"] if name not in seen]
    for name in data["silent_feeds"]:
        level = "error" if name in data["silent_feeds_needed"] else "warning"
        lines.append(f"feed {name}: {level}: daily until now, and nothing for four days or more")
    if data["unseen_files"]:
        lines.append(f"in landing/ and not loaded yet: {counted(data['unseen_files'], 'file')}")
    for pulled in data["pulls"]:
        ended = f", and ended early: {pulled['code']}: {pulled['reason']}" if pulled["code"] else ""
        lines.append(f"pull of {pulled['feed']}: last tried {pulled['tried_at']}{ended}")
        lines += [f"  what to do: {pulled['hint']}"] if pulled["hint"] else []
    for broken in data["broken_feeds"]:
        lines.append(f"feed {broken['feed']} cannot be read: {broken['code']}: {broken['what']} ({broken['where']})")
        lines += [f"  what to do: {broken['hint']}"] if broken["hint"] else []
    for refused in data["refused_deliveries"]:
        lines.append(f"refused {refused['feed']}/{refused['file']}: {refused['code']}: {refused['reason']}")
        lines += [f"  what to do: {refused['hint']}"] if refused["hint"] else []
    stale = data["stale_days"]
    lines.append(_waiting(stale))
    lines += [
        f"check {c['status']} ({c['severity']}): {c['table']} {c['partition']} {c['check']}"
        + (f", and {counted(c['windows'] - 1, 'earlier window')} of days" if c["windows"] > 1 else "")
        for c in data["checks_not_passed"]
    ]
    lines.append(f"serving file: {data['serving_file'] or 'not published yet'}")
    return "\n".join(lines)


def _waiting(stale: Sequence[str]) -> str:
    if not stale:
        return "everything is built"
    waiting = f"{counted(len(stale), 'day waits', 'days wait')} to be built"
    if len(stale) > SHOWN_DAYS:
        return f"{waiting}, the first {stale[0]}, the last {stale[-1]}"
    return f"{waiting}: {', '.join(stale)}"


def doctor_text(findings: Sequence[Finding]) -> str:
    """Findings, one per line, each with what to do."""
    return "\n".join(
        f"{MARKS[f.status]}  {f.subject}: {f.message}" + (f"\n           do: {f.hint}" if f.hint else "")
        for f in findings
    )


def print_figures(figures: Summary, settings: Settings) -> None:
    """The figures of a publication and the next step, after a demo."""
    if mode.as_json:
        return
    out.print(to_rich(figures) if out.is_terminal else to_text(figures))
    out.print(
        f"Next: open {settings.reports / 'smm_report.html'} in a browser;\n"
        f"      make ui shows lineage, checks and what was built, a few minutes after it starts;\n"
        f"      BI tools read {settings.serving_file} at any moment.",
        markup=False,
    )
