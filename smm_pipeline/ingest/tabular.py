"""What readers of tables share: the header, compared by name, and a row of cells as a record.

Belongs here: what is the same in delimited text, workbooks and Parquet, and rows that share cells (`carry`). Does not
belong here: any file format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from difflib import get_close_matches

import orjson

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import GROUP_ROW, Carry
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.files import unreadable
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.text_readers import LineWriter
from smm_pipeline.masking import without_persons

# No export is so wide.
MAX_COLUMNS = 10_000


def own_names(header: Sequence[str], mapping: Mapping, where: str) -> list[str]:
    """A header in the mapping's own names for its columns.

    Raises:
        SmmError: SMM-202 when the header has two names of one column.
    """
    known = {name: column for column, names in mapping.names_of.items() for name in names}
    found: dict[str, list[str]] = {}
    for name in header:
        if name in known:
            found.setdefault(known[name], []).append(name)
    for column, names in found.items():
        # One name that comes twice is told by match_header.
        if len(set(names)) > 1:
            raise SmmError(
                "SMM-202",
                f"two columns for {column}: {', '.join(names)}",
                where=where,
                hint="take one of them out of the file, or out of columns: in the mapping",
            )
    return [known.get(name, name) for name in header]


def match_header(header: Sequence[str], mapping: Mapping, where: str) -> list[str]:
    """Compare a header, in own_names, with the mapping by name and return warnings.

    Raises:
        SmmError: SMM-201 for a column named twice and for more than MAX_COLUMNS, SMM-202 for a required column that is
            missing.
    """
    if len(header) > MAX_COLUMNS:
        unreadable(f"the header names {len(header)} columns, more than {MAX_COLUMNS}: this is no table", where)
    # Cells under no name are nobody's: spreadsheets leave empty columns behind.
    if twice := sorted(name for name, times in Counter(header).items() if name and times > 1):
        unreadable(f"columns named twice: {without_persons(', '.join(twice))}", where)
    if missing := [name for name in mapping.required if name not in header]:
        unknown = [name for name in header if name not in mapping.structure]
        hints = [_missing(name, mapping, unknown) for name in missing]
        raise SmmError(
            "SMM-202",
            f"missing columns: {', '.join(hints)}",
            where=where,
            hint="correct columns: in the mapping, or required_columns: when the delivery may lack them",
        )
    if mapping.wide or not mapping.columns:
        # A declared structure takes what it needs out of wide exports; the rest is no news.
        return []
    absent = [name for name in mapping.structure if name not in header]
    extra = [name for name in header if name and name not in mapping.structure]
    said = (("not in the file", absent), ("not in the mapping", extra))
    # In place of a header may stand a person's data.
    return [f"columns {what}: {without_persons(', '.join(names))}" for what, names in said if names]


def header_place(rows: Sequence[Sequence[str]], mapping: Mapping) -> int:
    """Which of the first rows is the header: the first that names all required columns, or most of them."""
    known = mapping.names_of
    wanted = [known.get(name, (name,)) for name in mapping.required]
    return max(range(len(rows)), key=lambda place: sum(not set(rows[place]).isdisjoint(names) for names in wanted))


def _missing(name: str, mapping: Mapping, unknown: Sequence[str]) -> str:
    others = ", ".join(mapping.aliases.get(name, ()))
    told = f"{name} (or {others})" if others else name
    return f"{told} (did you mean {close[0]!r}?)" if (close := _close(name, unknown)) else told


def _close(name: str, candidates: Sequence[str]) -> list[str]:
    folded = {c.casefold().replace(" ", "_"): c for c in candidates}
    return [folded[c] for c in get_close_matches(name.casefold().replace(" ", "_"), folded, n=1)]


def write_cells(
    row: int,
    header: Sequence[str],
    cells: Sequence[str | None],
    out: Extract,
    writer: LineWriter,
    more: MappingOf[str, object] | None = None,
) -> None:
    """Write one row of a table, and `more` fields, as a JSON object; a NUL character makes it a reject."""
    text = orjson.dumps({**dict(zip(header, cells, strict=True)), **(more or {})})
    if b"\\u0000" in text and any(cell and "\0" in cell for cell in cells):
        out.reject(row, "nul_character", text.decode())
    else:
        writer.write(row, text)


class Groups:
    """Hands the cells of a group's first row on to its other rows.

    Rows belong together while they follow each other with one value in the column `carry.by`; without a value there,
    a row is a group of its own. A row that cannot be read is no part of its group.

    Args:
        carry: what the mapping says of groups; None where each row stands for itself.
        header: the names of the cells.
    """

    def __init__(self, carry: Carry | None, header: Sequence[str]) -> None:
        self._carry = carry
        if carry:
            self._by = header.index(carry.by)
            self._places = [header.index(name) for name in carry.columns if name in header]
        self._first: list[str] = []
        self._typed: frozenset[int] = frozenset()
        self._number = 0

    def fill(self, cells: list[str], typed: Sequence[int] = ()) -> tuple[dict[str, str], list[int]]:
        """Fill the blank cells of a row; returns the row's own fields and the places of its typed cells.

        Args:
            cells: texts of the row in the order of the header; changed.
            typed: places of cells that are real numbers or times in a workbook.
        """
        if self._carry is None:
            return {}, list(typed)
        value = cells[self._by].strip()
        if not self._first or not value or value != self._first[self._by].strip():
            self._first, self._typed, self._number = list(cells), frozenset(typed), 0
        self._number += 1
        blank = [place for place in self._places if not cells[place].strip()]
        for place in blank:
            cells[place] = self._first[place]
        return {GROUP_ROW: str(self._number)}, [*typed, *self._typed.intersection(blank)]
