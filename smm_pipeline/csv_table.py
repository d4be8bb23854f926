"""A small CSV that somebody hands to a command, read whole, and the cells of those that commands write.

Belongs here: UTF-8, commas and a header, with errors that say file, line and remedy; what no cell may be that a
spreadsheet opens. Does not belong here: deliveries, which may have any dialect and any size (ingest/csv_reader.py),
and what the columns mean.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smm_pipeline.errors import SmmError, line_of

MAX_FIELD_CHARACTERS = 1 << 20
HEADER_HINT = "the first line must name the columns, separated by commas"
# What a spreadsheet takes for a formula, or for the beginning of one; full-width signs too.
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"[{_SIGNS}\t\r\n]")
# Where the spreadsheet's separator is a semicolon, as in Ukraine, commas part nothing, a quote after one of them begins
# no cell, and the next semicolon, tab or line break does.
_FORMULA_WITHIN = re.compile(rf"([;\t\r\n][\s\"]*)(?=[{_SIGNS}])")
_NUMBER = re.compile(r"[+-]?(\d+([., ]\d+)*|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class CsvTable:
    """A CSV in memory: header and rows, every row as long as the header, with the line on which it ends."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str | None]:
        """Values of a column, empty as None; all None where there is no such column."""
        if name not in self.header:
            return [None] * len(self.rows)
        index = self.header.index(name)
        return [row[index] or None for row in self.rows]


def read_csv(path: Path) -> CsvTable:
    """Read the whole file; nothing of it is used before all of it has proved readable.

    Raises:
        SmmError: SMM-201 when the file is not such a CSV, SMM-203 when it is not UTF-8.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        # Decoded as a whole: of a block nothing tells where it stands in the file.
        with io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            table = CsvTable(header, [], [])
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise SmmError(
                        "SMM-201",
                        f"a row has {len(row)} fields where the header has {len(header)}",
                        where=f"{path}, line {reader.line_num}",
                        hint="quote fields that hold a comma, a quote or a line break",
                    )
                table.rows.append(row)
                table.lines.append(reader.line_num)
            return table
    except OSError as error:
        raise SmmError("SMM-201", f"the file cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise SmmError(
            "SMM-203",
            f"byte {error.object[error.start]:#04x} in line {line_of(error)} is not UTF-8",
            where=str(path),
            hint="save the file as UTF-8 (in a spreadsheet: CSV UTF-8)",
        ) from error
    except csv.Error as error:
        raise SmmError("SMM-201", f"the file is not CSV: {error}", where=f"{path}, line {reader.line_num}") from error


def harmless(text: str) -> str:
    """A cell that a spreadsheet shows and does not compute; a number stays one.

    For every CSV that a command writes: texts in it come from outside.
    """
    text = _FORMULA_WITHIN.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _check_header(header: Sequence[str], path: Path) -> None:
    if not any(header):
        raise SmmError("SMM-201", "the file is empty", where=str(path))
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise SmmError("SMM-201", f"columns named twice: {', '.join(twice)}", where=str(path))
