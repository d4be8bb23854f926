"""A path table: a CSV with a path on each line and how often it was taken.

Belongs here: its columns, and each mistake in it as an error that says line, column and remedy. Does not belong here:
the reading of CSV (csv_table.py), and what models make of the paths.
"""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass
from decimal import Decimal

from smm_pipeline.attribution.paths import MAX_COUNT, Path, Paths, collect
from smm_pipeline.csv_table import HEADER_HINT, CsvTable, read_csv
from smm_pipeline.errors import SmmError

PATH, CONVERSIONS, VALUE, NULLS = "path", "conversions", "value", "nulls"
COLUMNS = (PATH, CONVERSIONS, VALUE, NULLS)
REQUIRED = (PATH, CONVERSIONS)
SEPARATOR = ">"
MAX_CHANNELS = 1000
"""A column of addresses or visitors in place of channels has more."""
# Tables made by other programs write whole numbers as 3.0.
_COUNT = re.compile(r"([0-9]+)(?:\.0+)?")
_AMOUNT = re.compile(r"-?[0-9]{1,14}(?:\.[0-9]+)?")


@dataclass(frozen=True)
class PathTable:
    """The paths of a table, and what its reader should know of it.

    Args:
        paths: equal paths added up.
        has_nulls: it has a column of paths without a conversion.
        unread: its columns that nothing was read from.
    """

    paths: Paths
    has_nulls: bool
    unread: tuple[str, ...]


def read_path_table(file: pathlib.Path) -> PathTable:
    """Read a CSV with the columns path and conversions, and value and nulls where they are known.

    Raises:
        SmmError: SMM-201 and SMM-203 when the file is no such CSV, SMM-202 when a column is missing, SMM-701 when a
            row is none of a path table.
    """
    table = read_csv(file)
    missing = [name for name in REQUIRED if name not in table.header]
    if missing:
        raise SmmError(
            "SMM-202",
            f"there is no column {' and no column '.join(missing)}",
            where=str(file),
            hint=f"expected the columns {', '.join(REQUIRED)}, and if known {VALUE}, {NULLS}; {HEADER_HINT}",
        )
    if not table.rows:
        raise SmmError(
            "SMM-701", "the table has no paths", where=str(file), hint="one path on each line below the header"
        )
    paths = collect(_paths(file, table))
    if len(paths.channels) > MAX_CHANNELS:
        raise SmmError(
            "SMM-701",
            f"the paths name {len(paths.channels):,} channels, and at most {MAX_CHANNELS:,} are compared",
            where=str(file),
            hint="name channels, networks or communities, not pages or visitors",
        )
    unread = tuple(name for name in table.header if name not in COLUMNS)
    return PathTable(paths, NULLS in table.header, unread)


def _paths(file: pathlib.Path, table: CsvTable) -> list[Path]:
    # A cell without anything is an empty text: missing is an error here, not a zero.
    told = {name: [cell or "" for cell in table.column(name)] for name in COLUMNS if name in table.header}
    paths = []
    for number, line in enumerate(table.lines):
        cells = _Cells(f"{file}, line {line}", {name: column[number].strip() for name, column in told.items()})
        conversions = cells.count(CONVERSIONS)
        paths.append(
            Path(
                channels=cells.channels(),
                conversions=conversions,
                nulls=cells.count(NULLS) if NULLS in told else 0,
                value=cells.amount(conversions) if VALUE in told else None,
            )
        )
    return paths


@dataclass(frozen=True)
class _Cells:
    """The cells of a row; what is wrong with one is told with its line and column, and not with what stands in it."""

    where: str
    cells: dict[str, str]

    def channels(self) -> tuple[str, ...]:
        channels = tuple(channel.strip() for channel in self.cells[PATH].split(SEPARATOR))
        if channels == ("",):
            raise self._wrong(PATH, "the path is empty", "a path has at least one channel; leave out rows without one")
        if "" in channels:
            raise self._wrong(PATH, "a step of the path has no channel", 'join channels by " > ", each with a name')
        return channels

    def count(self, name: str) -> int:
        found = _COUNT.fullmatch(self.cells[name])
        if not found or int(found[1]) > MAX_COUNT:
            raise self._wrong(
                name,
                f"{name} is no whole number from 0 to {MAX_COUNT:,}",
                "write how many paths there were, in digits alone, and 0 where there were none",
            )
        return int(found[1])

    def amount(self, conversions: int) -> Decimal:
        cell = self.cells[VALUE]
        if not cell and not conversions:
            return Decimal(0)
        if not _AMOUNT.fullmatch(cell):
            raise self._wrong(
                VALUE,
                "the value is no amount",
                f"write digits with a decimal point, 1234.50; where amounts are not known leave out the column {VALUE}",
            )
        amount = Decimal(cell)
        if amount and not conversions:
            raise self._wrong(
                VALUE, "a value without a conversion", "what conversions brought stands on their own path"
            )
        return amount

    def _wrong(self, column: str, what: str, hint: str) -> SmmError:
        return SmmError("SMM-701", what, where=f"{self.where}, column {column}", hint=hint)
