"""Classification of a list of visits, outside any instance.

Belongs here: reading visits from a CSV, running core.visit_address, core.visit_source and core.visit_channel over them
in a database in memory, and writing what they say. Does not belong here: any rule; those are sql/seeds and the three
SQL files, the very ones the pipeline runs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.warehouse.schema import SHOP_HOST, create_tables, host_spellings, load_seed_csv, relation

VISIT_COLUMNS = {
    "page_location": "landing_url",
    "page_referrer": "page_referrer",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
}
ADDED_COLUMNS = ("source", "medium", "channel", "network", "rule_id")
MAX_FIELD_CHARACTERS = 1 << 20
# Every visit of a list is put on one day: no channel rule looks at the date.
_DAY = date(2000, 1, 1)
_STEPS = ("core.visit_address", "core.visit_source", "core.visit_channel")
_VISIT = "core.fct_visit"


@dataclass(frozen=True)
class _Table:
    """A CSV in memory: header and rows, every row as long as the header."""

    header: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str | None]:
        """Values of a column, empty as None; all None where there is no such column."""
        if name not in self.header:
            return [None] * len(self.rows)
        index = self.header.index(name)
        return [row[index] or None for row in self.rows]


def classify_visits(
    visits_csv: Path,
    *,
    own_hosts: Iterable[str] = (),
    excluded_referrers: Iterable[str] = (),
    catalog: Catalog,
    out: TextIO,
) -> int:
    """Write the visits of a CSV with source, medium, channel, network and rule_id added, in the order of the input.

    Args:
        visits_csv: UTF-8, comma-separated, with a header. Any of page_location, page_referrer, utm_source, utm_medium
            and utm_campaign may be empty or absent; all other columns pass through. A column of the input that is named
            like an added one is kept as input_<name>.
        own_hosts: hosts of the shop; with everything below them they never become a source. Without them the site of
            page_location is taken.
        excluded_referrers: further hosts that never become a source, beside the payment pages the project knows.
        catalog: where the rules come from.
        out: receives CSV, lines ended by a line feed.

    Returns:
        Number of visits.

    Raises:
        SmmError: SMM-201 when the file is not such a CSV, SMM-202 when it has none of the columns, SMM-203 when it is
            not UTF-8, SMM-102 when a host is none.
    """
    table = _read(visits_csv)
    hosts = [(h, "own") for h in host_spellings(own_hosts)] + [
        (h, "payment") for h in host_spellings(excluded_referrers)
    ]
    with _rules(catalog, hosts) as con:
        verdicts = _classify(con, catalog, table)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_kept_header(table.header), *ADDED_COLUMNS])
    writer.writerows([*row, *verdict] for row, verdict in zip(table.rows, verdicts, strict=True))
    return len(table.rows)


@contextmanager
def _rules(catalog: Catalog, hosts: Sequence[tuple[str, str]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database with the seeds and the empty tables that the three SQL files read and fill."""
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    try:
        con.execute("create schema seeds")
        con.execute("create schema core")
        needed = [catalog[n] for n in sorted({_VISIT, *_STEPS}.union(*(catalog[step].deps for step in _STEPS)))]
        create_tables(con, needed)
        for spec in needed:
            if spec.layer == "seeds" and spec.full_name != SHOP_HOST:
                load_seed_csv(con, spec)
        if hosts:
            con.executemany(f"insert into {relation(catalog[SHOP_HOST])} values (?, ?)", hosts)
        yield con
    finally:
        con.close()


def _classify(con: duckdb.DuckDBPyConnection, catalog: Catalog, table: _Table) -> list[tuple[str | None, ...]]:
    """The added columns, one tuple per row of the table."""
    columns = {target: table.column(name) for name, target in VISIT_COLUMNS.items()}
    unnested = ", ".join(f"unnest(cast(${target} as varchar[])) as {target}" for target in columns)
    con.execute(
        f"insert into {relation(catalog[_VISIT])} by name "
        f"select unnest(cast($visit_key as varchar[])) as visit_key, $day as session_date_local, {unnested}",
        {"visit_key": [str(n) for n in range(len(table.rows))], "day": _DAY, **columns},
    )
    for step in _STEPS:
        _build(con, catalog[step])
    return con.execute(
        f"select {', '.join(ADDED_COLUMNS)} from {relation(catalog[_STEPS[-1]])} order by cast(visit_key as bigint)"
    ).fetchall()


def _build(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    con.execute(f"insert into {relation(spec)} by name {spec.sql}", {"first_date": _DAY, "last_date": _DAY})


def _read(path: Path) -> _Table:
    """Read the whole CSV; nothing is written before all of it has proved readable."""
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            rows = []
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
                rows.append(row)
            return _Table(header, rows)
    except OSError as error:
        raise SmmError("SMM-201", f"the file cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise SmmError(
            "SMM-203",
            f"byte {error.object[error.start]:#04x} at {error.start} is not UTF-8",
            where=str(path),
            hint="save the file as UTF-8 (in a spreadsheet: CSV UTF-8)",
        ) from error
    except csv.Error as error:
        raise SmmError("SMM-201", f"the file is not CSV: {error}", where=f"{path}, line {reader.line_num}") from error


def _check_header(header: Sequence[str], path: Path) -> None:
    if not any(header):
        raise SmmError("SMM-201", "the file is empty", where=str(path))
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise SmmError("SMM-201", f"columns named twice: {', '.join(twice)}", where=str(path))
    if not VISIT_COLUMNS.keys() & set(header):
        raise SmmError(
            "SMM-202",
            f"none of the columns {', '.join(VISIT_COLUMNS)} is there",
            where=str(path),
            hint="the first line must name the columns, separated by commas",
        )


def _kept_header(header: Sequence[str]) -> list[str]:
    taken = {*header, *ADDED_COLUMNS}
    kept = []
    for name in header:
        new = name
        while new in ADDED_COLUMNS or (new != name and new in taken):
            new = f"input_{new}"
        taken.add(new)
        kept.append(new)
    return kept
