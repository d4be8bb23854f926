"""Rejects one by one: what was refused, under an id that a person can type.

Belongs here: reading quality.rejects. Does not belong here: writing it (room ingest), counts per feed (outcomes.py),
and what of a record a screen may show (ingest/shown_record.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

# The shortest beginning of an id that is looked for.
MIN_ID_CHARACTERS = 4

# The id says what was refused and why, so the same reject has it again after a rebuild. An order with three lines of
# one fault has three rejects that differ in nothing: they are numbered.
_REJECTS = """
with numbered as (
    select
        *,
        row_number() over (
            partition by feed, delivery_id, table_name, source_row, reasons order by record
        ) as occurrence
    from quality.rejects
),

file as (
    select feed, delivery_id, min(file_path) as file_path
    from meta.delivery
    where status = 'loaded'
    group by feed, delivery_id
)

select
    left(md5(concat_ws(
        chr(31), r.feed, r.delivery_id, r.table_name, r.source_row, array_to_string(r.reasons, ' '), r.occurrence
    )), 12) as id,
    r.feed,
    coalesce(f.file_path, '') as file_path,
    r.delivery_id,
    r.table_name,
    r.source_row,
    r.reasons,
    r.record,
    r.rejected_at
from numbered as r
left join file as f on f.feed = r.feed and f.delivery_id = r.delivery_id
"""
_ORDER = "order by feed, file_path, source_row, table_name, id"
_WANTED = """
where
    ($feed is null or feed = $feed)
    and ($table_name is null or table_name = $table_name)
    and case
        when $reason is null then not starts_with(reasons[1], 'skipped:')
        else len(list_filter(reasons, lambda r: r = $reason or starts_with(r, $reason || ':'))) > 0
    end
"""


@dataclass(frozen=True)
class Wanted:
    """Which rejects are asked for; None means any.

    `reason` is a whole reason or its beginning up to a colon, such as `bad_number`. Without one, records that the
    mapping leaves out on purpose are none of them: they are asked for as `skipped`.
    """

    feed: str | None = None
    reason: str | None = None
    table: str | None = None


@dataclass(frozen=True)
class Reject:
    """One reject; `row` is where its record stands in the file, from 1, `record` the text as it is kept."""

    id: str
    feed: str
    file: str
    delivery_id: str
    table: str
    row: int
    reasons: tuple[str, ...]
    record: str | None
    rejected_at: datetime


def find_rejects(con: duckdb.DuckDBPyConnection, wanted: Wanted, limit: int | None = None) -> list[Reject]:
    """Rejects in the order of feed, file and record."""
    rows = con.execute(
        f"select * from ({_REJECTS}) {_WANTED} {_ORDER} limit $limit",
        {**_parameters(wanted), "limit": limit if limit is not None else 1 << 62},
    ).fetchall()
    return [_reject(row) for row in rows]


def count_rejects(con: duckdb.DuckDBPyConnection, wanted: Wanted) -> int:
    """How many there are of them."""
    row = con.execute(f"select count(*) from quality.rejects {_WANTED}", _parameters(wanted)).fetchone()
    return int(row[0]) if row else 0


def rejects_by_id(con: duckdb.DuckDBPyConnection, beginning: str) -> list[Reject]:
    """Rejects whose id begins so, those of records left out on purpose among them."""
    rows = con.execute(f"select * from ({_REJECTS}) where starts_with(id, ?) {_ORDER}", [beginning.lower()]).fetchall()
    return [_reject(row) for row in rows]


def _parameters(wanted: Wanted) -> dict[str, object]:
    return {"feed": wanted.feed, "reason": wanted.reason, "table_name": wanted.table}


def _reject(row: tuple[object, ...]) -> Reject:
    identifier, feed, file, delivery_id, table, number, reasons, record, rejected_at = row
    return Reject(identifier, feed, file, delivery_id, table, number, tuple(reasons), record, rejected_at)  # type: ignore[arg-type] # the types of the columns
