"""Pages that were pulled from a vendor's API, as deliveries of the raw store.

Belongs here: their names, keeping their bytes with the mark of how far the feed was read, and meta.pull_cursor, which
follows in the transaction that books the page. Does not belong here: the calls, and what a mark says (room pulls).

A page is kept in two steps, its bytes and then its line in the list of arrivals, which holds the mark too: either the
page and its mark are there, or neither is and the page is pulled again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from smm_pipeline.ingest.arrivals import Listed, list_in_store
from smm_pipeline.ingest.landing import keep_bytes
from smm_pipeline.ingest.results import Arrival
from smm_pipeline.warehouse.delivery_schema import PULLED_FOLDER
from smm_pipeline.warehouse.failpoints import failpoint

# To the microsecond: two pulls of one second are told apart, and the later one has the later name.
_TIME = "%Y%m%dT%H%M%S.%fZ"
_NAME = PULLED_FOLDER + "{time:" + _TIME + "}-{number:05d}{suffix}"
_PATTERN = re.compile(PULLED_FOLDER + r"(?P<ts>\d{8}T\d{6}\.\d{6}Z)-\d+\.[a-z]+")


def pulled_time(file_path: str) -> datetime | None:
    """When a page was pulled, by its name; None for a file that was delivered."""
    match = _PATTERN.fullmatch(file_path)
    return datetime.strptime(match["ts"], _TIME).replace(tzinfo=UTC) if match else None


def keep_page(store: Path, feed: str, body: bytes, *, moment: datetime, number: int, suffix: str, mark: str) -> None:
    """Put a page into the raw store, durably, with the mark that it leaves behind.

    Args:
        store: the raw store.
        feed: the feed.
        body: the page as it came.
        moment: when it came.
        number: which page of the pull it is, from 1.
        suffix: ending of its name, which says what it is.
        mark: how far the feed is read with it.

    Raises:
        SmmError: SMM-106 when the disk is full.
    """
    digest = hashlib.sha256(body).hexdigest()
    keep_bytes(store, feed, digest, body)
    failpoint("pull.before_mark")
    name = _NAME.format(time=moment, number=number, suffix=suffix)
    list_in_store(store, feed, [Listed(name, digest, len(body), int(moment.timestamp() * 10**6) * 1000, mark)])
    failpoint("pull.after_mark")


def last_mark(con: duckdb.DuckDBPyConnection, feed: str) -> str | None:
    """How far a feed was read, by the newest page that is booked."""
    row = con.execute("select mark from meta.pull_cursor where feed = ?", [feed]).fetchone()
    return str(row[0]) if row else None


def note_mark(con: duckdb.DuckDBPyConnection, feed: str, mark: str, moment: datetime, run_id: str) -> None:
    """Move the cursor of a feed on to a mark that no page leaves, as of a report that was ordered.

    A lost work database does not find it in the raw store: what was ordered is ordered again.
    """
    _move(con, feed, mark, "", moment, run_id)


def note_marks(con: duckdb.DuckDBPyConnection, arrivals: Iterable[Arrival], run_id: str) -> None:
    """Move the cursor of a feed on to the newest of these pages; call it in the transaction that books them.

    A page that is booked late, because it could be read only with another mapping, moves nothing back.
    """
    pages = [a for a in arrivals if a.pull_mark]
    if pages:
        newest = max(pages, key=lambda a: (a.extracted_ts, a.file_path))
        _move(con, newest.feed, newest.pull_mark, newest.file_path, newest.extracted_ts, run_id)


def _move(con: duckdb.DuckDBPyConnection, feed: str, mark: str, file_path: str, moment: datetime, run_id: str) -> None:
    con.execute(
        "insert or replace into meta.pull_cursor select unnest([?]), ?, ?, ?, ?, ? where not exists (select 1 from "
        "meta.pull_cursor where feed = ? and (pulled_at, file_path) > (?, ?))",
        [feed, mark, file_path, moment, run_id, datetime.now(UTC), feed, moment, file_path],
    )
