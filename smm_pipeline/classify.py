"""Classification of a list of visits, outside any instance.

Belongs here: running core.visit_address, core.visit_source and core.visit_channel over the visits of a CSV, in a
database in memory, and writing what they say. Does not belong here: any rule; those are sql/seeds and the three
SQL files, the very ones the pipeline runs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TextIO

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.channel_settings import Channels
from smm_pipeline.csv_table import HEADER_HINT, CsvTable, harmless, read_csv
from smm_pipeline.errors import SmmError
from smm_pipeline.warehouse.schema import create_tables, insert_rows, load_seed_csv, relation
from smm_pipeline.warehouse.shop_seeds import Rows, shop_rows

VISIT_COLUMNS = {
    "page_location": "landing_url",
    "page_referrer": "page_referrer",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
}
ADDED_COLUMNS = ("source", "medium", "channel", "network", "rule_id")
# Every visit of a list is put on one day: no channel rule looks at the date.
_DAY = date(2000, 1, 1)
_STEPS = ("core.visit_address", "core.visit_source", "core.visit_channel")
_VISIT = "core.fct_visit"
NO_CHANNELS = Channels()


def classify_visits(
    visits_csv: Path,
    *,
    own_hosts: Iterable[str] = (),
    excluded_referrers: Iterable[str] = (),
    channels: Channels = NO_CHANNELS,
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
        channels: what a shop says of sources, spam and rules of its own.
        catalog: where the shipped rules come from.
        out: receives CSV, lines ended by a line feed; no cell of it is a formula to a spreadsheet.

    Returns:
        Number of visits.

    Raises:
        SmmError: SMM-201 when the file is not such a CSV, SMM-202 when it has none of the columns, SMM-203 when it is
            not UTF-8, SMM-102 when a host is none.
    """
    table = read_csv(visits_csv)
    if not VISIT_COLUMNS.keys() & set(table.header):
        raise SmmError(
            "SMM-202",
            f"none of the columns {', '.join(VISIT_COLUMNS)} is there",
            where=str(visits_csv),
            hint=HEADER_HINT,
        )
    with _rules(catalog, shop_rows(own_hosts, excluded_referrers, channels)) as con:
        verdicts = _classify(con, catalog, table)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*map(harmless, _kept_header(table.header)), *ADDED_COLUMNS])
    writer.writerows(
        [harmless(cell or "") for cell in (*row, *verdict)] for row, verdict in zip(table.rows, verdicts, strict=True)
    )
    return len(table.rows)


@contextmanager
def _rules(catalog: Catalog, of_shop: Mapping[str, Rows]) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database with the seeds and the empty tables that the three SQL files read and fill."""
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    try:
        con.execute("create schema seeds")
        con.execute("create schema core")
        needed = [catalog[n] for n in sorted({_VISIT, *_STEPS}.union(*(catalog[step].deps for step in _STEPS)))]
        create_tables(con, needed)
        for spec in needed:
            if spec.full_name in of_shop:
                insert_rows(con, spec, of_shop[spec.full_name])
            elif spec.layer == "seeds":
                load_seed_csv(con, spec)
        yield con
    finally:
        con.close()


def _classify(con: duckdb.DuckDBPyConnection, catalog: Catalog, table: CsvTable) -> list[tuple[str | None, ...]]:
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
