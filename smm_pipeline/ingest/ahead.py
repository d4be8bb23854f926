"""A reader at work while the database is.

Belongs here: the thread of a reader, and the handing over of what it has read. Does not belong here: what is read
(records.py), and the threads of DuckDB (threads.py).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Queue
from threading import Event
from typing import TypeVar

Result = TypeVar("Result")
# A piece that is read while another waits: more would only take memory.
_WAITING_PIECES = 1


class _StoppedError(Exception):
    """Nobody takes what the reader reads any more."""


def read_ahead(read: Callable[[Callable[..., None]], Result], take: Callable[..., None]) -> Result:
    """Run a reader in a thread of its own and take its pieces, in their order, in this one.

    DuckDB lets other threads of Python work while it does, so reading costs no time of its own.

    Args:
        read: gets a sink and calls it with each piece.
        take: gets what the sink was called with; after an error of it the reader is stopped.

    Raises:
        Exception: that of `read`, after all it has read was taken, or that of `take`.
    """
    pieces: Queue[tuple[object, ...] | None] = Queue(_WAITING_PIECES)
    stop = Event()

    def sink(*piece: object) -> None:
        if stop.is_set():
            raise _StoppedError
        pieces.put(piece)

    def work() -> Result:
        try:
            return read(sink)
        finally:
            pieces.put(None)

    with ThreadPoolExecutor(1, thread_name_prefix="reader") as pool:
        result = pool.submit(work)
        try:
            while (piece := pieces.get()) is not None:
                take(*piece)
        except BaseException:
            stop.set()
            _make_room(pieces, result.done)
            raise
        return result.result()


def _make_room(pieces: Queue[tuple[object, ...] | None], is_done: Callable[[], bool]) -> None:
    """Let a reader that waits for room go on to its end."""
    while not is_done():
        try:
            pieces.get(timeout=0.01)
        except Empty:
            continue
