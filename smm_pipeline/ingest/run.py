"""Ingest of whole landing folders.

Belongs here: which files are new, batches of bounded size, and that one broken delivery or feed never stops the others.
Does not belong here: how a batch is loaded (batch.py).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import FeedSource, load_feed
from smm_pipeline.ingest.arrivals import Listed, list_in_store, read_arrivals
from smm_pipeline.ingest.batch import DeliveryRefusedError, insert_rows, load_batch, record_deliveries
from smm_pipeline.ingest.binding import check_binding
from smm_pipeline.ingest.landing import declared_time, display_name, landing_files, raw_path, store_raw
from smm_pipeline.ingest.persons import hold_to_key
from smm_pipeline.ingest.results import Arrival, DeliveryResult, Status
from smm_pipeline.ingest.transform import TablePlan
from smm_pipeline.ingest.values import OWN_HOSTS, define_macros, own_hosts_pattern
from smm_pipeline.masking import without_values
from smm_pipeline.settings import Settings, person_key
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.failpoints import failpoint

BATCH_FILES = 64
# Bytes after unpacking, roughly: what one batch keeps in memory at a time.
BATCH_BYTES = 64_000_000
_UNPACK_FACTOR = {".gz": 15, ".parquet": 25, ".xlsx": 10}
# Mistakes in one feed's settings or mapping, which leave the other feeds alone.
FEED_FAULTS = frozenset({"SMM-102", "SMM-204"})
_FILE_TYPES = ("varchar", "varchar", "bigint", "bigint", "varchar")
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
    secret = person_key()
    hold_to_key(con, secret)
    results: list[DeliveryResult] = []
    for name in names:
        try:
            source = load_feed(name, settings, catalog)
            results += _ingest_feed(con, settings, catalog, source, run_id, secret, progress)
        except SmmError as error:
            if error.code not in FEED_FAULTS:
                raise
            feed = settings.feeds[name]
            results.append(DeliveryResult(name, feed.vendor or feed.mapping, "", "failed", error=error))
    return results


def feed_fault(con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, name: str) -> SmmError | None:
    """What keeps a configured feed from being read at all: its settings or its mapping are wrong.

    Args:
        con: any connection; only temporary tables and macros are made in it.
        settings: of the instance.
        catalog: the contracts.
        name: of the feed.
    """
    try:
        _plans(con, settings, catalog, load_feed(name, settings, catalog))
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
) -> list[DeliveryResult]:
    arrivals, results = _take_new(con, settings, source, run_id)
    _warn_of_old_readings(con, source)
    if not arrivals:
        return results
    plans = _plans(con, settings, catalog, source)
    done = 0
    for batch in _batches(arrivals):
        if progress:
            progress(source.name, done, len(arrivals))
        results += _load(con, source, plans, batch, run_id, secret)
        done += len(batch)
    if progress:
        progress(source.name, done, len(arrivals))
    return results


def _plans(con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, source: FeedSource) -> list[TablePlan]:
    """How each table of a feed is filled, with names and types that DuckDB can resolve."""
    plans = [TablePlan(catalog[f"raw.{n}"], rule, source, settings) for n, rule in source.mapping.tables.items()]
    define_macros(con, {**source.feed.constants, OWN_HOSTS: own_hosts_pattern(settings.shop.own_hosts)})
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


@dataclass
class _Known:
    """What the books say of a feed: files by name, deliveries by (id, name), and when loaded bytes were last seen."""

    files: dict[str, tuple[int, int, str]]
    deliveries: dict[tuple[str, str], tuple[str, str]]
    newest: dict[str, datetime]

    @classmethod
    def read(cls, con: duckdb.DuckDBPyConnection, feed: str) -> _Known:
        files = con.execute(
            "select file_path, byte_count, mtime_ns, delivery_id from meta.landing_file where feed = ?", [feed]
        ).fetchall()
        booked = con.execute(
            "select delivery_id, file_path, status, mapping_hash, extracted_ts from meta.delivery where feed = ?",
            [feed],
        ).fetchall()
        loaded = {r[0] for r in booked if r[2] == "loaded"}
        newest = {i: max(r[4] for r in booked if r[0] == i and r[2] != "failed") for i in loaded}
        return cls({r[0]: (r[1], r[2], r[3]) for r in files}, {(r[0], r[1]): (r[2], r[3]) for r in booked}, newest)

    def is_done(self, arrival: Listed, fingerprint: str) -> bool:
        """Whether an arrival needs no second look: loaded, or failed under the same mapping."""
        status, tried_with = self.deliveries.get((arrival.delivery_id, arrival.file_path), ("", ""))
        return status in ("loaded", "duplicate") or (status == "failed" and tried_with == fingerprint)


def _take_new(
    con: duckdb.DuckDBPyConnection, settings: Settings, source: FeedSource, run_id: str
) -> tuple[list[Arrival], list[DeliveryResult]]:
    """Bring new files into the raw store; returns what is to load, and results of what needs no loading."""
    known = _Known.read(con, source.name)
    listed = read_arrivals(settings.raw_store, source.name)
    found: dict[tuple[str, str], Listed] = {}
    for path, info in landing_files(settings.landing / source.name, source.feed):
        if (seen_file := _stored(settings, source.name, known, path, info)) is not None:
            found[seen_file.delivery_id, seen_file.file_path] = seen_file
    fresh = [
        (source.name, f.file_path, f.byte_count, f.mtime_ns, f.delivery_id)
        for f in found.values()
        if known.files.get(f.file_path) != (f.byte_count, f.mtime_ns, f.delivery_id)
    ]
    # What landing/ holds no more is loaded from the raw store where the books do not know it: they were lost, or the
    # mapping was corrected since it failed. The list's time is that of the first arrival, whatever copying has made of
    # the file's own.
    todo = [
        _arrival(settings, source, f) for f in (found | listed).values() if not known.is_done(f, source.fingerprint)
    ]
    list_in_store(settings.raw_store, source.name, (f for key, f in found.items() if key not in listed))
    arrivals: list[Arrival] = []
    settled: list[tuple[Arrival, DeliveryResult]] = []
    for arrival in sorted(todo, key=lambda a: (a.extracted_ts, a.file_path)):
        seen = known.newest.get(arrival.delivery_id)
        if not arrival.raw_path.is_file():
            lost = SmmError(
                "SMM-208", "its bytes are gone from landing/ and from the raw store", where=arrival.file_path
            )
            settled.append((arrival, _result(arrival, "failed", lost)))
        elif seen is None or (arrival.is_dated and arrival.extracted_ts > seen):
            # The same bytes at a later declared time say that the old values hold again.
            arrivals.append(replace(arrival, is_again=seen is not None))
            known.newest[arrival.delivery_id] = arrival.extracted_ts
        else:
            settled.append((arrival, _result(arrival, "duplicate")))
    with transaction(con):
        insert_rows(con, "insert or replace into meta.landing_file", _FILE_TYPES, fresh)
        record_deliveries(con, source, settled, run_id)
    failpoint("ingest.after_raw_store")
    return arrivals, [result for _, result in settled]


def _stored(settings: Settings, feed: str, known: _Known, path: Path, info: os.stat_result) -> Listed | None:
    """One landing file, its bytes in the raw store; None when it is still being written."""
    name = display_name(path, settings.landing / feed)
    size, mtime_ns, delivery_id = known.files.get(name, (-1, -1, ""))
    stored = raw_path(settings.raw_store, feed, delivery_id)
    if (size, mtime_ns) != (info.st_size, info.st_mtime_ns) or not stored.is_file():
        fresh = store_raw(path, settings.raw_store, feed, info)
        if fresh is None:
            return None
        delivery_id = fresh
    return Listed(name, delivery_id, info.st_size, info.st_mtime_ns)


def _arrival(settings: Settings, source: FeedSource, listed: Listed) -> Arrival:
    """What is known of a delivery before it is read."""
    dated = declared_time(listed.file_path, source.feed)
    return Arrival(
        feed=source.name,
        file_path=listed.file_path,
        delivery_id=listed.delivery_id,
        raw_path=raw_path(settings.raw_store, source.name, listed.delivery_id),
        byte_count=listed.byte_count,
        extracted_ts=dated or datetime.fromtimestamp(listed.mtime_ns / 1e9, UTC),
        is_dated=dated is not None,
    )


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


def _load(
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
    except DeliveryRefusedError as refused:
        rest = [a for a in batch if a is not refused.arrival]
        failed = _fail(con, source, refused.arrival, refused.error, run_id)
        return [*_load(con, source, plans, rest, run_id, secret), failed]
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        # An expression of the mapping failed on some record; find the delivery by loading each alone.
        if len(batch) > 1:
            return [r for arrival in batch for r in _load(con, source, plans, [arrival], run_id, secret)]
        what = f"an expression of the mapping fails: {without_values(str(error))}"
        problem = SmmError(
            "SMM-204", what, where=batch[0].file_path, hint="use try_cast, or number: and time: of the mapping"
        )
        return [_fail(con, source, batch[0], problem, run_id)]


def _fail(
    con: duckdb.DuckDBPyConnection, source: FeedSource, arrival: Arrival, error: SmmError, run_id: str
) -> DeliveryResult:
    result = _result(arrival, "failed", error)
    with transaction(con):
        record_deliveries(con, source, [(arrival, result)], run_id)
    return result


def _result(arrival: Arrival, status: Status, error: SmmError | None = None) -> DeliveryResult:
    return DeliveryResult(arrival.feed, arrival.file_path, arrival.delivery_id, status, error=error)
