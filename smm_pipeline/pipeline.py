"""The daily run from end to end: pull, ingest, build what is stale, publish, write the report.

Belongs here: the order of these steps and what a run says about itself. The command line and the tests call these
functions; Dagster runs the same steps as assets. Does not belong here: how a step works (ingest/, warehouse/,
validation/, reporting/) and how anything is printed (cli/).

One connection is held from the first step to the last. DuckDB lets one process write, so a second run waits for the
first instead of mixing with it.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest import RECORDS, DeliveryResult, forget_feed, ingest_landing
from smm_pipeline.pulls import PullResult, pull_feeds, untold
from smm_pipeline.settings import Settings
from smm_pipeline.validation import validate
from smm_pipeline.warehouse.audits import BuildResult
from smm_pipeline.warehouse.builds import build_stale
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.feed_states import silence_errors
from smm_pipeline.warehouse.outcomes import Reasons, Refused, open_refusals, reject_reasons, split, summed
from smm_pipeline.warehouse.publish import Publication, publish, require_fresh
from smm_pipeline.warehouse.rejects import Wanted, count_rejects
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView

Progress = Callable[[str, int, int], None]


@dataclass
class RunSummary:
    """What one run did. `failed` tables kept their old rows and `skipped` ones depend on them: nothing is published.

    `reject_reasons` counts, by feed, why records and rows of the run's deliveries were refused or skipped; `emptied`
    are deliveries of which no record was loaded whole because of that. `waiting` are refusals of earlier runs that
    nobody has dealt with. `pulls` are the feeds fetched from their vendors, their pages being among the deliveries.
    `silent` are feeds whose silence is an error; it keeps nothing from being built and published.
    """

    run_id: str
    pulls: list[PullResult] = field(default_factory=list)
    deliveries: list[DeliveryResult] = field(default_factory=list)
    reject_reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    emptied: list[DeliveryResult] = field(default_factory=list)
    waiting: list[Refused] = field(default_factory=list)
    audited: list[BuildResult] = field(default_factory=list)
    built: list[BuildResult] = field(default_factory=list)
    failed: list[BuildResult] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    silent: dict[str, SmmError] = field(default_factory=dict)
    publication: Publication | None = None
    report: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def refused(self) -> list[DeliveryResult]:
        """Deliveries that could not be read."""
        return [d for d in self.deliveries if d.status == "failed"]

    @property
    def is_incomplete(self) -> bool:
        """Whether something that was to be loaded was not: a delivery, all records of one, or what a source has."""
        return bool(self.refused or self.emptied or any(pull.error for pull in self.pulls))


def new_run_id() -> str:
    """An id for one run, sortable by time."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex[:8]}"


def ingest(
    settings: Settings,
    catalog: Catalog,
    progress: Progress | None = None,
    *,
    again: str | None = None,
    is_pulling: bool = True,
) -> RunSummary:
    """Pull what vendors have and load everything that is not loaded yet; nothing is built.

    Args:
        settings: the instance.
        catalog: the tables.
        progress: called as progress(step, done, total).
        again: a feed to take out first, with those that share its tables, and to read again from the raw store.
        is_pulling: whether feeds that have a pull are fetched first.

    Raises:
        SmmError: when the work database cannot be opened, or `again` cannot be read again; a bad delivery is a result.
    """
    summary = RunSummary(new_run_id())
    check_disk(settings)
    with connect(settings) as con:
        ensure_schema(con, catalog, settings)
        if again is not None:
            forget_feed(con, settings, catalog, again, run_id=summary.run_id)
        _ingest(con, settings, catalog, summary, progress, is_pulling=is_pulling)
    return summary


def pull(
    settings: Settings, catalog: Catalog, progress: Progress | None = None, *, feed: str | None = None
) -> RunSummary:
    """Pull one feed, or all that have a pull, and load what came of them; nothing else is loaded or built.

    Raises:
        SmmError: when the work database cannot be opened, or the feed has no pull; a source that fails, or a mapping
            that is wrong, is a result.
    """
    summary = RunSummary(new_run_id())
    check_disk(settings)
    with connect(settings) as con:
        ensure_schema(con, catalog, settings)
        found = pull_feeds(con, settings, catalog, run_id=summary.run_id, feed=feed, progress=progress)
        summary.pulls, summary.deliveries = found
        _tell(con, settings, summary)
    return summary


@dataclass(frozen=True)
class Replay:
    """A second reading of a feed with rejects: their number by feed before and after, and what the ingest did.

    Without rejects there was nothing to read, and `summary` is None.
    """

    rejects: dict[str, tuple[int, int]]
    summary: RunSummary | None = None


def replay(settings: Settings, catalog: Catalog, feed: str, progress: Progress | None = None) -> Replay:
    """Read a feed anew from the raw store, with those that share its tables, if it has any rejects.

    Raises:
        SmmError: SMM-206 for an unknown feed, SMM-204 for a wrong mapping, and what `ingest` raises.
    """
    summary = RunSummary(new_run_id())
    check_disk(settings)
    with connect(settings) as con:
        ensure_schema(con, catalog, settings)
        before = {name: count_rejects(con, Wanted(feed=name)) for name in {feed, *settings.feeds}}
        if feed in settings.feeds and not before[feed]:
            return Replay({feed: (0, 0)})
        feeds = forget_feed(con, settings, catalog, feed, run_id=summary.run_id)
        _ingest(con, settings, catalog, summary, progress, is_pulling=False)
        return Replay({name: (before[name], count_rejects(con, Wanted(feed=name))) for name in feeds}, summary)


def run(
    settings: Settings,
    catalog: Catalog,
    *,
    first: date | None = None,
    last: date | None = None,
    progress: Progress | None = None,
    is_pulling: bool = True,
) -> RunSummary:
    """Pull, ingest, build, publish and report.

    Args:
        settings: the instance.
        catalog: the tables.
        first: with `last`, days to build again even though they are up to date; stale days are built in any case.
        last: last of these days, included.
        progress: called as progress(step, done, total).
        is_pulling: whether feeds that have a pull are fetched first.

    Raises:
        SmmError: when a step cannot be done at all; SMM-501 when no data lies on the days asked for. Bad deliveries
            and failed checks are part of the summary.
    """
    summary, forced = RunSummary(new_run_id()), _days_between(first, last)
    check_disk(settings)
    with connect(settings) as con:
        ensure_schema(con, catalog, settings)
        _ingest(con, settings, catalog, summary, progress, is_pulling=is_pulling)
        with _timed(summary, "build"):
            _build_stale(con, settings, catalog, summary, forced, progress)
        if not summary.failed:
            with _timed(summary, "publish"):
                summary.publication = publish(settings, catalog, con, run_id=summary.run_id)
        summary.silent = silence_errors(con, catalog, settings, datetime.now(settings.zone).date())
    if summary.publication is not None:
        with _timed(summary, "report"):
            summary.report = _report(settings)
    return summary


def publish_only(settings: Settings, catalog: Catalog) -> tuple[Publication, Path]:
    """Publish the tables as they are and write the report.

    Raises:
        SmmError: SMM-304 when a published table has stale days, which a run builds first.
    """
    run_id = new_run_id()
    with connect(settings) as con:
        ensure_schema(con, catalog, settings)
        require_fresh(StateView(con, catalog, settings), catalog)
        publication = publish(settings, catalog, con, run_id=run_id)
    return publication, _report(settings)


def _report(settings: Settings) -> Path:
    # The charts take a second to import; a run that publishes nothing, and Dagster, do not pay it.
    from smm_pipeline.reporting.report import write_report

    return write_report(settings)


def check_disk(settings: Settings) -> None:
    """Refuse to start with too little free space.

    Raises:
        SmmError: SMM-106 with the bytes needed and free.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(settings.home).free, settings.warehouse.min_free_bytes
    if free < needed:
        raise SmmError("SMM-106", f"{free:,} bytes are free, {needed:,} are needed", where=str(settings.home))


def _ingest(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    catalog: Catalog,
    summary: RunSummary,
    progress: Progress | None,
    *,
    is_pulling: bool,
) -> None:
    """Fetch what vendors have and load new deliveries."""
    with _timed(summary, "ingest"):
        if is_pulling:
            found = pull_feeds(con, settings, catalog, run_id=summary.run_id, progress=progress)
            summary.pulls, summary.deliveries = found
        loaded = ingest_landing(con, settings, catalog, run_id=summary.run_id, progress=progress)
        summary.deliveries += untold(loaded, summary.pulls)
    _tell(con, settings, summary)


def _tell(con: duckdb.DuckDBPyConnection, settings: Settings, summary: RunSummary) -> None:
    """Note why records of the run's deliveries were refused, and which refusals of earlier runs wait."""
    reasons = reject_reasons(con, summary.run_id)
    summary.reject_reasons = {feed: summed(deliveries) for feed, deliveries in sorted(reasons.items())}
    for delivery in summary.deliveries:
        if is_emptied(delivery, reasons.get(delivery.feed, {}).get(delivery.delivery_id, {})):
            summary.emptied.append(delivery)
    now = {(d.feed, d.file_path) for d in summary.refused}
    summary.waiting = [r for r in open_refusals(con, settings.landing) if (r.feed, r.file) not in now]


def is_emptied(delivery: DeliveryResult, reasons: Reasons) -> bool:
    """Whether no record of a delivery was loaded whole, of those that the mapping does not leave out on purpose."""
    records = delivery.counts[RECORDS].rows_in if delivery.counts else 0
    return 0 < delivery.hurt_records == records - sum(split(reasons)[1].values())


def _build_stale(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    catalog: Catalog,
    summary: RunSummary,
    forced: set[date],
    progress: Progress | None,
) -> None:
    """Build every table that has something stale."""
    view = StateView(con, catalog, settings)
    _check_days(forced, view.days)
    found = build_stale(
        con, catalog, settings, view, forced=forced, run_id=summary.run_id, validate=validate, progress=progress
    )
    summary.audited, summary.built = found.audited, found.built
    summary.failed, summary.skipped = found.failed, found.skipped


def _days_between(first: date | None, last: date | None) -> set[date]:
    if first is None or last is None:
        return set()
    if first > last:
        raise SmmError("SMM-501", f"the first day {first} is after the last day {last}")
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def _check_days(forced: set[date], known: Sequence[date]) -> None:
    """Days that somebody asks for hold data, at least one of them."""
    if not forced or forced & set(known):
        return
    asked = f"{min(forced)}" if len(forced) == 1 else f"any day from {min(forced)} to {max(forced)}"
    hint = f"the first day with data is {known[0]}, the last {known[-1]}" if known else "there is no data at all yet"
    raise SmmError("SMM-501", f"there is no data on {asked}", hint=hint)


@contextmanager
def _timed(summary: RunSummary, step: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    summary.seconds[step] = round(time.perf_counter() - started, 3)


def stale_days(stale: dict[str, list[str]]) -> Sequence[str]:
    """Days on which any table is stale, oldest first."""
    return sorted({key for keys in stale.values() for key in keys if key != "all"})
