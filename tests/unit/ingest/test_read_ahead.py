"""A reader in a thread: what it reads comes in order and whole, and errors of either side end both."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from smm_pipeline.ingest.ahead import read_ahead

Sink = Callable[..., None]


def _numbers(last: int) -> Callable[[Sink], str]:
    def read(sink: Sink) -> str:
        for number in range(last):
            sink(number, str(number))
        return "read"

    return read


def test_pieces_come_in_their_order_in_the_callers_thread() -> None:
    taken: list[tuple[object, ...]] = []

    def take(*piece: object) -> None:
        taken.append((*piece, threading.current_thread()))

    assert read_ahead(_numbers(5), take) == "read"
    assert taken == [(n, str(n), threading.main_thread()) for n in range(5)]


def test_an_error_of_the_reader_comes_after_what_it_has_read() -> None:
    taken: list[object] = []

    def read(sink: Sink) -> None:
        sink(1)
        sink(2)
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        read_ahead(read, taken.append)
    assert taken == [1, 2]


def test_an_error_of_the_taker_stops_the_reader() -> None:
    """It waits with its next piece then; it must neither hang nor read on to its end."""
    handed: list[int] = []

    def read(sink: Sink) -> None:
        for number in range(1_000_000):
            sink(number)
            handed.append(number)

    def take(number: object) -> None:
        raise ValueError(f"no room for {number}")

    with pytest.raises(ValueError, match="no room for 0"):
        read_ahead(read, take)
    assert len(handed) < 1000
    assert not [t for t in threading.enumerate() if t.name.startswith("reader")]
