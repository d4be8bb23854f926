"""What ingest says about a delivery.

Belongs here: the values handed from step to step and to the caller. Does not belong here: behaviour beyond arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from smm_pipeline.errors import SmmError
from smm_pipeline.ingest.unread import Unread

Status = Literal["loaded", "duplicate", "failed"]
# Pseudo table of meta.delivery_count: the delivery's records before they become rows.
RECORDS = "(records)"


@dataclass(frozen=True)
class Arrival:
    """One file of a landing folder, or a page that was pulled, whose bytes are safe in the raw store.

    `delivery_id` is the SHA-256 of the bytes, `raw_path` where they are kept, `file_path` the name below the feed's
    folder, `extracted_ts` when the vendor made it; `is_dated` tells that the file name says so. `is_again` marks bytes
    that were loaded before and now come with another declared time. `pull_mark` is how far the feed was read with a
    page that was pulled; empty for a file.
    """

    feed: str
    file_path: str
    delivery_id: str
    raw_path: Path
    byte_count: int
    extracted_ts: datetime
    is_dated: bool
    is_again: bool = False
    pull_mark: str = ""


@dataclass(frozen=True)
class Counts:
    """Fates of one delivery's rows for one table."""

    rows_in: int = 0
    loaded: int = 0
    duplicate: int = 0
    superseded: int = 0
    rejected: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every row has exactly one fate."""
        return self.rows_in == self.loaded + self.duplicate + self.superseded + self.rejected


@dataclass(frozen=True)
class RecordReject:
    """A record that could not be read: its line, row or place in the file from 1, why, and its text."""

    row: int
    reason: str
    record: str


@dataclass
class Extract:
    """What a reader found in one file: how many records, which of them were unreadable, and what looked odd."""

    unread: Unread = field(default_factory=Unread, repr=False, compare=False)
    records: int = 0
    rejects: list[RecordReject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def reject(self, row: int, reason: str, text: str) -> None:
        """Keep an unreadable record.

        Raises:
            SmmError: SMM-201 when it is one too many.
        """
        self.unread.add(row, reason, text)
        self.rejects.append(RecordReject(row, reason, text))


@dataclass(frozen=True)
class DeliveryResult:
    """Outcome of one file.

    `counts` maps table names, and `(records)`, to fates; it is empty for duplicate and failed deliveries.
    `hurt_records` counts records that could not be read or of which a row was rejected. A feed whose mapping is wrong
    gives one failed result with the mapping as its file.
    """

    feed: str
    file_path: str
    delivery_id: str
    status: Status
    counts: dict[str, Counts] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: SmmError | None = None
    hurt_records: int = 0

    @property
    def rejected(self) -> int:
        """Rejected rows and records of every table."""
        return sum(c.rejected for c in self.counts.values())


def failed(arrival: Arrival, error: SmmError) -> DeliveryResult:
    """The result of a delivery that cannot be read."""
    return DeliveryResult(arrival.feed, arrival.file_path, arrival.delivery_id, "failed", error=error)
