"""Records with more than one content as `smm restated` shows them.

Belongs here: the list, one record whole, and the file for a spreadsheet. Does not belong here: finding them
(warehouse/restated.py).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from smm_pipeline.catalog import Catalog
from smm_pipeline.cli.instance import open_books
from smm_pipeline.cli.rejects import Reading, check_feed, reading_of
from smm_pipeline.csv_table import harmless
from smm_pipeline.errors import SmmError, not_writable
from smm_pipeline.ingest import shown_value
from smm_pipeline.reporting.wording import counted
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.restated import Restated, Wanted, count_restated, restated_records

_COLUMNS = ("kind", "feeds", "table", "key", "contents", "first_seen", "restated_at", "columns", "values", "files")
_LEGEND = (
    "conflict: the vendor's version says nothing, the order of deliveries decided; smm restated KEY shows one whole"
)
# In the list, where an address or a text would fill the screen.
_SHOWN_CHARACTERS = 60


def list_restated(settings: Settings, catalog: Catalog, wanted: Wanted, limit: int) -> dict[str, Any]:
    """The records that were restated last, and how many there are; with a key each of them whole.

    Raises:
        SmmError: SMM-206 for a feed that neither the settings nor the books know, SMM-501 for an unknown contract.
    """
    wanted = _with_schema(wanted, catalog)
    reading = cache(lambda feed: reading_of(settings, catalog, feed))
    with open_books(settings, catalog) as (con, _):
        check_feed(con, wanted.feed, settings)
        total, conflicts = count_restated(con, catalog, wanted)
        found = list(restated_records(con, catalog, limit, whole=wanted.key is not None))
    records = [_as_dict(record, reading) for record in found]
    return {"key": wanted.key, "total": total, "conflicts": conflicts, "records": records}


def list_text(data: dict[str, Any]) -> str:
    """Records for people, each with what differs; of a key that was asked for every content and column."""
    is_whole = data["key"] is not None
    if not data["records"]:
        asked = f" of key {data['key']!r}" if is_whole else ""
        return f"no record{asked} came with more than one content"
    lines = [line for record in data["records"] for line in _record_lines(record, is_whole=is_whole)]
    more = data["total"] - len(data["records"])
    conflicts = data["conflicts"] - sum(record["kind"] == "conflict" for record in data["records"])
    lines += [f"and {more:,} more, {conflicts:,} of them conflicts; --limit shows more, --csv all"] if more else []
    return "\n".join([*lines, _LEGEND])


def export_restated(settings: Settings, catalog: Catalog, wanted: Wanted, limit: int | None, target: Path) -> int:
    """Write them to a CSV file for spreadsheets; returns their number.

    Raises:
        SmmError: as list_restated, and SMM-107 when the file cannot be written.
    """
    wanted, written = _with_schema(wanted, catalog), 0
    reading = cache(lambda feed: reading_of(settings, catalog, feed))
    with open_books(settings, catalog) as (con, _):
        check_feed(con, wanted.feed, settings)
        count_restated(con, catalog, wanted)
        try:
            # With a byte order mark, or Excel takes it for the code page of the country.
            with target.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(_COLUMNS)
                for record in restated_records(con, catalog, limit):
                    row = _as_row(_as_dict(record, reading))
                    writer.writerow([harmless(str(row[name])) for name in _COLUMNS])
                    written += 1
        except OSError as error:
            raise not_writable(error, str(target)) or SmmError(
                "SMM-107", f"not writable: {error.strerror}", where=str(target)
            ) from error
    return written


def _with_schema(wanted: Wanted, catalog: Catalog) -> Wanted:
    return wanted if wanted.table is None else replace(wanted, table=catalog.contract(wanted.table).full_name)


def _as_dict(record: Restated, reading: Callable[[str], Reading]) -> dict[str, Any]:
    shown = {c.name: None if c.values is None else list(map(_value, c.values)) for c in record.columns}
    same = [c for c in record.columns if not c.differs and c.values]
    return {
        "kind": "conflict" if record.is_conflict else "restatement",
        "table": record.table.removeprefix("raw."),
        "key": shown_value(record.key),
        "feeds": sorted({version.feed for version in record.versions}),
        "contents": len(record.versions),
        "first_seen": record.first_seen,
        "restated_at": record.restated_at,
        "differing": {c.name: shown[c.name] for c in sorted(record.columns, key=lambda c: c.name) if c.differs},
        "same": {c.name: _value(c.values[0]) for c in same if c.values},
        "versions": [{**asdict(v), "unit": reading(v.feed).unit(v.file)} for v in record.versions],
    }


def _value(value: str | None) -> str | None:
    return None if value is None else shown_value(value)


def _as_row(data: dict[str, Any]) -> Mapping[str, Any]:
    return {
        **data,
        "feeds": " ".join(data["feeds"]),
        "columns": " ".join(data["differing"]),
        "values": "; ".join(_change(name, values) for name, values in data["differing"].items() if values is not None),
        "files": "; ".join(map(_place, data["versions"])),
    }


def _record_lines(record: dict[str, Any], *, is_whole: bool) -> list[str]:
    title = f"{record['kind']}: {record['table']} {record['key']} of {', '.join(record['feeds'])}: "
    title += f"{counted(record['contents'], 'content')}, the first seen {_time(record['first_seen'])}, "
    lines = [f"{title}the last {_time(record['restated_at'])}"]
    if is_whole:
        lines += [
            f"  {number}. {_place(version)}, made {_time(version['seen'])}, last seen {_time(version['last_seen'])}"
            + (": it holds" if version["holds"] else "")
            for number, version in enumerate(record["versions"], 1)
        ]
    cut = None if is_whole else _SHOWN_CHARACTERS
    lines += [f"  {_change(name, values, cut)}" for name, values in record["differing"].items()]
    if is_whole:
        lines += ["  the same in all:", *(f"    {name}: {value}" for name, value in record["same"].items())]
    return lines


def _change(name: str, values: list[str | None] | None, cut: int | None = None) -> str:
    """What a column says in each content; of one that may not be shown only that it differs."""
    if values is None:
        return f"{name}: differs, and is not shown"
    return f"{name}: " + " -> ".join("(empty)" if value is None else _cut(value, cut) for value in values)


def _cut(value: str, characters: int | None) -> str:
    return value if characters is None or len(value) <= characters else f"{value[:characters]}..."


def _place(version: dict[str, Any]) -> str:
    return f"{version['feed']}/{version['file']} {version['unit']} {version['row']}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
