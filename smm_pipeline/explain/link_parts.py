"""What links of several modules are put together from.

Belongs here: how a part of a table's SQL that is run again is named, and links said column by column. Does not belong
here: any link (own_links.py and the modules that it puts together).
"""

from __future__ import annotations

# A part of the SQL of a table is a temporary table of this and its name.
WITHIN = "within_"


def by_column(table: str, upstream: str, links: dict[str, str]) -> dict[tuple[str, str], str]:
    """Links of a table with one upstream, by the columns that they are said of.

    Of no column one is said of the whole row, and of what columns are not named.
    """
    return {
        (f"{table}.{column}" if column else table, upstream): link
        for columns, link in links.items()
        for column in columns.split() or [""]
    }
