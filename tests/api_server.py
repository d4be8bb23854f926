"""A vendor's API on the loopback address, with answers written by a test, and a clock that never waits.

Belongs here: an HTTP server that says what it is told to, also half an answer, and notes how it was asked. Does not
belong here: any vendor, and assertions.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from smm_pipeline.pulls.clock import Clock


@dataclass(frozen=True)
class Call:
    """One call as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer: `cut` sends only so many bytes of the announced body, `drip` sends byte by byte, `reset` nothing.

    `silent` sends nothing either, and keeps the line open until the next call.
    """

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip: bool = False
    reset: bool = False
    silent: bool = False

    @property
    def body(self) -> bytes:
        """The bytes to send: JSON unless they are given."""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


class Api:
    """The server: `answer` is asked for every call."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Reply] = lambda _: Reply({}, 404)
        self.url = ""
        self.heard = threading.Event()

    def script(self, *replies: Reply) -> None:
        """Give these answers in turn, the last one for ever."""
        self.calls = []
        left = list(replies)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]

    @property
    def seen(self) -> list[dict[str, str]]:
        """Parameters of every call, of query and form together."""
        return [{**call.query, **call.form} for call in self.calls]


@contextmanager
def serving() -> Iterator[Api]:
    """An API on a free port of the loopback address."""
    api = Api()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Api

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in self.headers.get("Content-Type", "")
        call = Call(
            self.command,
            parts.path,
            _flat(parts.query),
            {} if is_json else _flat(sent.decode()),
            json.loads(sent) if is_json else None,
            {name.lower(): value for name, value in self.headers.items()},
        )
        self.api.calls.append(call)
        self.api.heard.set()
        self._send(self.api.answer(call))

    def _send(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.silent:
            self.api.heard.clear()
            self.api.heard.wait(5)
        if reply.reset or reply.silent:
            return
        self.send_response(reply.status)
        length = {"Content-Type": "application/json", "Connection": "close", "Content-Length": str(len(reply.body))}
        for name, value in {**length, **reply.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        try:
            for piece in [body[i : i + 1] for i in range(len(body))] if reply.drip else [body]:
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            pass  # the client has heard enough


def _flat(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


class FakeClock(Clock):
    """Time that passes only when it is looked at, `step` seconds an instant, and all at once when somebody waits."""

    def __init__(self, now: str = "2026-03-10T06:00:00", tick: float = 1.0, step: float = 1.0) -> None:
        self._now = datetime.fromisoformat(now).replace(tzinfo=UTC)
        self._tick, self._step, self._seconds = tick, step, 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        """The instant; `step` seconds later each time it is asked."""
        self._now += timedelta(seconds=self._step)
        return self._now

    def monotonic(self) -> float:
        """Seconds; `tick` more each time they are asked."""
        self._seconds += self._tick
        return self._seconds

    def wait(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.waits.append(seconds)
        self._seconds += seconds
        self._now += timedelta(seconds=seconds)
