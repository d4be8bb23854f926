"""Ingest of whole landing folders.

Belongs here: batches of bounded size, and that one broken delivery or feed never stops the others. Does not belong
here: which files are new (queue.py) and how a batch is loaded (batch.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import FeedSource, load_feed
from smm_pipeline.ingest.batch import DeliveryRefusedError, load_batch
from smm_pipeline.ingest.binding import check_binding
from smm_pipeline.ingest.deliveries import record_deliveries
from smm_pipeline.ingest.persons import hold_to_key
from smm_pipeline.ingest.queue import take_new
from smm_pipeline.ingest.results import Arrival, DeliveryResult, failed
from smm_pipeline.ingest.settling import growing_files
from smm_pipeline.ingest.transform import TablePlan
from smm_pipeline.ingest.values import define_feed_macros
from smm_pipeline.masking import without_values
from smm_pipeline.settings import Settings, person_key
from smm_pipeline.warehouse.connection import shared_memory, transaction

BATCH_FILES = 1000
# Bytes after unpacking, roughly: what one batch keeps in memory at a time.
BATCH_BYTES = 64_000_000
_UNPACK_FACTOR = {".gz": 15, ".parquet": 25, ".xlsx": 10}
# Mistakes in one feed's settings or mapping, which leave the other feeds alone.
FEED_FAULTS = frozenset({"SMM-102", "SMM-204"})
_log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]


def ingest_landing(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    catalog: Catalog,
    *,
    feeds: Sequence[str] | None = None,
    run_id: str,
    progress: Progress | None = None,
) -> list[DeliveryResult]:
    """Load every new delivery of the instance; the warehouse schema must exist.

    Args:
        con: connection that may write.
        settings: of the instance.
        catalog: the contracts.
        feeds: names of the feeds to look at; all when None.
        run_id: noted with everything that changes.
        progress: called with feed, deliveries done and deliveries in all.

    Returns:
        One result per delivery that was not known yet, in the order of loading.

    Raises:
        SmmError: SMM-206 for an unknown feed, SMM-103 without the person key, SMM-106 when the disk is full,
            SMM-205 when rows would get lost. Broken deliveries and mappings do not raise; they are failed results.
    """
    names = list(settings.feeds if feeds is None else feeds)
    for name in names:
        if name not in settings.feeds:
            close = get_close_matches(name, settings.feeds, n=1)
            hint = f"did you mean {close[0]}?" if close else f"feeds are: {', '.join(settings.feeds)}"
            raise SmmError("SMM-206", f"there is no feed {name!r}", hint=hint)
    secret = person_key(settings.home)
    hold_to_key(con, secret)
    results: list[DeliveryResult] = []
    growing = growing_files(settings, names)
    for name in names:
        try:
            source = load_feed(name, settings, catalog)
        except SmmError as error:
            results.append(_left_out(settings, name, error))
        else:
            # Python holds the text of pieces.
            with shared_memory(con, settings.warehouse):
                results += _ingest_feed(con, settings, catalog, source, run_id, secret, progress, growing)
    return results


def _left_out(settings: Settings, name: str, error: SmmError) -> DeliveryResult:
    """The result for a feed whose settings or mapping are wrong; any other error is raised."""
    if error.code not in FEED_FAULTS:
        raise error
    feed = settings.feeds[name]
    return DeliveryResult(name, feed.vendor or feed.mapping, "", "failed", error=error)


def feed_fault(con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, name: str) -> SmmError | None:
    """What keeps a configured feed from being read at all: its settings or its mapping are wrong.

    Args:
        con: any connection; only temporary tables and macros are made in it.
        settings: of the instance.
        catalog: the contracts.
        name: of the feed.
    """
    try:
        table_plans(con, settings, catalog, load_feed(name, settings, catalog))
    except SmmError as error:
        return error
    return None


def _ingest_feed(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    catalog: Catalog,
    source: FeedSource,
    run_id: str,
    secret: bytes,
    progress: Progress | None,
    growing: frozenset[Path],
) -> list[DeliveryResult]:
    queue = take_new(con, settings, source, run_id, growing)
    _warn_of_old_readings(con, source)
    plans: list[TablePlan] = []
    done = 0
    while arrivals := queue.next_round(con):
        try:
            plans = plans or table_plans(con, settings, catalog, source)
        except SmmError as error:
            return [*queue.results, _left_out(settings, source.name, error)]
        total = done + len(arrivals) + len(queue.waiting)
        for batch in _batches(arrivals):
            if progress:
                progress(source.name, done, total)
            queue.note(batch, load_deliveries(con, source, plans, batch, run_id, secret))
            done += len(batch)
    if progress and done:
        progress(source.name, done, done)
    return queue.results


def table_plans(
    con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, source: FeedSource
) -> list[TablePlan]:
    """How each table of a feed is filled, with names and types that DuckDB can resolve."""
    plans = [TablePlan(catalog[f"raw.{n}"], rule, source, settings) for n, rule in source.mapping.tables.items()]
    define_feed_macros(con, source, settings)
    check_binding(con, source, plans)
    return plans


def _warn_of_old_readings(con: duckdb.DuckDBPyConnection, source: FeedSource) -> None:
    """Deliveries read with an earlier mapping stay as they were read; only the user knows whether that is meant."""
    row = con.execute(
        "select count(*) from meta.delivery where feed = ? and status = 'loaded' and mapping_hash <> ?",
        [source.name, source.fingerprint],
    ).fetchone()
    if row and row[0]:
        told = "feed %s: deliveries read before its mapping or settings changed: %d; to read them anew: %s"
        _log.warning(told, source.name, row[0], f"smm ingest --again {source.name}")


def _batches(arrivals: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    batch: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        weight = arrival.byte_count * _UNPACK_FACTOR.get(Path(arrival.file_path).suffix.lower(), 1)
        if batch and (len(batch) == BATCH_FILES or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(arrival)
        size += weight
    if batch:
        yield batch


def load_deliveries(
    con: duckdb.DuckDBPyConnection,
    source: FeedSource,
    plans: Sequence[TablePlan],
    batch: list[Arrival],
    run_id: str,
    secret: bytes,
) -> list[DeliveryResult]:
    """Load a batch; when one delivery spoils it, set that one aside and load the others."""
    if not batch:
        return []
    try:
        return load_batch(con, source, plans, batch, run_id, secret)
    except DeliveryRefusedError as refusal:
        bad = {id(arrival) for arrival, _ in refusal.refused}
        rest = [a for a in batch if id(a) not in bad]
        failed = [_fail(con, source, arrival, error, run_id) for arrival, error in refusal.refused]
        return [*load_deliveries(con, source, plans, rest, run_id, secret), *failed]
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        # An expression of the mapping failed on some record; find the delivery by loading halves.
        if len(batch) > 1:
            middle = len(batch) // 2
            halves = (batch[:middle], batch[middle:])
            return [r for half in halves for r in load_deliveries(con, source, plans, half, run_id, secret)]
        what = f"an expression of the mapping fails: {without_values(str(error))}"
        problem = SmmError(
            "SMM-204", what, where=batch[0].file_path, hint="use try_cast, or number: and time: of the mapping"
        )
        return [_fail(con, source, batch[0], problem, run_id)]


def _fail(
    con: duckdb.DuckDBPyConnection, source: FeedSource, arrival: Arrival, error: SmmError, run_id: str
) -> DeliveryResult:
    result = failed(arrival, error)
    with transaction(con):
        record_deliveries(con, source, [(arrival, result)], run_id)
    return result
