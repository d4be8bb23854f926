"""The raw store's own list of what arrived: which bytes came to a feed under which name, and when.

Belongs here: `<raw store>/<feed>/arrivals.jsonl`, a line per arrival, appended and flushed before anything of the
delivery is loaded. With it the raw store alone makes a lost work database again, also after landing/ was emptied. Does
not belong here: the bytes themselves (landing.py) and the books in the work database (batch.py).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from smm_pipeline.errors import SmmError
from smm_pipeline.ingest.landing import fsync_folder

LIST_NAME = "arrivals.jsonl"


@dataclass(frozen=True)
class Listed:
    """One line of the list.

    `file_path` is the name below the feed's landing folder, `delivery_id` the SHA-256 of the bytes, `byte_count` their
    number, `mtime_ns` the file's modification time in nanoseconds since 1970. `pull_mark` says of a page that was
    pulled how far its feed is read with it.
    """

    file_path: str
    delivery_id: str
    byte_count: int
    mtime_ns: int
    pull_mark: str = ""


def read_arrivals(store: Path, feed: str) -> dict[tuple[str, str], Listed]:
    """Arrivals of a feed by delivery and name; of bytes that came twice under one name, the first time."""
    path = store / feed / LIST_NAME
    found: dict[tuple[str, str], Listed] = {}
    if not path.is_file():
        return found
    for line in path.read_bytes().splitlines():
        try:
            listed = Listed(**orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError):
            # The half of a line that a crash left: nothing of its delivery was loaded, its file is in landing/ still.
            continue
        found.setdefault((listed.delivery_id, listed.file_path), listed)
    return found


def list_in_store(store: Path, feed: str, arrivals: Iterable[Listed]) -> None:
    """Append arrivals to the list of a feed, durably.

    Raises:
        SmmError: SMM-106 when the disk is full.
    """
    lines = b"".join(_line(arrival) for arrival in arrivals)
    if not lines:
        return
    path = store / feed / LIST_NAME
    is_new = not path.exists()
    try:
        with path.open("ab+") as target:
            if target.tell() and _last_byte(target.fileno(), target.tell()) != b"\n":
                target.write(b"\n")
            target.write(lines)
            target.flush()
            os.fsync(target.fileno())
        if is_new:
            fsync_folder(path.parent)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise SmmError("SMM-106", "the disk is full: the delivery cannot be listed", where=str(store)) from error
        raise


def _line(arrival: Listed) -> bytes:
    return orjson.dumps({key: value for key, value in asdict(arrival).items() if value != ""}) + b"\n"


def _last_byte(descriptor: int, size: int) -> bytes:
    return os.pread(descriptor, 1, size - 1)
