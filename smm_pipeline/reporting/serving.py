"""Reading the serving file.

Belongs here: opening the published file read-only and fetching rows as dictionaries. Does not belong here: what
a row means or how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import quoted, sql_day

Row = dict[str, Any]


# The tables of months among those that were published, as a subquery.
MONTHLY = "(select table_name from duckdb_columns() where column_name = 'month_start_date')"


class Serving:
    """An open serving file: one consistent snapshot for as long as it is open."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def rows(self, sql: str, parameters: dict[str, object] | None = None) -> list[Row]:
        """All rows of a query, each as column name -> Python value."""
        cursor = self._con.execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def row(self, sql: str, parameters: dict[str, object] | None = None) -> Row:
        """The single row of a query that always gives one, such as an aggregate."""
        (found,) = self.rows(sql, parameters)
        return found

    def limit_to(self, first: date, last: date) -> None:
        """Make the bare name of every daily table mean its rows between two days, both included.

        `_completeness` tells of months, too, under their first day: there the month of the first day is within.
        """
        tables = self.rows(
            "select table_name from duckdb_columns() "
            "where not internal and schema_name = 'kpi' and column_name = 'date_local'"
        )
        for name in (table["table_name"] for table in tables):
            begun = f" or (date_local = date_trunc('month', {sql_day(first)}) and table_name in {MONTHLY})"
            self._con.execute(
                f"create or replace temp view {quoted(name)} as select * from kpi.{quoted(name)} "
                f"where date_local between {sql_day(first)} and {sql_day(last)}"
                f"{begun if name == '_completeness' else ''}"
            )


@contextmanager
def open_serving(path: Path) -> Iterator[Serving]:
    """Open the serving file read-only; other readers and the next publication are not disturbed.

    Raises:
        SmmError: SMM-305 when there is no serving file or it cannot be read.
    """
    if not path.is_file():
        raise SmmError("SMM-305", "nothing has been published yet", where=str(path), hint="run: smm run")
    try:
        con = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise SmmError(
            "SMM-305", f"the serving file cannot be read: {error}", where=str(path), hint="run: smm publish"
        ) from error
    try:
        con.execute("set TimeZone = 'UTC'")
        yield Serving(con)
    finally:
        con.close()
