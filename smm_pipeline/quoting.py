"""Names and values as SQL, where a statement takes no parameters for them.

Belongs here: the only functions that may put a name or a value into SQL. Does not belong here: which ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date


def quoted(identifier: str) -> str:
    """An identifier quoted for SQL; the only way a name from a file reaches a statement."""
    return '"' + identifier.replace('"', '""') + '"'


def sql_text(value: str) -> str:
    """A text in SQL, also where a statement takes no parameters."""
    return "'" + value.replace("'", "''") + "'"


def sql_day(day: date) -> str:
    """A day in SQL."""
    return f"date {sql_text(day.isoformat())}"


def sql_texts(values: Iterable[str]) -> str:
    """A list of texts in SQL."""
    return f"cast([{', '.join(map(sql_text, values))}] as varchar[])"
