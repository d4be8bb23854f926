"""What became of deliveries, read from the books of ingest.

Belongs here: reasons of rejects, counts per feed, and refused deliveries that nobody has dealt with. Does not belong
here: writing the books (room ingest) and wording (room cli).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from smm_pipeline.warehouse.delivery_schema import OBJECTS_FOLDER, PULLED_FOLDER

Reasons = dict[str, int]
SKIPPED = "skipped:"

_REASONS = """
with reject as (select feed, delivery_id, unnest(reasons) as reason from quality.rejects)

select r.feed, r.delivery_id, r.reason, count(*) as n
from reject as r
where
    $run_id is null
    or exists (
        select 1
        from meta.delivery as d
        where d.feed = r.feed and d.delivery_id = r.delivery_id and d.run_id = $run_id and d.status = 'loaded'
    )
group by all
order by n desc, r.reason
"""
# The bytes of a file are judged by what lies in the folder now, under whatever name they were loaded; those of a page
# that was pulled lie in the raw store for good.
_REFUSED = f"""
select f.feed, f.file_path, f.error_code, f.error_message
from meta.delivery as f
left join meta.landing_file as l on l.feed = f.feed and l.file_path = f.file_path and l.delivery_id = f.delivery_id
where
    f.status = 'failed'
    and (l.feed is not null or starts_with(f.file_path, '{PULLED_FOLDER}'))
    and not exists (
        select 1
        from meta.delivery as d
        where d.feed = f.feed and d.delivery_id = f.delivery_id and d.status = 'loaded'
    )
order by f.feed, f.file_path
"""
_COUNTS = """
select
    feed,
    coalesce(sum(rows_in) filter (where table_name = '(records)'), 0),
    coalesce(sum(loaded) filter (where table_name = '(records)'), 0),
    coalesce(sum(rejected) filter (where table_name = '(records)'), 0),
    coalesce(sum(rows_in) filter (where table_name <> '(records)'), 0),
    coalesce(sum(loaded) filter (where table_name <> '(records)'), 0),
    coalesce(sum(duplicate) filter (where table_name <> '(records)'), 0),
    coalesce(sum(superseded) filter (where table_name <> '(records)'), 0),
    coalesce(sum(rejected) filter (where table_name <> '(records)'), 0)
from meta.delivery_count
group by feed
"""


@dataclass(frozen=True)
class Fates:
    """What became of the records of a feed, and of the rows that its mapping made of them.

    records = read + unreadable + skipped, rows = loaded + duplicate + superseded + rejected.
    """

    records: int
    read: int
    unreadable: int
    skipped: int
    rows: int
    loaded: int
    duplicate: int
    superseded: int
    rejected: int


@dataclass(frozen=True)
class Refused:
    """A delivery that could not be read and still lies in landing/."""

    feed: str
    file: str
    code: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Attempt:
    """The last pull of a feed; `code`, `reason` and `hint` are empty where it went well."""

    feed: str
    tried_at: str
    pages: int
    code: str
    reason: str
    hint: str


def reject_reasons(con: duckdb.DuckDBPyConnection, run_id: str | None = None) -> dict[str, dict[str, Reasons]]:
    """Reasons with their counts by feed and delivery, the most frequent first; of one run, or of all time."""
    found: dict[str, dict[str, Reasons]] = {}
    for feed, delivery_id, reason, count in con.execute(_REASONS, {"run_id": run_id}).fetchall():
        found.setdefault(feed, {}).setdefault(delivery_id, {})[reason] = count
    return found


def summed(reasons: Mapping[str, Reasons]) -> Reasons:
    """Reasons of several deliveries together, the most frequent first."""
    total: Reasons = {}
    for counts in reasons.values():
        for reason, count in counts.items():
            total[reason] = total.get(reason, 0) + count
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def split(reasons: Reasons) -> tuple[Reasons, Reasons]:
    """Reasons of rejects, and of records that the mapping leaves out on purpose (without their prefix)."""
    rejects = {r: n for r, n in reasons.items() if not r.startswith(SKIPPED)}
    return rejects, {r.removeprefix(SKIPPED): n for r, n in reasons.items() if r.startswith(SKIPPED)}


def feed_fates(con: duckdb.DuckDBPyConnection, reasons: Mapping[str, Reasons]) -> dict[str, Fates]:
    """Everything ever loaded, by feed; `reasons` by feed tell skipped records from unreadable ones."""
    fates = {}
    for feed, records, read, refused, *rows in con.execute(_COUNTS).fetchall():
        skipped = sum(split(reasons.get(feed, {}))[1].values())
        fates[feed] = Fates(*(int(n) for n in (records, read, refused - skipped, skipped, *rows)))
    return fates


def open_refusals(con: duckdb.DuckDBPyConnection, landing: Path) -> list[Refused]:
    """Refused deliveries not loaded since, under this name or another: files still in landing/, and pages pulled."""
    return [
        Refused(feed, file, code or "", *_parts(message or ""))
        for feed, file, code, message in con.execute(_REFUSED).fetchall()
        if file.startswith((PULLED_FOLDER, OBJECTS_FOLDER)) or (landing / feed / file).exists()
    ]


def last_pulls(con: duckdb.DuckDBPyConnection) -> list[Attempt]:
    """How the last pull of each feed ended."""
    rows = con.execute(
        "select feed, cast(tried_at as varchar), pages, error_code, error_message from meta.pull_attempt order by feed"
    ).fetchall()
    return [
        Attempt(feed, tried, pages, code or "", *_parts(message or "")) for feed, tried, pages, code, message in rows
    ]


def _parts(message: str) -> tuple[str, str]:
    """What is wrong and what to do, out of an SmmError's text."""
    what = re.sub(r"^SMM-\d+: ", "", message)
    what, _, hint = what.partition("\n  what to do: ")
    return what.partition("\n  where: ")[0], hint
