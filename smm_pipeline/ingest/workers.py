"""Several pieces at a time.

Belongs here: the connections that take pieces, each in a thread of its own, and what they did in all. Does not belong
here: what is done with a piece (pieces.py), and the merge (batch.py).

DuckDB gives a thread a row group at a time, 122,880 rows, which is more than a piece has: most statements over a piece
run on one thread. A large batch therefore has a connection per thread, each with temporary tables of its own, and a
small one is spared all this.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import Queue
from types import TracebackType

import duckdb

from smm_pipeline.feeds import FeedSource
from smm_pipeline.ingest.deliveries import list_arrivals
from smm_pipeline.ingest.incoming import TEMPORARY
from smm_pipeline.ingest.parts import Part
from smm_pipeline.ingest.pieces import Passed, Pieces
from smm_pipeline.ingest.results import Arrival, RecordReject
from smm_pipeline.ingest.transform import TablePlan
from smm_pipeline.ingest.unread import Unread
from smm_pipeline.ingest.values import define_feed_macros


class Workers:
    """Takes the pieces of one batch; `handed` counts them.

    Args:
        con: connection with the macros of the feed; until `finish` has returned, nobody else may use it.
        source: the feed.
        plans: how its tables are filled.
        secret: key of the pseudonyms.
        arrivals: the batch.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        source: FeedSource,
        plans: Sequence[TablePlan],
        secret: bytes,
        arrivals: Sequence[Arrival],
    ) -> None:
        self._con, self._source, self._plans, self._secret, self._arrivals = con, source, plans, secret, arrivals
        [(threads,)] = con.execute("select current_setting('threads')").fetchall()
        self._threads = int(threads)
        list_arrivals(con, arrivals)
        unit = "record" if source.mapping.format.kind == ("json",) else "line"
        self._unread = [Unread(arrival.file_path, unit) for arrival in arrivals]
        self.all = [Pieces(con, TEMPORARY, source, plans, secret, self._unread)]
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._free: Queue[Pieces] = Queue()
        self._free.put(self.all[0])
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="piece")
        self._running: list[Future[None]] = []
        self.handed = 0

    def __enter__(self) -> Workers:
        """Work until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for pieces that are being taken, and give up the connections with all that they hold."""
        self._pool.shutdown()
        self._stop_sharing()
        self._con.execute("reset global checkpoint_threshold")
        for cursor in self._cursors:
            cursor.close()
        for worker in self.all[1:]:
            self._con.execute(f"detach {worker.place}")

    def hand(self, parts: Sequence[Part]) -> None:
        """Let a piece be taken; returns as soon as a worker has begun with it.

        Raises:
            Exception: what a piece handed before ended with.
        """
        self.handed += 1
        if self._free.empty() and len(self.all) < self._threads:
            self._add_worker()
        worker = self._free.get()
        self._raise_errors()
        self._running.append(self._pool.submit(self._take, worker, parts, {}))

    def finish(self, parts: Sequence[Part], unread: Mapping[int, Sequence[RecordReject]]) -> None:
        """Let the last piece be taken, with all that readers could not read, and wait for every piece.

        Raises:
            Exception: what a piece ended with.
        """
        if not self._running:
            self.all[0].take(parts, unread)
            return
        self._running.append(self._pool.submit(self._take, self._free.get(), parts, unread))
        wait(self._running)
        self._raise_errors()
        self._stop_sharing()

    @property
    def hurt(self) -> Counter[int]:
        """By delivery number, the records that could not be read or of which a row was rejected."""
        return sum((Counter(worker.hurt) for worker in self.all), Counter())

    @property
    def records(self) -> dict[int, Passed]:
        """By delivery number, the records that were taken and rejected."""
        return _summed(worker.records for worker in self.all)

    def rows(self, table_name: str) -> dict[int, Passed]:
        """By delivery number, the rows of one table that were taken and rejected."""
        return _summed(worker.rows[table_name] for worker in self.all)

    def _take(self, worker: Pieces, parts: Sequence[Part], unread: Mapping[int, Sequence[RecordReject]]) -> None:
        try:
            worker.take(parts, unread)
        finally:
            self._free.put(worker)

    def _raise_errors(self) -> None:
        for done in [future for future in self._running if future.done()]:
            done.result()

    def _stop_sharing(self) -> None:
        """Let one statement have all threads again."""
        self._con.execute(f"set global threads = {self._threads}")
        self._con.execute("set global preserve_insertion_order = false")

    def _add_worker(self) -> None:
        place = f"smm_worker_{len(self.all)}"
        cursor = self._con.cursor()
        self._cursors.append(cursor)
        # Of a database in memory a checkpoint, which DuckDB makes of its own accord, writes nothing and takes seconds.
        cursor.execute("set global checkpoint_threshold = '1TB'")
        # Each connection has a thread of its own, and more would be in each other's way. Rows that one thread adds in
        # their order are written once less.
        cursor.execute("set global threads = 1")
        cursor.execute("set global preserve_insertion_order = true")
        cursor.execute("set TimeZone = 'UTC'")
        cursor.execute(f"attach ':memory:' as {place}")
        define_feed_macros(cursor, self._source, self._plans[0].settings)
        list_arrivals(cursor, self._arrivals)
        worker = Pieces(cursor, place, self._source, self._plans, self._secret, self._unread)
        self.all.append(worker)
        self._free.put(worker)


def _summed(counts: Iterable[Mapping[int, Passed]]) -> dict[int, Passed]:
    total: dict[int, Passed] = defaultdict(Passed)
    for by_delivery in counts:
        for number, passed in by_delivery.items():
            total[number].taken += passed.taken
            total[number].rejected += passed.rejected
    return total
