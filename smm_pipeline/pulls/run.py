"""Pulling every feed that has a pull, and loading what came.

Belongs here: the order of steps for a feed, keeping its pages, and that one feed's failure never stops the others. Does
not belong here: which pages there are (reading.py) and how a page becomes rows (room ingest).

Pages that an earlier run kept and did not load are loaded first, so that the cursor tells how far the feed was really
read; then the feed is pulled from there; then what came is loaded, and the cursor moves in the same transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest import DeliveryResult, feed_fault, ingest_landing
from smm_pipeline.ingest.pulled import keep_page, last_mark, note_mark
from smm_pipeline.pull_settings import Pull
from smm_pipeline.pulls.clock import Clock
from smm_pipeline.pulls.secrets import Secrets, read_secrets
from smm_pipeline.pulls.sources import Source, load_source
from smm_pipeline.pulls.windows import mark_of
from smm_pipeline.settings import Settings

Progress = Callable[[str, int, int], None]


@dataclass
class PullResult:
    """What the pull of one feed brought; with an error, the pages before it are kept and the next pull goes on.

    `records` is None where pages are no JSON: only ingest can count their records.
    """

    feed: str
    pages: int = 0
    records: int | None = 0
    warnings: list[str] = field(default_factory=list)
    error: SmmError | None = None


def pull_feeds(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    catalog: Catalog,
    *,
    run_id: str,
    feed: str | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> tuple[list[PullResult], list[DeliveryResult]]:
    """Pull feeds from their vendors' APIs and load what came.

    Args:
        con: connection that may write; the warehouse schema must exist.
        settings: of the instance.
        catalog: the contracts.
        run_id: noted with everything that changes.
        feed: the only feed to pull; every feed that has a pull when None.
        clock: the machine's when None.
        progress: called with `pull FEED` and the pages so far, twice, as nobody knows how many there are.

    Returns:
        A result per feed, and what became of the deliveries that were loaded on the way.

    Raises:
        SmmError: SMM-206 for a feed that is unknown or has no pull, SMM-106 when the disk is full, and what ingest
            raises. A source that fails does not raise; its result says so.
    """
    results, deliveries = [], []
    for name, pull in _chosen(settings, feed).items():
        # Pages that nobody can read need not be fetched.
        if fault := feed_fault(con, settings, catalog, name):
            results.append(PullResult(name, error=fault))
            continue
        deliveries += _loaded(con, settings, catalog, name, run_id)
        result = PullResult(name)
        try:
            source = load_source(name, pull, settings)
            _pull(con, settings, source, read_secrets(name, pull), clock or Clock(), result, run_id, progress)
        except SmmError as error:
            if error.code == "SMM-106":
                raise
            result.error = error
        _note(con, result, run_id)
        results.append(result)
        if result.pages:
            deliveries += _loaded(con, settings, catalog, name, run_id)
    return results, deliveries


def untold(deliveries: Sequence[DeliveryResult], pulls: Sequence[PullResult]) -> list[DeliveryResult]:
    """Deliveries without what repeats the fault of a feed for which it was not pulled."""
    faults = {(pull.feed, str(pull.error)) for pull in pulls if pull.error}
    return [d for d in deliveries if d.delivery_id or (d.feed, str(d.error)) not in faults]


def _loaded(
    con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, feed: str, run_id: str
) -> list[DeliveryResult]:
    """Load what a feed has; what cannot even be opened is told by the ingest of all feeds, once."""
    results = ingest_landing(con, settings, catalog, feeds=[feed], run_id=run_id)
    return [result for result in results if result.delivery_id]


def pull_fault(settings: Settings, name: str) -> SmmError | None:
    """What keeps a feed from being pulled at all: its settings, its description or its token; no call is made."""
    pull = settings.feeds[name].pull
    if pull is None:
        return None
    try:
        load_source(name, pull, settings)
        read_secrets(name, pull)
    except SmmError as error:
        return error
    return None


def _chosen(settings: Settings, feed: str | None) -> dict[str, Pull]:
    pulled = {name: declared.pull for name, declared in settings.feeds.items() if declared.pull}
    if feed is None or feed in pulled:
        return {name: pull for name, pull in pulled.items() if feed in (None, name)}
    close = get_close_matches(feed, pulled, n=1)
    known = f"did you mean {close[0]}?" if close else f"feeds with a pull: {', '.join(pulled) or 'none'}"
    what = f"feed {feed!r} has no pull" if feed in settings.feeds else f"there is no feed {feed!r}"
    raise SmmError("SMM-206", what, hint=known)


def _pull(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: Source,
    secrets: Secrets,
    clock: Clock,
    result: PullResult,
    run_id: str,
    progress: Progress | None,
) -> None:
    # httpx takes a fifth of a second to import; commands that pull nothing do not pay it.
    from smm_pipeline.pulls.client import Client
    from smm_pipeline.pulls.each import known_posts, read_each
    from smm_pipeline.pulls.reading import read_pages

    mark = mark_of(last_mark(con, source.feed), source.fingerprint)
    with Client(source.feed, source.spec, source.pull, secrets, clock) as client:
        if source.spec.each:
            posts = known_posts(con, source.spec.each, source.community_id)
            pages = read_each(source, client, clock, mark, posts, result.warnings)
        else:
            pages = read_pages(source, client, clock, mark)
        for page in pages:
            if page.body is None:
                note_mark(con, source.feed, page.mark.text(), clock.now(), run_id)
            else:
                result.pages += 1
                result.records = None if source.spec.job else (result.records or 0) + page.records
                keep_page(
                    settings.raw_store,
                    source.feed,
                    page.body,
                    moment=clock.now(),
                    number=result.pages,
                    suffix=source.spec.suffix,
                    mark=page.mark.text(),
                )
            if page.then:
                page.then()
            if progress:
                progress(f"pull {source.feed}", result.pages, result.pages)
            if page.mark.is_done and page.mark.is_short:
                told = f"records that came: {page.mark.records} of {page.mark.total} that the source counts"
                is_repeated = source.span.repeats(page.mark)
                result.warnings.append(told + ("; the next pull asks for them again" if is_repeated else ""))
            is_over = page.mark.is_done and page.mark.is_of_last_window
            if result.pages >= source.pull.max_pages and not is_over:
                what = f"there are more pages than max_pages = {source.pull.max_pages}"
                hint = "the next run goes on from there; raise max_pages where so many are right"
                raise SmmError("SMM-315", what, where=f"feeds.{source.feed}.pull", hint=hint)


def _note(con: duckdb.DuckDBPyConnection, result: PullResult, run_id: str) -> None:
    """Keep how the last pull of a feed ended, for people who ask later."""
    error = result.error
    con.execute(
        "insert or replace into meta.pull_attempt select ?, now(), ?, ?, ?::varchar[], ?, ?, ?",
        [
            result.feed,
            result.pages,
            result.records,
            result.warnings,
            error.code if error else None,
            str(error) if error else None,
            run_id,
        ],
    )
