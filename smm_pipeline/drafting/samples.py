"""What is in a file: its format, its fields, and some values of each.

Belongs here: telling the format by the content, and the samples of JSON, Parquet and workbooks. Does not belong here:
delimited text (text_samples.py), and what the fields mean. A sample is a guess from the beginning of a file; the strict
readers of ingest have the last word.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
from python_calamine import CalamineError, CalamineWorkbook

from smm_pipeline.drafting.sample import Path as FieldPath
from smm_pipeline.drafting.sample import Sample
from smm_pipeline.drafting.text_samples import read_delimited
from smm_pipeline.ingest.archives import refuse_large_parts
from smm_pipeline.ingest.files import open_bytes, plain_file, unreadable
from smm_pipeline.ingest.text_readers import parse_json
from smm_pipeline.ingest.values import NULL_TEXTS
from smm_pipeline.masking import without_values

MAX_RECORDS = 200
MAX_DOCUMENT_BYTES = 64 << 20
HEAD_BYTES = 1 << 18
# How deep in a document its list of records is looked for.
_DEPTH = 3
# An answer has a few values of its own beside its records, a record many.
_RECORD_FIELDS = 8


def read_sample(path: Path) -> Sample:
    """Look into a file.

    Raises:
        SmmError: SMM-201 when it is empty, damaged, or nothing that a mapping can read.
    """
    sample = _sample(path)
    # What ingest takes for unknown says nothing of how a field's values are written.
    told = {p: [text for text in texts if text.strip() not in NULL_TEXTS] for p, texts in sample.values.items()}
    return replace(sample, values=told)


def _sample(path: Path) -> Sample:
    name = path.name
    with open_bytes(path, name) as stream:
        head = stream.read(HEAD_BYTES)
    if head.startswith(b"PAR1"):
        return _parquet(path, name)
    if zipfile.is_zipfile(path):
        return _workbook(path, name)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _json(path, name)
    return read_delimited(head, name)


def _json(path: Path, name: str) -> Sample:
    with open_bytes(path, name) as stream:
        data = stream.read(MAX_DOCUMENT_BYTES + 1)
    lines = [line for line in data.lstrip(b"\xef\xbb\xbf").splitlines() if line.strip()]
    with suppress(ValueError, RecursionError):
        first = [parse_json(line.decode()) for line in lines[:2]]
        if len(first) == 2 and all(isinstance(value, dict) for value in first):
            return _of_records(_parsed(lines), {"kind": "jsonl"}, name)
    try:
        document = parse_json(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        if len(data) > MAX_DOCUMENT_BYTES:
            unreadable(f"a document of more than {MAX_DOCUMENT_BYTES >> 20} MiB is too large to draft from", name)
        unreadable("it begins like JSON and is neither a JSON document nor JSON lines in UTF-8", name)
    places = list(_places(document, ()))
    if not places:
        unreadable("there are no objects in the document", name)
    keys, records = max(places, key=lambda place: len(place[1]))
    others = [".".join(("$", *k)) for k, _ in places if k != keys]
    notes = (f"lists of objects stand at {', '.join(others)} too",) if others else ()
    return _of_records(records, {"kind": "json", "records_at": ".".join(("$", *keys))}, name, notes)


def _parsed(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    found = []
    for line in lines[:MAX_RECORDS]:
        with suppress(ValueError, RecursionError):
            value = parse_json(line.decode())
            if isinstance(value, dict):
                found.append(value)
    return found


def _places(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """Where records may be: lists of objects, and an object with many values of its own; its lists are parts of it."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        yield keys, value
    elif isinstance(value, dict):
        inner = [place for key, v in value.items() if len(keys) < _DEPTH for place in _places(v, (*keys, key))]
        own = sum(1 for v in value.values() if not isinstance(v, dict | list))
        if own >= _RECORD_FIELDS or (not inner and not keys):
            yield keys, [value]
        else:
            yield from inner


def _of_records(
    records: Sequence[dict[str, Any]], fmt: dict[str, Any], name: str, notes: tuple[str, ...] = ()
) -> Sample:
    some = list(records[:MAX_RECORDS])
    if not any(some):
        unreadable("its records have no fields", name)
    return Sample(fmt, _shape(some), _values(some), notes)


def _shape(values: Sequence[Any]) -> Any:
    """The `structure` of some values of one field: an object, a list, a text, or JSON where they differ."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, dict) for value in known):
        names = list(dict.fromkeys(name for value in known for name in value))
        return {name: _shape([value.get(name) for value in known]) for name in names} or "JSON"
    if known and all(isinstance(value, list) for value in known):
        items = [item for value in known for item in value if item is not None]
        return [_shape(items)] if items else "JSON"
    return "JSON" if any(isinstance(value, dict | list) for value in known) else "VARCHAR"


def _values(records: Sequence[Any]) -> dict[FieldPath, list[str]]:
    """Texts of each field by its path; elements of a list share the path of the list."""
    found: dict[FieldPath, list[str]] = {}
    for record in records:
        for path, text in _leaves(record, ()):
            found.setdefault(path, []).extend([text] if text else [])
    return found


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    elif path:
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).strip()


def _parquet(path: Path, name: str) -> Sample:
    try:
        with plain_file(path, name) as plain, duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            columns = con.execute("describe from read_parquet(?)", [str(plain)]).fetchall()
            rows = con.execute(
                f"select cast(to_json(t) as varchar) from read_parquet(?) as t limit {MAX_RECORDS}", [str(plain)]
            ).fetchall()
    except duckdb.Error as error:
        unreadable(f"the Parquet file is damaged or of another structure: {without_values(str(error))}", name)
    records = [json.loads(row, parse_float=str) for (row,) in rows]
    is_flat = not any("STRUCT" in type_ or type_.endswith("[]") or "MAP" in type_ for _, type_, *_ in columns)
    structure = None if is_flat else _shape(records)
    values: dict[FieldPath, list[str]] = {(str(column),): [] for column, *_ in columns}
    values |= _values(records)
    return Sample({"kind": "parquet"}, structure, values)


def _workbook(path: Path, name: str) -> Sample:
    try:
        refuse_large_parts(path, name)
        book = CalamineWorkbook.from_path(str(path))
        sheets = [(n, book.get_sheet_by_name(n).to_python(skip_empty_area=False)) for n in book.sheet_names]
    # The last three are zipfile's: a packing that it does not know, a name that is no text, a part that is not there.
    except (CalamineError, zipfile.BadZipFile, NotImplementedError, UnicodeError, KeyError):
        unreadable("a zip archive is no workbook: unpack it and draft a mapping of the file in it", name)
    filled = [(sheet, rows) for sheet, rows in sheets if any(any(map(_text, row)) for row in rows)]
    if not filled:
        unreadable("the workbook is empty", name)
    sheet, rows = filled[0]
    # The header is the first row as wide as most: titles above it fill a cell or two.
    widths = [sum(1 for cell in row if _text(cell)) for row in rows]
    common = max(set(widths) - {0}, key=widths.count)
    place = next(n for n, width in enumerate(widths) if width >= common)
    header = [_text(cell) for cell in rows[place]]
    body = rows[place + 1 : place + 1 + MAX_RECORDS]
    values: dict[FieldPath, list[str]] = {
        (title,): [text for row in body if n < len(row) and (text := _cell(row[n]))]
        for n, title in enumerate(header)
        if title
    }
    fmt: dict[str, Any] = {"kind": "xlsx"}
    if place:
        fmt["header_row"] = place + 1
    if sheet != book.sheet_names[0]:
        fmt["sheet"] = sheet
    others = [n for n, _ in filled[1:]]
    notes: tuple[str, ...] = (f"the workbook has more sheets: {', '.join(others)}",) if others else ()
    if len(values) < sum(1 for title in header if title):
        notes += ("two columns have one name: the file will be refused until its header is corrected",)
    return Sample(fmt, None, values, notes)


def _cell(value: Any) -> str:
    """A cell as the readers of ingest give it: whole numbers without a point, days and instants as ISO 8601."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else _text(value)
