"""Rejects as `smm rejects` shows them.

Belongs here: listing, one reject in full, the file for a spreadsheet, and what a second reading changed. Does not
belong here: finding rejects (warehouse/rejects.py) and what of a record may be shown (ingest/shown_record.py).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.cli.instance import open_books
from smm_pipeline.cli.texts import deliveries_text, ingest_dict
from smm_pipeline.csv_table import harmless
from smm_pipeline.errors import SmmError, not_writable
from smm_pipeline.feeds import load_feed
from smm_pipeline.feeds.file_format import FileFormat
from smm_pipeline.feeds.mapping import Mapping as FeedMapping
from smm_pipeline.ingest import RECORDS, Fields, fields_of, shown_record
from smm_pipeline.ingest.landing import raw_path
from smm_pipeline.pipeline import Replay
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.outcomes import SKIPPED
from smm_pipeline.warehouse.rejects import (
    MIN_ID_CHARACTERS,
    Reject,
    Wanted,
    count_rejects,
    find_rejects,
    rejects_by_id,
)

_COLUMNS = ("id", "feed", "file", "delivery_id", "table", "unit", "row", "reasons", "rejected_at", "record")
_LEGEND = "the record; x and 9 stand for letters and digits of what is not read, or may name a person:"
_MEANINGS = {
    "missing": "a column that a row cannot lack has no value",
    "bad_number": "it is no number as the mapping says the source writes them",
    "bad_time": "it is no time as the mapping says the source writes them",
    "bad_date": "it is no day as the mapping says the source writes them",
    "bad_boolean": "it is neither yes nor no",
    "not_accepted": "it is none of the values that the contract knows",
    "not_positive": "it is 0 or less, which no rate is",
    "out_of_range": "the day is before history_start or too far ahead",
    "not_yet": "on that day the vendor's name did not mean anything yet",
    "retired": "on that day the vendor's name did not mean anything any more",
    "ragged_row": "the row has more or fewer cells than the header",
    "broken_json": "the line is no JSON",
    "not_an_object": "the record is no JSON object",
    "not_finite": "a number is infinite or not a number",
    "not_decodable": "the line is not in the encoding that the mapping declares",
    "nul_character": "the text holds a NUL character",
    "half_character": "a text holds half of a character, which has no form in UTF-8",
    "duplicate_key": "the record names a field twice, and readers disagree on which value counts",
    "no_parent": "the line is a part of a record that the file lacks",
    "bad_structure": "a field is of another kind than the mapping declares",
    "skipped": "the mapping leaves it out on purpose",
}


@dataclass(frozen=True)
class Reading:
    """How a feed is read: what may be shown of its records, what their numbers count, where values come from."""

    fields: Fields = field(default_factory=Fields)
    format: FileFormat | None = None
    mapping: FeedMapping | None = None

    def source(self, table: str, reason: str) -> str:
        """The expression that the mapping reads a reason's column by; empty where there is none."""
        rules = self.mapping.tables.get(table) if self.mapping else None
        rule = rules.columns.get(reason.partition(":")[2]) if rules else None
        expression = rule.expr if rule else ""
        return " ".join((self.mapping.let.get(expression, expression) if self.mapping else "").split())

    def unit(self, file: str) -> str:
        """What stands before the number of a record: line, row, or record where nothing more can be said."""
        try:
            return self.format.unit_of(file) if self.format else "record"
        except SmmError:
            return "record"


def list_rejects(settings: Settings, catalog: Catalog, wanted: Wanted, limit: int) -> dict[str, Any]:
    """The first rejects that are asked for, and how many there are; their records are shown one by one alone.

    Raises:
        SmmError: SMM-206 for a feed that neither the settings nor the books know, SMM-501 for an unknown contract or
            reason.
    """
    wanted = _with_schema(wanted, catalog)
    _check_reason(wanted)
    with open_books(settings, catalog) as (con, _):
        check_feed(con, wanted.feed, settings)
        found, total = find_rejects(con, wanted, limit), count_rejects(con, wanted)
        skipped = count_rejects(con, replace(wanted, reason=SKIPPED.rstrip(":"))) if wanted.reason is None else 0
    reading = cache(lambda feed: reading_of(settings, catalog, feed))
    dicts = [reject_dict(reject, reading(reject.feed)) for reject in found]
    return {"total": total, "skipped_on_purpose": skipped, "rejects": dicts}


def list_text(data: dict[str, Any]) -> str:
    """One line per reject: what to type for it, where it stands, why."""
    lines = [
        f"{r['id']}  {r['feed']}/{r['file']} {r['unit']} {r['row']}, {r['table']}: {' '.join(r['reasons'])}"
        for r in data["rejects"]
    ]
    more = data["total"] - len(data["rejects"])
    lines += [f"and {more:,} more; --limit shows more of them, --csv all"] if more else []
    if data["skipped_on_purpose"]:
        lines.append(f"left out on purpose by the mapping: {data['skipped_on_purpose']:,}; --reason skipped lists them")
    if data["rejects"]:
        lines.append("smm rejects show ID shows one with its record")
    return "\n".join(lines) or "no rejects"


def export_rejects(settings: Settings, catalog: Catalog, wanted: Wanted, limit: int | None, target: Path) -> int:
    """Write rejects with their masked records to a CSV file for spreadsheets; returns their number.

    Raises:
        SmmError: SMM-206 for an unknown feed, SMM-501 for an unknown contract or reason, SMM-107 when the file cannot
            be written.
    """
    wanted = _with_schema(wanted, catalog)
    _check_reason(wanted)
    with open_books(settings, catalog) as (con, _):
        check_feed(con, wanted.feed, settings)
        found = find_rejects(con, wanted, limit)
    reading = cache(lambda feed: reading_of(settings, catalog, feed))
    try:
        # With a byte order mark, or Excel takes it for the code page of the country.
        with target.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for reject in found:
                row = {
                    **reject_dict(reject, reading(reject.feed)),
                    "reasons": " ".join(reject.reasons),
                    "record": text_of(reject, reading(reject.feed)),
                }
                writer.writerow([harmless(str(row[name])) for name in _COLUMNS])
    except OSError as error:
        raise not_writable(error, str(target)) or SmmError(
            "SMM-107", f"not writable: {error.strerror}", where=str(target)
        ) from error
    return len(found)


def show_reject(settings: Settings, catalog: Catalog, identifier: str) -> dict[str, Any]:
    """One reject with its record, masked, and where the original is.

    Raises:
        SmmError: SMM-210 when no reject, or more than one, has an id that begins so.
    """
    hint = "smm rejects list shows the ids"
    if len(identifier) < MIN_ID_CHARACTERS:
        raise SmmError("SMM-210", f"expected at least {MIN_ID_CHARACTERS} characters of an id", hint=hint)
    with open_books(settings, catalog) as (con, _):
        found = rejects_by_id(con, identifier)
    if len(found) != 1:
        what = f"{len(found)} rejects have an id that begins so: " + ", ".join(r.id for r in found[:5])
        raise SmmError("SMM-210", what if found else f"there is no reject {identifier!r}", hint=hint)
    [reject] = found
    reading, table = reading_of(settings, catalog, reject.feed), reject.table.removeprefix("raw.")
    record = shown_record(reject.record, reading.fields) if reject.record is not None else None
    return {
        **reject_dict(reject, reading),
        "meanings": {reason: _MEANINGS.get(reason.partition(":")[0], "") for reason in reject.reasons},
        "read_from": {reason: reading.source(table, reason) for reason in reject.reasons},
        "record": record,
        "original": raw_path(settings.raw_store, reject.feed, reject.delivery_id),
    }


def show_text(data: dict[str, Any]) -> str:
    """A reject in full for people."""
    record, place = data["record"], f"{data['unit']} {data['row']}"
    text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False, indent=2)
    return "\n".join(
        [
            f"reject {data['id']}: {place} of {data['feed']}/{data['file']}, for {data['table']}",
            *(_reason_line(reason, meaning, data["read_from"][reason]) for reason, meaning in data["meanings"].items()),
            *(["its text is not kept: it may name a person throughout"] if record is None else [_LEGEND, text]),
            f"the original: {place} of {data['original']}",
            f"once the mapping or the source is corrected: smm rejects replay {data['feed']}",
        ]
    )


def _reason_line(reason: str, meaning: str, source: str) -> str:
    return f"  {reason}" + (f": {meaning}" if meaning else "") + (f"; it is read from {source}" if source else "")


def replay_dict(replay: Replay) -> dict[str, Any]:
    """A second reading for --json; with nothing to read it has no run."""
    return {
        "feeds": {feed: {"before": b, "after": a} for feed, (b, a) in replay.rejects.items()},
        **(ingest_dict(replay.summary) if replay.summary else {}),
    }


def replay_text(replay: Replay, feed: str) -> str:
    """What a second reading changed."""
    if replay.summary is None:
        return f"{feed} has no rejects; nothing was read again"
    lines = [deliveries_text(replay.summary)]
    lines += [
        f"rejects of {name}: {before:,} before, {after:,} now" for name, (before, after) in replay.rejects.items()
    ]
    return "\n".join([*lines, "next: smm run builds the days that changed"])


def _with_schema(wanted: Wanted, catalog: Catalog) -> Wanted:
    is_contract = wanted.table not in (None, RECORDS)
    return replace(wanted, table=catalog.contract(str(wanted.table)).full_name) if is_contract else wanted


def _check_reason(wanted: Wanted) -> None:
    code = (wanted.reason or "").partition(":")[0]
    if wanted.reason is not None and code not in _MEANINGS:
        close = get_close_matches(code, _MEANINGS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"reasons are: {', '.join(_MEANINGS)}"
        raise SmmError("SMM-501", f"there is no reason {code!r}", hint=hint)


def check_feed(con: duckdb.DuckDBPyConnection, feed: str | None, settings: Settings) -> None:
    """Refuse a feed that neither the settings nor the books know.

    Raises:
        SmmError: SMM-206, with the nearest one.
    """
    booked = [name for (name,) in con.execute("select distinct feed from meta.delivery").fetchall()]
    known = sorted({*settings.feeds, *booked})
    if feed is not None and feed not in known:
        close = get_close_matches(feed, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"feeds are: {', '.join(known) or 'none'}"
        raise SmmError("SMM-206", f"there is no feed {feed!r}", hint=hint)


def reading_of(settings: Settings, catalog: Catalog, feed: str) -> Reading:
    """How a feed is read; unknown where its mapping is gone or wrong."""
    try:
        mapping = load_feed(feed, settings, catalog).mapping if feed in settings.feeds else None
    except SmmError:
        mapping = None
    return Reading(fields_of(mapping, catalog), mapping.format, mapping) if mapping else Reading()


def text_of(reject: Reject, reading: Reading) -> str:
    """The record of a reject as far as it may be shown, in one line."""
    if reject.record is None:
        return ""
    shown = shown_record(reject.record, reading.fields)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def reject_dict(reject: Reject, reading: Reading) -> Mapping[str, Any]:
    """A reject for --json, without its record."""
    return {
        "id": reject.id,
        "feed": reject.feed,
        "file": reject.file,
        "delivery_id": reject.delivery_id,
        "table": reject.table.removeprefix("raw."),
        "unit": reading.unit(reject.file),
        "row": reject.row,
        "reasons": list(reject.reasons),
        "rejected_at": reject.rejected_at,
    }
