"""Which deliveries of a feed are to be loaded, and in which order.

Belongs here: bringing landing/ into the raw store, comparing it with the books, and the queue of what is to load. Bytes
that came under several names are tried under one name after the other until they are loaded, because a name can be what
keeps them from being read. Does not belong here: the loading (run.py, batch.py).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import FeedSource
from smm_pipeline.ingest.arrivals import Listed, list_in_store, read_arrivals
from smm_pipeline.ingest.deliveries import insert_rows, record_deliveries
from smm_pipeline.ingest.landing import (
    closed_folders,
    declared_time,
    display_name,
    landing_files,
    may_not_be_opened,
    not_a_file,
    raw_path,
    store_raw,
    strange_files,
)
from smm_pipeline.ingest.objects import objects_of, store_object
from smm_pipeline.ingest.pulled import pulled_time
from smm_pipeline.ingest.results import Arrival, DeliveryResult, failed
from smm_pipeline.settings import Feed, Settings
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.delivery_schema import OBJECTS_FOLDER
from smm_pipeline.warehouse.failpoints import failpoint

_FILE_TYPES = ("varchar", "varchar", "bigint", "bigint", "varchar")
_OLDER = (
    "its bytes were read with an earlier mapping or other settings: that its values hold again counts after "
    "smm ingest --again "
)
Outcome = tuple[Arrival, DeliveryResult]
Span = tuple[datetime, datetime]


@dataclass
class Queue:
    """Deliveries of one feed that wait to be loaded, in the order of their times.

    `seen` holds, of bytes that are loaded, the first and the last time at which they were seen, `older` those that were
    read with another mapping or other settings than hold now. `results` are the outcomes so far.
    """

    source: FeedSource
    run_id: str
    waiting: list[Arrival]
    seen: dict[str, Span]
    older: set[str]
    results: list[DeliveryResult]

    def next_round(self, con: duckdb.DuckDBPyConnection) -> list[Arrival]:
        """What to load now, at most one delivery of the same bytes; the others wait for how it ends."""
        now: dict[str, Arrival] = {}
        rest: list[Arrival] = []
        settled: list[Outcome] = []
        for arrival in self.waiting:
            seen = self.seen.get(arrival.delivery_id)
            if not arrival.raw_path.is_file():
                what = "its bytes are gone from landing/ and from the raw store"
                lost = SmmError("SMM-208", what, where=arrival.file_path, hint="put the file back into landing/")
                settled.append((arrival, failed(arrival, lost)))
            elif arrival.delivery_id in now:
                rest.append(arrival)
            elif seen is None:
                now[arrival.delivery_id] = arrival
            elif duplicate := known_result(arrival, seen, is_older=arrival.delivery_id in self.older):
                settled.append((arrival, duplicate))
            else:
                now[arrival.delivery_id] = replace(arrival, is_again=True)
        self.waiting = rest
        self._settle(con, settled)
        return list(now.values())

    def note(self, arrivals: Sequence[Arrival], results: Sequence[DeliveryResult]) -> None:
        """Take note of how deliveries ended that were handed out."""
        self.results += results
        unread = {(r.delivery_id, r.file_path) for r in results if r.status == "failed"}
        for arrival in arrivals:
            if (arrival.delivery_id, arrival.file_path) not in unread:
                _see(self.seen, arrival.delivery_id, arrival.extracted_ts)

    def _settle(self, con: duckdb.DuckDBPyConnection, settled: Sequence[Outcome]) -> None:
        if not settled:
            return
        with transaction(con):
            record_deliveries(con, self.source, settled, self.run_id)
        self.results += [result for _, result in settled]


def take_new(
    con: duckdb.DuckDBPyConnection, settings: Settings, source: FeedSource, run_id: str, growing: Container[Path] = ()
) -> Queue:
    """Bring new files that do not grow into the raw store; what of them and of older ones there is not loaded yet."""
    known = Known.read(con, source)
    listed = read_arrivals(settings.raw_store, source.name)
    older = {delivery_id for delivery_id, mapping in known.read_with.items() if mapping != source.fingerprint}
    queue = Queue(source, run_id, [], known.seen, older, [])
    found: dict[tuple[str, str], Listed] = {}
    _take_files(settings, source, known, found, queue, growing)
    gone = _take_objects(settings, source, known, found, queue)
    fresh = [
        (source.name, f.file_path, f.byte_count, f.mtime_ns, f.delivery_id)
        for f in found.values()
        if known.files.get(f.file_path) != (f.byte_count, f.mtime_ns, f.delivery_id)
    ]
    # What landing/ holds no more is loaded from the raw store where the books do not know it: they were lost, or the
    # mapping was corrected since it failed. The list's time is that of the first arrival, whatever copying has made of
    # the file's own.
    todo = [
        f
        for f in (found | listed).values()
        if not known.is_done(f, source.fingerprint, raw_path(settings.raw_store, source.name, f.delivery_id))
    ]
    list_in_store(settings.raw_store, source.name, (f for key, f in found.items() if key not in listed))
    refused: list[Outcome] = []
    for listed_file in todo:
        arrival = _arrival(settings, source, listed_file)
        try:
            dated = _time_in_name(listed_file.file_path, source.feed)
        except SmmError as error:
            refused.append((arrival, failed(arrival, error)))
            continue
        queue.waiting.append(replace(arrival, extracted_ts=dated, is_dated=True) if dated else arrival)
    queue.waiting.sort(key=lambda a: (a.extracted_ts, a.file_path))
    with transaction(con):
        insert_rows(con, "insert or replace into meta.landing_file", _FILE_TYPES, fresh)
        con.execute(
            "delete from meta.landing_file where feed = ? and list_contains(?::varchar[], file_path)",
            [source.name, gone],
        )
        record_deliveries(con, source, refused, run_id)
    queue.results += [result for _, result in refused]
    failpoint("ingest.after_raw_store")
    return queue


def _take_files(
    settings: Settings,
    source: FeedSource,
    known: Known,
    found: dict[tuple[str, str], Listed],
    queue: Queue,
    growing: Container[Path],
) -> None:
    """Bring new files of landing/ into the raw store, and tell of what there may not be read.

    Without its bytes a file has no identity for the books: it is told of until it can be read or is gone.
    """
    folder = settings.landing / source.name

    def tell(path: Path, error: SmmError, mark: str = "") -> None:
        name = f"{display_name(path, folder)}{mark}"
        queue.results.append(DeliveryResult(source.name, name, "", "failed", error=error))

    for closed in closed_folders(folder):
        tell(closed, may_not_be_opened(closed, os.strerror(errno.EACCES)), "/")
    for path, info in landing_files(folder, source.feed):
        if path in growing:
            continue
        try:
            stored = _stored(settings, source.name, known, path, info)
        except SmmError as error:
            if error.code != "SMM-209":
                raise
            tell(path, error)
            continue
        if stored is not None:
            found[stored.delivery_id, stored.file_path] = stored
    for path in strange_files(folder, source.feed):
        tell(path, not_a_file(path))


def _take_objects(
    settings: Settings, source: FeedSource, known: Known, found: dict[tuple[str, str], Listed], queue: Queue
) -> list[str]:
    """Bring new objects of a store into the raw store; returns the names of those that lie there no more."""
    try:
        objects = objects_of(settings, source.name)
        for seen in objects:
            size, mtime_ns, delivery_id = known.files.get(seen.file_path, (-1, -1, ""))
            is_new = (size, mtime_ns) != (seen.size, seen.mtime_ns)
            if is_new or not raw_path(settings.raw_store, source.name, delivery_id).is_file():
                try:
                    fresh = store_object(settings, source.name, seen)
                except SmmError as error:
                    if error.code != "SMM-209":
                        raise
                    queue.results.append(DeliveryResult(source.name, seen.file_path, "", "failed", error=error))
                    continue
                if fresh is None:
                    continue
                delivery_id = fresh
            found[delivery_id, seen.file_path] = Listed(seen.file_path, delivery_id, seen.size, seen.mtime_ns)
    except SmmError as error:
        if error.code != "SMM-211":
            raise
        queue.results.append(DeliveryResult(source.name, OBJECTS_FOLDER, "", "failed", error=error))
        return []
    return [
        name for name in known.files if name.startswith(OBJECTS_FOLDER) and name not in {o.file_path for o in objects}
    ]


@dataclass
class Known:
    """What the books say of a feed: files by name, deliveries by (id, name), and when loaded bytes were seen.

    `read_with` is the fingerprint with which loaded bytes were read. `open` are deliveries of them, as (id, name), that
    tell another time and came under another fingerprint.
    """

    files: dict[str, tuple[int, int, str]]
    deliveries: dict[tuple[str, str], tuple[str, str, str | None]]
    seen: dict[str, Span]
    read_with: dict[str, str]
    open: set[tuple[str, str]]

    @classmethod
    def read(cls, con: duckdb.DuckDBPyConnection, source: FeedSource) -> Known:
        """What they say now."""
        feed = source.name
        files = con.execute(
            "select file_path, byte_count, mtime_ns, delivery_id from meta.landing_file where feed = ?", [feed]
        ).fetchall()
        booked = con.execute(
            "select delivery_id, file_path, status, mapping_hash, extracted_ts, error_code from meta.delivery "
            "where feed = ?",
            [feed],
        ).fetchall()
        read_with = {r[0]: r[3] for r in booked if r[2] == "loaded"}
        seen: dict[str, Span] = {}
        others: list[tuple[str, str, datetime]] = []
        for delivery_id, name, status, mapping, seen_ts, _ in booked:
            if status == "loaded":
                _see(seen, delivery_id, seen_ts)
            # Of a copy without a declared time the file's own says only when it was copied.
            elif status == "duplicate" and delivery_id in read_with and _is_dated(name, source.feed):
                if mapping == read_with[delivery_id]:
                    _see(seen, delivery_id, seen_ts)
                else:
                    others.append((delivery_id, name, seen_ts))
        return cls(
            {r[0]: (r[1], r[2], r[3]) for r in files},
            {(r[0], r[1]): (r[2], r[3], r[5]) for r in booked},
            seen,
            read_with,
            {(i, name) for i, name, seen_ts in others if not seen[i][0] <= seen_ts <= seen[i][1]},
        )

    def is_done(self, arrival: Listed, fingerprint: str, stored: Path) -> bool:
        """Whether an arrival needs no second look: its bytes are loaded, or it was tried under the same mapping."""
        key = arrival.delivery_id, arrival.file_path
        status, tried_with, code = self.deliveries.get(key, ("", "", None))
        if status == "failed":
            # Lost bytes may have been put back.
            return not stored.is_file() if code == "SMM-208" else tried_with == fingerprint
        if key in self.open:
            return tried_with == fingerprint
        return status != "" and arrival.delivery_id in self.seen


def known_result(arrival: Arrival, seen: Span, *, is_older: bool) -> DeliveryResult | None:
    """The result of bytes that are loaded already; None where they have to be read again for the time of their name.

    At a later declared time the same bytes say that the old values hold again, at an earlier one that they were known
    by then. Read with another mapping (`is_older`) they could bring rows and rejects that the books do not know.
    """
    is_news = arrival.is_dated and not seen[0] <= arrival.extracted_ts <= seen[1]
    if is_news and not is_older:
        return None
    warnings = (f"{_OLDER}{arrival.feed}",) if is_news else ()
    return DeliveryResult(arrival.feed, arrival.file_path, arrival.delivery_id, "duplicate", warnings=warnings)


def _see(seen: dict[str, Span], delivery_id: str, time: datetime) -> None:
    first, last = seen.get(delivery_id, (time, time))
    seen[delivery_id] = min(first, time), max(last, time)


def _time_in_name(file_path: str, feed: Feed) -> datetime | None:
    """When a delivery was made: of a page by the name that it was pulled under, of a file by the feed's pattern."""
    return pulled_time(file_path) or declared_time(file_path, feed)


def _is_dated(file_path: str, feed: Feed) -> bool:
    """Whether a name that was loaded, or counted as a duplicate, tells a time by the settings as they are now."""
    try:
        return _time_in_name(file_path, feed) is not None
    except SmmError:
        return False


def _stored(settings: Settings, feed: str, known: Known, path: Path, info: os.stat_result) -> Listed | None:
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
    """What is known of a delivery before its name and its bytes are read; its time is that of the file."""
    return Arrival(
        feed=source.name,
        file_path=listed.file_path,
        delivery_id=listed.delivery_id,
        raw_path=raw_path(settings.raw_store, source.name, listed.delivery_id),
        byte_count=listed.byte_count,
        extracted_ts=datetime.fromtimestamp(listed.mtime_ns / 1e9, UTC),
        is_dated=False,
        pull_mark=listed.pull_mark,
    )
