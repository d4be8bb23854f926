"""Several connections to the open work database, each in a thread of its own.

Belongs here: handing work to a connection that is free. Does not belong here: what is done on it (builds.py), and the
connections that take pieces of a delivery, which hold tables of their own (room ingest).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from types import TracebackType
from typing import TypeVar

import duckdb

from smm_pipeline.warehouse.connection import beside

Answer = TypeVar("Answer")


class Crew:
    """Connections beside `con`, which stays its caller's.

    Args:
        con: the open work database.
        size: how many work at a time.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, size: int) -> None:
        self.size = size
        self._connections = [beside(con) for _ in range(size)]
        self._free: Queue[duckdb.DuckDBPyConnection] = Queue()
        for connection in self._connections:
            self._free.put(connection)
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="build")

    def __enter__(self) -> Crew:
        """Work until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is running and close the connections.

        Nothing is interrupted: a check that was cut short looks like one that broke.
        """
        self._pool.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.close()

    def hand(self, work: Callable[[duckdb.DuckDBPyConnection], Answer]) -> Future[Answer]:
        """Let a connection do something as soon as one is free."""
        return self._pool.submit(self._do, work)

    def _do(self, work: Callable[[duckdb.DuckDBPyConnection], Answer]) -> Answer:
        connection = self._free.get()
        try:
            return work(connection)
        finally:
            self._free.put(connection)
