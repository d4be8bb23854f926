"""A figure of a KPI table explained: its formula, the rows of core it is made of, the rules, the files.

Belongs here: finding the figure, and putting together what stands behind it. Does not belong here: what a column means
(the metric dictionary says it) and how rows are followed (trace.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any

import duckdb
from sqlglot import exp

from smm_pipeline.catalog import MONTH, Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.explain.order import settings_of
from smm_pipeline.explain.origins import Lineage
from smm_pipeline.explain.shown import dicts, shown_row
from smm_pipeline.explain.trace import Found, Root, files_of, tables_read, trace
from smm_pipeline.quoting import quoted
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.completeness import completeness
from smm_pipeline.warehouse.schema import relation
from smm_pipeline.warehouse.state import StateView
from smm_pipeline.warehouse.zeros import Zeros

# Columns that say which rule decided about a row, or how it is known.
_RULES = ("rule_id", "method", "reason", "hint", "confidence")
_COMMUNITY = "community_id"
# So many values are listed for somebody who asks for one that is not there.
_MANY = 20


@dataclass(frozen=True)
class Wanted:
    """Which figure is asked for: a table, and of it a column, a day and a community where they are given.

    `of` are values of other columns of the table's key, such as a segment or a model, as text.
    """

    name: str
    day: date | None = None
    community: str | None = None
    rows: int = 3
    of: Mapping[str, str] = field(default_factory=dict)


def is_figure(catalog: Catalog, name: str) -> bool:
    """Whether a name is that of a KPI rather than of an order."""
    table = name.removeprefix("kpi.").partition(".")[0]
    return table.startswith(("kpi_", "data_")) or f"kpi.{table}" in catalog.tables


def explain_figure(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings, wanted: Wanted
) -> dict[str, Any]:
    """What stands behind figures of a KPI table.

    Args:
        con: the work database.
        catalog: the tables.
        settings: for the thresholds of the rules.
        wanted: which figure, and how many rows of each table are shown.

    Raises:
        SmmError: SMM-801 for an unknown KPI, column, day, community or value; SMM-802 for a name of several.
    """
    spec, column = _table(catalog, wanted.name)
    day = _day(con, catalog, settings, spec, wanted.day)
    condition, values, rows = _selected(con, spec, day, wanted)
    parameters = settings.sql_parameters() | (window_parameters(day, day, settings) if spec.partition and day else {})
    found = trace(con, catalog, Root(spec.full_name, condition, values, column, settings=parameters))
    zeros = Zeros(con, catalog, settings)
    published = f"select * from ({zeros.select(spec)}) as b where {condition}"
    core = [part for part in found.values() if part.spec.layer == "core"]
    made_of = _made_of(con, spec, condition, values)
    return {
        "kind": "figure",
        "table": spec.full_name,
        "description": spec.description,
        "grain": spec.grain,
        "key": list(spec.key),
        "day": day,
        "community": values.get("community"),
        "of": dict(wanted.of),
        "is_stale": _is_stale(con, catalog, settings, spec, day),
        "missing_feeds": _missing_feeds(con, catalog, settings, spec, day),
        "unknown_zeros": zeros.missing(con, spec, condition, values),
        "rows": rows,
        "figures": [shown_row(spec, row) for row in _first(con, spec, published, wanted.rows, values)],
        "made_of": made_of,
        "columns": _columns(con, spec, column),
        "settings": settings_of(catalog, settings, [spec.full_name, *(part.spec.full_name for part in core)]),
        "rules": [rule for part in core for rule in _rules(con, part)],
        "behind": [_behind(con, spec, part, wanted.rows) for part in core if part.rows],
        "not_followed": sorted(
            name
            for name in tables_read(spec, column, Lineage(catalog)) - found.keys()
            if catalog[name].layer != "seeds" and not (made_of and catalog[name].layer == "kpi")
        ),
        "files": [file.as_dict() for file in files_of(con, found.values())],
    }


def _selected(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, day: date | None, wanted: Wanted
) -> tuple[str, dict[str, Any], int]:
    """SQL over columns aliased b that selects what is asked for, its parameters, and how many rows these are."""
    conditions, values = ["true"], dict[str, Any]()
    if spec.day_column and day:
        conditions.append(f"b.{quoted(spec.day_column)} = $day")
        values["day"] = day
    if wanted.community is not None:
        network, community = _community(con, spec, wanted.community)
        conditions.append("b.community_id = $community and ($network is null or b.network = $network)")
        values |= {"network": network, "community": community}
    for column, value in wanted.of.items():
        told_apart = f"cast(b.{quoted(_key_column(spec, column))} as varchar)"
        rest = f"from {relation(spec)} as b where {' and '.join(conditions)}"
        known = con.execute(f"select distinct {told_apart} {rest} order by 1", values).fetchall()
        if (value,) not in known:
            names = ", ".join(name for (name,) in known[:_MANY] if name)
            hint = f"there it is one of {names}" if names else "choose another day by --date, or leave --community out"
            what = f"{spec.name} has no such row" + (f" of {day}" if day else "")
            raise SmmError("SMM-801", what, where=f"{column}={value}", hint=hint)
        conditions.append(f"{told_apart} = ${column}_of")
        values[f"{column}_of"] = value
    condition = " and ".join(conditions)
    [(rows,)] = con.execute(f"select count(*) from {relation(spec)} as b where {condition}", values).fetchall()
    if not rows:
        raise SmmError(
            "SMM-801",
            f"{spec.name} has no row of {day}" + (" of this community" if wanted.community else ""),
            where=wanted.community or wanted.name,
            hint="a community without anything on a day has no row there; choose another day, or leave --community out",
        )
    return condition, values, int(rows)


def _key_column(spec: TableSpec, name: str) -> str:
    """A column by which rows of the table are told apart, beside its day."""
    names = [column for column in spec.key if column != spec.day_column]
    if name not in names:
        hint = f"one of {', '.join(names)}" if names else "leave --of out"
        raise SmmError("SMM-801", f"rows of {spec.name} are not told apart by this column", where=name, hint=hint)
    return name


def _table(catalog: Catalog, name: str) -> tuple[TableSpec, str | None]:
    """The KPI table that is asked for, and the column where one is named."""
    table, _, column = name.removeprefix("kpi.").partition(".")
    tables = [spec.name for spec in catalog.layer("kpi")]
    if table not in tables:
        near = get_close_matches(table, tables, n=3)
        raise SmmError(
            "SMM-801",
            "there is no such KPI table",
            where=name,
            hint=f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(tables)}",
        )
    spec = catalog[f"kpi.{table}"]
    columns = [c.name for c in spec.columns]
    if column and column not in columns:
        near = get_close_matches(column, columns, n=3) or columns
        raise SmmError("SMM-801", f"{table} has no such column", where=column, hint=f"one of {', '.join(near)}")
    return spec, column or None


def _day(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings, spec: TableSpec, day: date | None
) -> date | None:
    """The day that is asked for, else the newest one with rows."""
    column = spec.day_column
    if column is None:
        if day is not None:
            raise SmmError("SMM-801", f"{spec.name} has no days", where=str(day), hint="leave --date out")
        return None
    if day is not None and column == MONTH:
        day = day.replace(day=1)
    [(first, last, days)] = con.execute(
        f"select min({quoted(column)}), max({quoted(column)}), count(*) filter (where {quoted(column)} = $day) "
        f"from {relation(spec)}",
        {"day": day},
    ).fetchall()
    if last is None:
        raise SmmError("SMM-801", f"{spec.name} has no rows yet", where=spec.full_name, hint="smm run builds it")
    if day is not None and not days:
        missing = _missing_feeds(con, catalog, settings, spec, day)
        hint = f"it has rows of {first} to {last}" + (f"; of this day nothing came from {missing}" if missing else "")
        raise SmmError("SMM-801", f"{spec.name} has no row of this day", where=str(day), hint=hint)
    return day or last


def _community(con: duckdb.DuckDBPyConnection, spec: TableSpec, wanted: str) -> tuple[str | None, str]:
    """Network and id of the community of that id, handle or name, its network in brackets behind it or not.

    A word such as (none) stands for itself.
    """
    if _COMMUNITY not in {c.name for c in spec.columns}:
        raise SmmError("SMM-801", f"{spec.name} has no communities", where=wanted, hint="leave --community out")
    if wanted.startswith("("):
        return None, wanted
    known = con.execute(
        "select network, community_id, community_name, handle from core.dim_community order by all"
    ).fetchall()
    handle = wanted.lower().removeprefix("@")
    found = [
        c
        for c in known
        if wanted == c[1]
        or handle in (c[3], (c[2] or "").lower(), f"{c[2]} ({c[0]})".lower(), f"{c[1]} ({c[0]})".lower())
    ]
    if len(found) == 1:
        return str(found[0][0]), str(found[0][1])
    if found:
        raise SmmError(
            "SMM-802",
            f"{len(found)} communities have this name",
            where=wanted,
            hint="give the id of one of them: " + ", ".join(f"{c[1]} ({c[0]})" for c in found),
        )
    names = [name for c in known for name in c[1:] if name]
    near = get_close_matches(wanted, names, n=3)
    raise SmmError(
        "SMM-801",
        "no community has this id, handle or name",
        where=wanted,
        hint=f"did you mean {' or '.join(near)}?" if near else "the table core.dim_community lists them",
    )


def _is_stale(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings, spec: TableSpec, day: date | None
) -> bool:
    """Whether the rows wait to be built again, so that what stands behind them may be newer."""
    stale = StateView(con, catalog, settings).stale_keys(spec)
    return bool(stale) and (not spec.partition or day is None or day.isoformat() in stale)


def _missing_feeds(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings, spec: TableSpec, day: date | None
) -> str | None:
    """The feeds that gave nothing on the day, as kpi._completeness names them."""
    for _, query in completeness(catalog, settings):
        found = con.execute(
            f"select missing_feeds from ({query}) where table_name = ? and date_local = ?", [spec.name, day]
        ).fetchone()
        return found[0] if found else None
    return None


def _made_of(con: duckdb.DuckDBPyConnection, spec: TableSpec, condition: str, values: Mapping[str, Any]) -> list[str]:
    """The figures that rows name, as goals do: each is explained under its own name."""
    names = [quoted(need.figure) for need in spec.zero_needs if need.figure]
    if not names:
        return []
    query = f"select distinct {names[0]} from {relation(spec)} as b where {condition} order by 1"
    return [str(name) for (name,) in con.execute(query, values).fetchall() if name]


def _columns(con: duckdb.DuckDBPyConnection, spec: TableSpec, column: str | None) -> list[dict[str, Any]]:
    """What the dictionary says of the columns, in their order; of all but the key where none is asked for."""
    result = con.execute(
        "select column_name, label_en, label_uk, label_ru, formula, denominator, grain, basis, caveat "
        "from kpi.metric_dictionary where table_name = ?",
        [spec.name],
    )
    said = {row["column_name"]: row for row in dicts(result)}
    wanted = [column] if column else [c.name for c in spec.columns if c.name not in spec.key]
    return [said[name] for name in wanted if name in said]


def _rules(con: duckdb.DuckDBPyConnection, part: Found) -> list[dict[str, Any]]:
    """How many of the rows were decided by which rule, or are known in which way."""
    rules = []
    for column in part.spec.columns:
        if not column.name.endswith(_RULES):
            continue
        name = quoted(column.name)
        counts = con.execute(
            f"select {name}, count(*) from {part.name} where {name} is not null group by 1 order by 2 desc, 1"
        ).fetchall()
        if counts:
            rules.append(
                {
                    "table": part.spec.full_name,
                    "column": column.name,
                    "meaning": column.description,
                    "rows": {str(value): int(rows) for value, rows in counts},
                }
            )
    return rules


def _behind(con: duckdb.DuckDBPyConnection, spec: TableSpec, part: Found, limit: int) -> dict[str, Any]:
    """A table of core with the rows that belong to the figure, and of these what its SQL names."""
    named = {column.name for column in spec.tree.find_all(exp.Column)} | set(part.spec.key)
    rows = [shown_row(part.spec, row) for row in _first(con, part.spec, f"select * from {part.name}", limit)]
    return {
        "table": part.spec.full_name,
        "description": part.spec.description,
        "is_read_directly": part.spec.full_name in spec.deps,
        "is_exact": part.is_exact,
        "rows": part.rows,
        "first_rows": [{k: v for k, v in row.items() if k in named or k.endswith(_RULES)} for row in rows],
    }


def _first(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, query: str, limit: int, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The first rows of a query in the order of the table's key."""
    key = ", ".join(quoted(name) for name in spec.key)
    return dicts(con.execute(f"{query} order by {key} limit {int(limit)}", values or {}))
