"""A work database of an instance without data, filled by a test and asked for what stands behind a figure.

Belongs here: filling it, asking it. Does not belong here: rows, and what is found; the tests say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from smm_pipeline.explain import Wanted, explain_figure
from smm_pipeline.settings import Settings, load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema, relation
from tests.commands import smm
from tests.project_catalog import project_catalog

CATALOG = project_catalog()


@dataclass(frozen=True)
class Filled:
    """The database, which forgets the rows of a test after it."""

    con: duckdb.DuckDBPyConnection
    settings: Settings

    def put(self, table: str, rows: Iterable[dict[str, Any]], **same: Any) -> None:
        """Rows of a table, each with the columns that are the same in all."""
        for row in rows:
            columns = {**same, **row}
            self.con.execute(
                f"insert into {relation(CATALOG[table])} ({', '.join(columns)}) "
                f"values ({', '.join('?' * len(columns))})",
                [*columns.values()],
            )

    def behind(self, figure: str, day: date, table: str, column: str, **of: str) -> list[Any]:
        """A column of the rows of a table that are found behind a figure, each of which belongs to it."""
        data = explain_figure(self.con, CATALOG, self.settings, Wanted(figure, day, of=of))
        assert all(part["is_exact"] for part in data["behind"] if part["table"] == table)
        rows = self.con.execute(f'select {column} from "behind_{table}" order by 1').fetchall()
        return [value for (value,) in rows]


@contextmanager
def filled(folder: Path) -> Iterator[Filled]:
    """A new instance with all tables and no row."""
    smm(folder, "init")
    settings = load_settings(folder)
    with connect(settings) as con:
        ensure_schema(con, CATALOG, settings)
        yield Filled(con, settings)
