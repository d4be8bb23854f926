"""Column lineage: which columns of which tables a column is made from, and which of their rows.

Belongs here: reading it out of a table's SQL. Does not belong here: lineage between tables; that is TableSpec.deps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.lineage import Node, lineage

from smm_pipeline.catalog import MONTH, Catalog, TableSpec

Origin = tuple[str, str]
"""Full name of a table and one of its columns."""


def column_origins(spec: TableSpec, catalog: Catalog) -> dict[str, set[Origin]]:
    """For each column of a table built by SQL, the upstream columns its value is computed from.

    Columns that only filter, join or order are not origins. Empty for a table without SQL.
    """
    return {column: _leaves(node) for column, node in _nodes(spec, catalog).items()}


_TO_MONTH = (exp.DateTrunc, exp.TimestampTrunc)
_NEW_VALUES = (exp.AggFunc, *_TO_MONTH)


class Lineage:
    """Columns by which rows of two tables can be joined, read out of each table's SQL once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._nodes: dict[str, dict[str, Node]] = {}

    def same_values(self, spec: TableSpec, upstream: TableSpec) -> dict[str, str]:
        """Columns of an upstream table with those of this one that hand their values on.

        Of two columns made from one the one of its name is taken; of a column made from several the one of its name
        counts. What is counted, added up or cut to the month is no value any more that a row upstream has.
        """
        types, theirs = ({c.name: c.type for c in of.columns} for of in (spec, upstream))
        found: dict[str, str] = {}
        for column, node in self._of(spec).items():
            if any(step.expression.find(*_NEW_VALUES) for step in node.walk()):
                continue
            sources = {name for table, name in _leaves(node) if table == upstream.full_name}
            source = column if column in sources else next(iter(sources)) if len(sources) == 1 else None
            if source and types[column] == theirs[source] and (source not in found or source == column):
                found[source] = column
        return found

    def month_of(self, spec: TableSpec, upstream: TableSpec) -> str | None:
        """The day of an upstream table whose month a table of months counts; None where it is none or open which."""
        node = self._of(spec).get(MONTH) if MONTH in spec.key else None
        if node is None or any(step.expression.find(exp.AggFunc) for step in node.walk()):
            return None
        cut = {leaf for step in node.walk() if step.expression.find(*_TO_MONTH) for leaf in _leaves(step)}
        days = {name for table, name in cut if table == upstream.full_name}
        return days.pop() if len(days) == 1 else None

    def tables_of(self, spec: TableSpec, column: str) -> set[str]:
        """The tables that the SQL of a column reads: of its values, what these are joined with, and what is counted."""
        found: set[str] = set()
        if (node := self._of(spec).get(column)) is None:
            return found
        for step in node.walk():
            found |= {table for table, _ in _leaves(step)}
            if isinstance(step.source, exp.Select):
                counts_rows = step.expression.find(exp.Star) is not None
                read = _read_by(step.source, _ctes(spec) if counts_rows else {})
                found |= read - (_beside(step.source) if step is node else set())
        return found

    def filter_of(self, spec: TableSpec, upstream: TableSpec) -> str | None:
        """What the SQL of a table asks of rows b of one upstream alone, wherever it reads them; None for nothing.

        Windows of days, which are parameters, are no part of it.
        """
        asked = set()
        for table in spec.tree.find_all(exp.Table):
            if (table.db, table.name) == (upstream.layer, upstream.name):
                conditions = _asked_of(table)
                if not conditions:
                    return None
                asked.add(" and ".join(conditions))
        return " or ".join(f"({condition})" for condition in sorted(asked)) or None

    def _of(self, spec: TableSpec) -> dict[str, Node]:
        if spec.full_name not in self._nodes:
            self._nodes[spec.full_name] = _nodes(spec, self._catalog)
        return self._nodes[spec.full_name]


def _nodes(spec: TableSpec, catalog: Catalog) -> dict[str, Node]:
    """The lineage of each column; nothing for a table without SQL."""
    if spec.sql is None:
        return {}
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name in spec.deps:
        dep = catalog[name]
        schema.setdefault(dep.layer, {})[dep.name] = {c.name: c.type for c in dep.stored_columns}
    # Trimmed selects would be copies, of use to drawings alone, and most of the time.
    nodes: dict[str, Node] = lineage(None, spec.tree, schema, dialect="duckdb", trim_selects=False)
    return {column.name: nodes[column.name] for column in spec.columns if column.name in nodes}


def _leaves(node: Node) -> set[Origin]:
    """Ends of the walk that are columns of a stored table."""
    origins = set()
    for step in node.walk():
        source = step.source
        if not step.downstream and isinstance(source, exp.Table) and source.db:
            origins.add((f"{source.db}.{source.name}", exp.to_column(step.name).name))
    return origins


def _ctes(spec: TableSpec) -> dict[str, exp.Expr]:
    return {cte.alias: cte.this for cte in spec.tree.find_all(exp.CTE)}


def _read_by(select: exp.Expr, ctes: Mapping[str, exp.Expr]) -> set[str]:
    """Stored tables that a SELECT takes rows from, also by way of the given parts of its statement."""
    found: set[str] = set()
    for table in _sources(select):
        if table.db:
            found.add(f"{table.db}.{table.name}")
        elif table.name in ctes:
            rest = {name: part for name, part in ctes.items() if name != table.name}
            found |= {name for part in ctes[table.name].find_all(exp.Select) for name in _read_by(part, rest)}
    return found


def _sources(select: exp.Expr) -> list[exp.Table]:
    parts = [select.args.get("from_"), *(select.args.get("joins") or [])]
    return [part.this for part in parts if part is not None and isinstance(part.this, exp.Table)]


def _beside(select: exp.Select) -> set[str]:
    """Stored tables that a table's last SELECT only joins from the left, for other columns of the same row.

    They take no row away, so that a column which is not made of their values is the same without them.
    """
    if any(select.args.get(part) for part in ("group", "qualify", "distinct")):
        return set()
    joins = select.args.get("joins") or []
    found = set()
    for join in joins:
        others = [select.args.get("where"), *(other.args.get("on") for other in joins if other is not join)]
        named = {column.table for part in others if part for column in part.find_all(exp.Column)}
        if join.side == "LEFT" and isinstance(join.this, exp.Table) and join.this.alias_or_name not in named:
            found.add(f"{join.this.db}.{join.this.name}")
    rest = {f"{t.db}.{t.name}" for t in _sources(select) if not (isinstance(t.parent, exp.Join) and t.parent.side)}
    return found - rest


def _asked_of(table: exp.Table) -> list[str]:
    """Conditions on the columns of a table alone where it is read, of the WHERE and of its join."""
    select = table.find_ancestor(exp.Select)
    if select is None:
        return []
    is_alone = len(_sources(select)) == 1 and not select.args.get("joins")
    join = table.parent if isinstance(table.parent, exp.Join) else None
    where, on = select.args.get("where"), join.args.get("on") if join else None
    parts = [part for place in (where.this if where else None, on) if place for part in _conjuncts(place)]
    return [_on_b(part) for part in parts if _is_of(part, table.alias_or_name, is_alone=is_alone)]


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _is_of(condition: exp.Expr, alias: str, *, is_alone: bool) -> bool:
    columns = list(condition.find_all(exp.Column))
    is_open = condition.find(exp.Parameter, exp.Placeholder, exp.Query, exp.AggFunc, exp.Window) is not None
    return bool(columns) and not is_open and all(c.table == alias or (is_alone and not c.table) for c in columns)


def _on_b(condition: exp.Expr) -> str:
    copy = condition.copy()
    for column in copy.find_all(exp.Column):
        column.set("table", exp.to_identifier("b"))
    return copy.sql("duckdb")
