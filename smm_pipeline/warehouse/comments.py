"""What the serving file says of each of its columns, as BI tools show it.

Belongs here: the comment of a column, made from the metric dictionary, so that a tool and the dictionary cannot
disagree. Does not belong here: what a column means (sql/seeds/metric_dictionary.csv says so).
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec

DICTIONARY = "kpi.metric_dictionary"


def column_comments(con: duckdb.DuckDBPyConnection, catalog: Catalog) -> Mapping[tuple[str, str], str]:
    """A comment for every table and column of the dictionary; nothing where the catalog has none."""
    if DICTIONARY not in catalog.tables:
        return {}
    rows = con.execute(
        f"select table_name, column_name, label_en, formula, denominator, basis, caveat from {DICTIONARY}"
    ).fetchall()
    zeros = {(spec.name, column.name): _zero(spec, column.name) for spec in catalog for column in spec.columns}
    return {(table, column): _comment(*words) + zeros.get((table, column), "") for table, column, *words in rows}


def _comment(label: str, formula: str, denominator: str | None, basis: str, caveat: str | None) -> str:
    parts = [f"{label}: {formula}"]
    parts += [f"Divided by: {denominator}"] if denominator else []
    parts += [f"Basis: {basis}"] if basis != "dimension" else []
    parts += [f"Mind: {caveat}"] if caveat else []
    return ". ".join(parts)


def _zero(spec: TableSpec, column: str) -> str:
    """When a 0 of the column, or whatever it holds, is published as NULL (zeros.py)."""
    made_of = spec.follows.get(column, (column,))
    needs = [n for n in spec.zero_needs if set(made_of) & set(n.columns) or column in n.verdicts]
    if not needs:
        return ""
    names = sorted({name.removeprefix("raw.") for need in needs for name in need.contracts})
    is_zero = any(column in need.columns for need in needs)
    zero = "NULL, not 0," if is_zero else "NULL" if column in made_of else f"NULL with {' or '.join(made_of)}"
    return f". {zero} where a feed of these is missing: {', '.join(names) or 'those of its figure'}"
