"""Work of DuckDB on several threads where its tables are small.

Belongs here: how a table of less than a row group is read by more than one thread. Does not belong here: what is read.
"""

from __future__ import annotations

import duckdb

# Rows that DuckDB handles at a time.
VECTOR_ROWS = 2048


def threads_of(con: duckdb.DuckDBPyConnection) -> int:
    """How many threads statements of a connection may use."""
    row = con.execute("select current_setting('threads')").fetchone()
    return int(row[0]) if row else 1


def in_parts(table: str, parts: int) -> str:
    """SELECT of a table in several parts, vectors dealt out like cards.

    DuckDB gives a thread a row group at a time, 122,880 rows, which is more than a piece of a delivery has: one thread
    would do all work. The parts of a union have a thread each.
    """
    return " union all ".join(
        f"select * from {table} where (rowid // {VECTOR_ROWS}) % {parts} = {part}" for part in range(parts)
    )
