"""Column lineage: which columns of which tables a column is made from.

Belongs here: reading it out of a table's SQL. Does not belong here: lineage between tables; that is TableSpec.deps.
"""

from __future__ import annotations

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
