"""Following rows down to the files that brought them, along the lineage that stands in the SQL.

Belongs here: which rows of the tables upstream belong to given rows, and which deliveries those came in. Does not
belong here: a list of tables; what a table is made from comes out of its SQL, and what joins two tables out of their
keys, but for joins of their own (own_links.py).

A table upstream is joined by the columns that are handed on unchanged. Where these hold its key, or the whole key of
the table made from it, its rows are exactly those behind the number; where they hold a part of it, such as the day,
the rows behind it are among those found, and `is_exact` says so. What is joined within the SQL alone, such as the
order of an order's class, is found by keys of one name. A table that nothing joins is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
from sqlglot import exp

from smm_pipeline.catalog import MONTH, Catalog, TableSpec
from smm_pipeline.explain.link_parts import WITHIN
from smm_pipeline.explain.origins import Lineage
from smm_pipeline.explain.own_links import OWN_LINKS, PARTS
from smm_pipeline.quoting import quoted
from smm_pipeline.warehouse.schema import relation

# They say how a row is known. The same word in two tables makes no link between them.
_WAYS = {"method", "hint"}
# They say only which days there are, so that every record of a day would be behind every number of it.
_CALENDARS = {"core.dim_date", "core.fct_feed_day", "staging.stg_feed_day"}

_PARAMETER = re.compile(r"\$(\w+)")

# How sure a link between neighbours is: by the other's key, by a key that is part of the other's, by a column like it.
_KEY, _KEY_OF_PARTS, _FOREIGN_KEY = range(3)


@dataclass(frozen=True)
class _Link:
    """How rows are found, and whether exactly these belong to the number.

    `is_whole` where a whole key joins them, `is_complete` where the number has no others of this table.
    """

    condition: str
    is_exact: bool
    rank: int = _KEY
    is_whole: bool = True
    is_complete: bool = False


@dataclass(frozen=True)
class Found:
    """Rows of a table behind the number: in which temporary table, how many, and whether all of them belong to it."""

    spec: TableSpec
    name: str
    rows: int
    is_exact: bool


@dataclass(frozen=True)
class File:
    """A delivery that brought rows of a contract: which file of which feed, how many rows, between which records."""

    table: str
    feed: str
    file: str
    delivery_id: str
    rows: int
    first_row: int
    last_row: int
    is_exact: bool

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return dict(vars(self))


@dataclass(frozen=True)
class Root:
    """What to begin with: rows of a table that fulfil a condition over its columns, aliased b.

    `values` are the condition's parameters. Where only one `column` of them counts, only what it is made from is
    followed. `known` are conditions on tables upstream whose rows are known to belong to it; `settings` are the
    parameters that the SQL of tables names.
    """

    table: str
    condition: str
    values: Mapping[str, Any]
    column: str | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def trace(con: duckdb.DuckDBPyConnection, catalog: Catalog, root: Root) -> dict[str, Found]:
    """The rows to begin with, and of every table upstream those that belong to them.

    Args:
        con: the work database; temporary tables are made in it.
        catalog: the tables.
        root: the rows to begin with.
    """
    lineage, spec = Lineage(catalog), catalog[root.table]
    for part in PARTS.get(root.table, ()):
        _keep_part(con, spec, part, root.settings)
    found = {root.table: _keep(con, spec, f"where {root.condition}", True, root.values)}
    for name, condition in root.known.items():
        found[name] = _keep(con, catalog[name], f"where {condition}", True, root.values)
    read = tables_read(spec, root.column, lineage)
    walk = _Walk(con, found, lineage, root, spec, read)
    walk.follow_direct(catalog)
    down = _downwards(catalog, read)
    if read - found.keys():
        # Only what the other columns are made from may tell which rows: it is asked, and is not behind this one.
        _Walk(con, found, lineage, root, spec, set(spec.deps)).follow_direct(catalog)
        for name in found.keys() - {root.table, *root.known, *down}:
            del found[name]
    for name in down:
        if name not in found:
            walk.follow(catalog[name], _FOREIGN_KEY)
    return found


def tables_read(spec: TableSpec, column: str | None, lineage: Lineage) -> set[str]:
    """The tables that a table, or one column of it, is made from; of a column that nothing tells of, all of them."""
    return (lineage.tables_of(spec, column) & spec.deps if column else set()) or set(spec.deps)


def files_of(con: duckdb.DuckDBPyConnection, found: Iterable[Found]) -> list[File]:
    """Deliveries behind the raw rows among them, by contract, feed and file."""
    files = []
    for part in found:
        if part.spec.layer != "raw":
            continue
        rows = con.execute(
            f"""
            select
                r._feed,
                coalesce(min(d.file_path), '(not in the books)'),
                r._delivery_id,
                count(distinct r._row_hash),
                min(r._source_row),
                max(r._source_row)
            from {part.name} as r
            left join (
                select feed, delivery_id, min(file_path) as file_path from meta.delivery group by all
            ) as d on d.feed = r._feed and d.delivery_id = r._delivery_id
            group by r._feed, r._delivery_id
            order by 1, 2, 3
            """
        ).fetchall()
        files += [
            File(part.spec.name, feed, file, delivery[:12], count, first, last, part.is_exact)
            for feed, file, delivery, count, first, last in rows
        ]
    return sorted(files, key=lambda f: (f.table, f.feed, f.file))


def _downwards(catalog: Catalog, tables: Iterable[str]) -> list[str]:
    """Tables and everything upstream of them, each after all that is made from it."""
    upstream = {name for table in tables for name in (table, *catalog.upstream(table))}
    built = [spec.full_name for spec in reversed(catalog.build_order) if spec.full_name in upstream]
    return built + sorted(name for name in upstream if catalog[name].layer == "raw")


@dataclass(frozen=True)
class _Walk:
    """A walk upstream from the table `root` of what is `asked`, of which the tables `direct` count; `found` grows."""

    con: duckdb.DuckDBPyConnection
    found: dict[str, Found]
    lineage: Lineage
    asked: Root
    root: TableSpec
    direct: set[str]

    def follow_direct(self, catalog: Catalog) -> None:
        """Follow the direct ones, what the table itself joins from its neighbours.

        By the surest links first, and again after each of them.
        """
        names, rank = [name for name in _downwards(catalog, self.direct) if name in self.direct], 0
        while rank <= _FOREIGN_KEY:
            is_new = any(self.follow(catalog[name], rank) for name in names if name not in self.found)
            rank = 0 if is_new else rank + 1

    def follow(self, spec: TableSpec, rank: int) -> bool:
        """Find rows of a table from those of tables that are made from it, else from its neighbours', if it can be."""
        if spec.layer == "seeds":
            return False
        is_direct = spec.full_name in self.direct
        parts = [part for part in self.found.values() if part.spec.full_name not in _CALENDARS]
        above = [
            part for part in parts if spec.full_name in part.spec.deps and (is_direct or part.spec is not self.root)
        ]
        if above and not any(part.rows for part in above):
            # Of tables of which nothing is behind the number nothing further up is.
            self.found[spec.full_name] = _keep(self.con, spec, "where false", True, {})
            return True
        column = self.asked.column
        made = [(part, _down(part, spec, self.lineage, column if part.spec is self.root else None)) for part in above]
        is_told = any(part.spec is self.root and link and link.is_whole and link.is_exact for part, link in made)
        # Where nothing was found, nothing that is only like it can be behind it.
        down = [link for part, link in made if link and (link.is_exact or part.rows)]
        links = [link for link in down if link.is_whole]
        if not any(link.is_exact for link in links):
            links += [link for part in parts if (link := _beside(part, spec)) and link.rank <= rank]
        best = min((link.rank for link in links if link.is_exact), default=None)
        links = links if best is None else [link for link in links if link.is_exact and link.rank == best]
        if complete := [link for link in down if link.is_complete]:
            links = complete
        elif is_direct and not is_told and (links or rank == _FOREIGN_KEY):
            # By a part of the key only what the number itself is made from: further down it would be half of all rows.
            links += [link for link in down if not link.is_whole]
            links = links or [link for part in above if (link := _window(part, spec))]
        if not links:
            return False
        conditions = " or ".join(f"({link.condition})" for link in links)
        asked = self.lineage.filter_of(self.root, spec) if is_direct else None
        where = " and ".join(
            f"({condition})"
            for condition in (conditions, asked, "b._is_current" if spec.layer == "raw" else None)
            if condition
        )
        is_exact = all(link.is_exact for link in links)
        # A link may name settings, as the SQL of tables does.
        values = {name: self.asked.settings[name] for name in _PARAMETER.findall(where) if name in self.asked.settings}
        self.found[spec.full_name] = _keep(self.con, spec, f"where {where}", is_exact, values)
        return True


def _down(part: Found, spec: TableSpec, lineage: Lineage, column: str | None) -> _Link | None:
    """How rows of a table are found from rows, or one column of them, that are made from it."""
    made, source = part.spec.full_name, spec.full_name
    if own := OWN_LINKS.get((f"{made}.{column}", source)) or OWN_LINKS.get((made, source)):
        is_complete = part.spec.layer == "kpi"
        return _Link(f"exists (select 1 from {part.name} as a where {own})", part.is_exact, is_complete=is_complete)
    mine = {c.name for c in part.spec.columns}
    # Staging takes the newest version of each key of a contract as it is.
    same = {k: k for k in spec.key if k in mine} if spec.layer == "raw" else lineage.same_values(part.spec, spec)
    if set(spec.key) <= same.keys():
        return _Link(_in(part.name, {k: same[k] for k in spec.key}), part.is_exact)
    handed_on = {source: column for source, column in same.items() if column in part.spec.key}
    month = lineage.month_of(part.spec, spec)
    if not handed_on and not month:
        return None
    is_whole = {*handed_on.values(), *([MONTH] if month else [])} >= set(part.spec.key)
    # Of a part of the key alone, the day may not be in it: then the days that a day may read are bounds.
    days = [_in_month(month)] if month else [] if is_whole else _days(part.spec, spec)
    return _Link(_alike(part.name, handed_on, days), part.is_exact and is_whole, is_whole=is_whole)


def _beside(part: Found, spec: TableSpec) -> _Link | None:
    """How rows are found from those of a table that the same SQL joins: one holds the other's key under its name."""
    mine, theirs = {c.name for c in part.spec.columns}, {c.name for c in spec.columns}
    if set(spec.key) <= mine and not _WAYS & set(spec.key):
        return _Link(_in(part.name, {k: k for k in spec.key}), part.is_exact)
    if not part.spec.partition or part.spec.layer == "kpi" or not set(part.spec.key) <= theirs:
        return None
    link = _in(part.name, {k: k for k in part.spec.key})
    if set(part.spec.key) <= set(spec.key):
        return _Link(link, part.is_exact, rank=_KEY_OF_PARTS)
    # Communities and posts are on many rows that have nothing to do with the number.
    return None if "community_id" in part.spec.key else _Link(link, part.is_exact, rank=_FOREIGN_KEY)


def _window(part: Found, spec: TableSpec) -> _Link | None:
    """Rows of the days that a day of the number may read, of its community or whatever else its key names."""
    mine, theirs = part.spec, {c.name: c.type for c in spec.columns}
    types = {c.name: c.type for c in mine.columns}
    shared = [f"b.{quoted(k)} = a.{quoted(k)}" for k in mine.key if theirs.get(k) == types[k] and k != mine.partition]
    if spec.partition and MONTH in mine.key:
        shared += [_in_month(spec.partition)]
    shared += _days(mine, spec)
    if not shared or not spec.partition:
        return None
    return _Link(f"exists (select 1 from {part.name} as a where {' and '.join(shared)})", False, is_whole=False)


def _days(mine: TableSpec, spec: TableSpec) -> list[str]:
    """Conditions on a row b of a table that a row a of another reads: the days that it may read."""
    if not (spec.partition and mine.partition):
        return []
    day, of = f"b.{quoted(spec.partition)}", f"a.{quoted(mine.partition)}"
    before, after = mine.lookback_days.get(spec.full_name, 0), mine.lookahead_days.get(spec.full_name, 0)
    return [
        *([f"{day} >= {of} - {before}"] if before != "all" else []),
        *([f"{day} <= {of} + {after}"] if after != "all" else []),
    ]


def _in_month(day: str) -> str:
    return f"date_trunc('month', b.{quoted(day)}) = a.{MONTH}"


def _in(name: str, columns: Mapping[str, str]) -> str:
    left = ", ".join(f"b.{quoted(source)}" for source in columns)
    right = ", ".join(f"a.{quoted(column)}" for column in columns.values())
    return f"({left}) in (select ({right}) from {name} as a)"


def _alike(name: str, columns: Mapping[str, str], days: Sequence[str]) -> str:
    """As _in, but words in brackets, such as (none), stand for what is unknown upstream."""
    same = [
        f"(b.{quoted(source)} is not distinct from a.{quoted(column)} "
        f"or (b.{quoted(source)} is null and starts_with(cast(a.{quoted(column)} as varchar), '(')))"
        for source, column in columns.items()
    ]
    return f"exists (select 1 from {name} as a where {' and '.join([*same, *days])})"


def _keep_part(con: duckdb.DuckDBPyConnection, spec: TableSpec, part: str, settings: Mapping[str, Any]) -> None:
    """Put the rows of a part of a table's SQL into a temporary table, the parameters in their places."""
    select = exp.select("*").from_(part)
    select.set("with_", spec.tree.args["with_"].copy())

    for parameter in select.find_all(exp.Placeholder):
        parameter.replace(exp.convert(settings[parameter.name]))
    con.execute(f"create or replace temp table {WITHIN}{part} as {select.sql('duckdb')}")


def _keep(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, where: str, is_exact: bool, values: Mapping[str, Any]
) -> Found:
    """Put rows into a temporary table of their own."""
    name = quoted(f"behind_{spec.full_name}")
    con.execute(f"create or replace temp table {name} as select b.* from {relation(spec)} as b {where}", values)
    [(rows,)] = con.execute(f"select count(*) from {name}").fetchall()
    return Found(spec, name, int(rows), is_exact)
