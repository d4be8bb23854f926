"""What of a row may be shown.

Belongs here: rows by name, leaving out texts and addresses, which may name a person, and shortening pseudonyms. Does
not belong here: which rows are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from smm_pipeline.catalog import ColumnSpec, TableSpec

SHOWN_CHARACTERS = 8
# Addresses carry what people typed, and codes may bear the name of the friend who gave them out.
_LEFT_OUT = ("_url", "_path", "_referrer", "_codes", "_host")
_LONG_HASH = 24


def dicts(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of a query by the names of their columns."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def shown_row(spec: TableSpec, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without texts and addresses, pseudonyms and hashes shortened, unknown values left out."""
    return {
        column.name: shown_value(column, row[column.name])
        for column in spec.columns
        if column.name in row and row[column.name] is not None and _is_shown(column)
    }


def shown_value(column: ColumnSpec, value: Any) -> Any:
    """A value as it may be shown: of pseudonyms and other hashes the beginning, of a code's touch no code."""
    if not isinstance(value, str):
        return value
    if column.privacy == "pseudonymous":
        return short(value)
    kind, colon, rest = value.partition(":")
    if column.name == "touch_id" and colon:
        return kind if kind == "code" else f"{kind}:{short(rest)}"
    return short(value) if is_hash(value) else value


def short(value: str) -> str:
    """The beginning of a pseudonym: enough to see that two are one, too little to look anybody up."""
    return value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"


def is_hash(value: str) -> bool:
    """Whether a text is nothing but a long hexadecimal number."""
    return len(value) >= _LONG_HASH and all(c in "0123456789abcdef" for c in value)


def _is_shown(column: ColumnSpec) -> bool:
    name = column.name
    return column.privacy != "text" and not name.endswith(_LEFT_OUT) and name not in ("url", "code")
