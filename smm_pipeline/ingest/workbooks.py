"""Reader of workbooks: one sheet of an XLSX file to records.

Belongs here: cells as text, and the cells that hold no value although something stands in them. Does not belong here:
what the columns mean.
"""

from __future__ import annotations

import json
import posixpath
import zipfile
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from python_calamine import CalamineError, CalamineWorkbook

from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.archives import refuse_large_parts
from smm_pipeline.ingest.files import plain_file, unreadable
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.tabular import Groups, header_place, match_header, own_names, write_cells
from smm_pipeline.ingest.text_readers import LineWriter
from smm_pipeline.ingest.unread import Unread

# Field names of a record whose cells a workbook holds as values; their text has a form of ours, not one of the source.
TYPED_CELLS = "_smm_typed_cells"
_TYPED = (float, date, time)
# More a sheet cannot have.
MAX_ROWS = 1 << 20


def read_workbook(path: Path, name: str, mapping: Mapping, sink: Any) -> Extract:
    """Read one sheet of an XLSX file; cells become text: numbers without exponent, days and instants as ISO 8601.

    An error such as `#REF!` stays as it stands in its cell, and a formula that was never calculated stays a formula:
    they are no value, and a number or a time is not made of them.
    """
    with plain_file(path, name) as plain:
        return _read_workbook(plain, name, mapping, sink)


def _read_workbook(path: Path, name: str, mapping: Mapping, sink: Any) -> Extract:
    rows = _rows_of_sheet(path, name, mapping.format.sheet)
    header, number = _header_of(rows, name, mapping)
    out, writer = Extract(Unread(name, "row"), warnings=match_header(header, mapping, name)), LineWriter(sink)
    groups = Groups(mapping.format.carry, header)
    for row, cells in enumerate(rows[number:], start=number + 1):
        texts = [_cell_text(cell) for cell in cells]
        if not any(texts):
            continue
        out.records += 1
        if any(texts[len(header) :]):
            out.reject(row, f"ragged_row:cells_beyond_{len(header)}_columns", json.dumps(texts, ensure_ascii=False))
        else:
            texts = texts[: len(header)] + [""] * (len(header) - len(texts))
            own, places = groups.fill(texts, [n for n, cell in enumerate(cells[: len(header)]) if _is_typed(cell)])
            typed = [header[n] for n in places if header[n]]
            write_cells(row, header, texts, out, writer, {**own, TYPED_CELLS: typed} if typed else own)
    writer.flush()
    return out


def _rows_of_sheet(path: Path, name: str, wanted: str) -> list[list[Any]]:
    """The cells of a sheet, of the first one where none is named."""
    try:
        if zipfile.is_zipfile(path):
            refuse_large_parts(path, name)
        book = CalamineWorkbook.from_path(str(path))
        if not book.sheet_names:
            unreadable("there is no sheet in it", name)
        sheet = wanted or book.sheet_names[0]
        if sheet not in book.sheet_names:
            unreadable(f"there is no sheet {sheet!r}; sheets are {', '.join(book.sheet_names)}", name)
        rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        _put_in(rows, _valueless_cells(path, sheet), name)
    except (CalamineError, zipfile.BadZipFile, NotImplementedError, UnicodeError, ET.ParseError, KeyError) as error:
        unreadable(f"not a readable workbook: {error}", name)
    return rows


def _header_of(rows: list[list[Any]], name: str, mapping: Mapping) -> tuple[list[str], int]:
    """The header in the mapping's own names, and its row."""
    fmt = mapping.format
    first = [[_cell_text(cell).strip() for cell in row] for row in rows[: fmt.header_within or fmt.header_row]]
    if len(first) < (1 if fmt.header_within else fmt.header_row):
        unreadable("there is no header", name)
    number = header_place(first, mapping) + 1 if fmt.header_within else fmt.header_row
    header = first[number - 1]
    while header and not header[-1]:
        header.pop()
    return own_names(header, mapping, name), number


def _is_typed(cell: object) -> bool:
    return isinstance(cell, _TYPED)


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        # A workbook stores every number as a double; integers come back as 12.0.
        return str(int(cell)) if cell.is_integer() else format(Decimal(repr(cell)), "f")
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    return str(cell)


def _valueless_cells(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """Errors and formulas without a result by (row, column), both from 1; the reader gives them as empty cells.

    Other formats than XLSX, which the reader also opens, have none.
    """
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        content = archive.read(part) if part else b""
    if b't="e"' not in content and b"<f" not in content:
        return {}
    found = {}
    for cell in ET.fromstring(content).findall(".//{*}c"):  # noqa: S314 - expat refuses to blow up entities
        value, formula, kind = cell.findtext("{*}v"), cell.find("{*}f"), cell.get("t")
        if kind == "e":
            found[_place(cell.get("r", ""))] = value or "#ERROR"
        # The result of a formula of text may be an empty text.
        elif formula is not None and not value and kind != "str":
            found[_place(cell.get("r", ""))] = f"={formula.text or ''}"
    return found


def _put_in(rows: list[list[Any]], valueless: dict[tuple[int, int], str], name: str) -> None:
    """Put valueless cells into the rows, which end where the last value stands."""
    for (row, column), text in valueless.items():
        if not row:
            # A cell may come without its place; few programs write it so.
            continue
        if row > MAX_ROWS:
            unreadable(f"there is a cell in row {row}, and a sheet has {MAX_ROWS}", name)
        rows.extend([] for _ in range(row - len(rows)))
        cells = rows[row - 1]
        cells.extend([""] * (column - len(cells)))
        cells[column - 1] = text


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The file of a sheet within the archive."""
    if "xl/workbook.xml" not in archive.namelist():
        return None
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - see above
    links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - see above
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for found in book.findall(".//{*}sheet"):
        if found.get("name") == sheet:
            link = next((value for key, value in found.items() if key.endswith("}id")), None)
            return posixpath.normpath(posixpath.join("xl", targets.get(link, ""))).lstrip("/")
    return None


def _place(reference: str) -> tuple[int, int]:
    """Row and column of a reference such as `AB12`."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(reference[len(letters) :] or 0), column
