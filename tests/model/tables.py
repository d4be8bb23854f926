"""What stands in the tables of the model's shop, in the words of the model.

Belongs here: reading rows, a key as numbers and a content as (vendor's version, day, value). Does not belong here:
making histories and comparing (test_histories.py).
"""

from __future__ import annotations

from typing import Any

import duckdb

from tests.model.versions import NONE

TABLES = ("raw.shop_order", "raw.shop_order_line", "staging.stg_shop_order", "staging.stg_shop_order_line")
_VERSION, _DAY = f"coalesce(day(updated_ts), {NONE})", "day(order_date_local)"


def fetch(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return con.execute(sql).fetchall()


def contents(con: duckdb.DuckDBPyConnection) -> list[list[tuple[Any, ...]]]:
    """All rows of all tables, without the columns that say by which delivery a row came."""
    lineage = "_delivery_id, _source_row, _loaded_at"
    raw = [fetch(con, f"select * exclude ({lineage}) from {name} order by all") for name in TABLES[:2]]
    return raw + [fetch(con, f"from {name} order by all") for name in TABLES[2:]]


def shown(con: duckdb.DuckDBPyConnection, key: str, value: str, table: str) -> set[tuple[Any, Any]]:
    """Key and content of each row of a staging table, which has each key once."""
    rows = fetch(con, f"select {key}, {_VERSION}, {_DAY}, {value} from {table}")
    assert len(rows) == len({k for k, *_ in rows})
    return {(_numbers(k), (v, d, _plain(x))) for k, v, d, x in rows}


def history(con: duckdb.DuckDBPyConnection, key: str, value: str, table: str) -> list[tuple[Any, ...]]:
    """Of each row of a raw table: key, content, its newest hour, the first hour of its key, whether that has others."""
    told = "hour(_version_ts), hour(_first_ts), _is_restated"
    rows = fetch(con, f"select {key}, {_VERSION}, {_DAY}, {value}, {told} from {table}")
    return [(_numbers(k), (v, d, _plain(x)), *t) for k, v, d, x, *t in rows]


def _numbers(key: Any) -> Any:
    return tuple(int(part) for part in key) if isinstance(key, tuple) else int(key)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)
