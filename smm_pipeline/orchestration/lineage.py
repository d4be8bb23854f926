"""Column lineage: which columns of which tables a column is made from.

Belongs here: reading it out of a table's SQL. Does not belong here: lineage between tables; that is TableSpec.deps.
"""

from __future__ import annotations

import dagster as dg
from sqlglot import exp
from sqlglot.lineage import Node, lineage

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.orchestration.checks import asset_key

Origin = tuple[str, str]
"""Full name of a table and one of its columns."""


def column_origins(spec: TableSpec, catalog: Catalog) -> dict[str, set[Origin]]:
    """For each column of a table built by SQL, the upstream columns its value is computed from.

    Columns that only filter, join or order are not origins. Empty for a table without SQL.
    """
    if spec.sql is None:
        return {}
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name in spec.deps:
        dep = catalog[name]
        schema.setdefault(dep.layer, {})[dep.name] = {c.name: c.type for c in dep.stored_columns}
    # Trimmed selects would be copies, of use to drawings alone, and most of the time.
    nodes: dict[str, Node] = lineage(None, spec.tree, schema, dialect="duckdb", trim_selects=False)
    wanted = {column.name for column in spec.columns}
    return {name: _leaves(node) for name, node in nodes.items() if name in wanted}


def _leaves(node: Node) -> set[Origin]:
    """Ends of the walk that are columns of a stored table."""
    origins = set()
    for step in node.walk():
        source = step.source
        if not step.downstream and isinstance(source, exp.Table) and source.db:
            origins.add((f"{source.db}.{source.name}", exp.to_column(step.name).name))
    return origins


def column_lineage(spec: TableSpec, catalog: Catalog) -> dg.TableColumnLineage | None:
    """Dagster's form of `column_origins`; None when no column has an origin."""
    deps = {
        column: [dg.TableColumnDep(asset_key(catalog[table]), name) for table, name in sorted(sources)]
        for column, sources in column_origins(spec, catalog).items()
        if sources
    }
    return dg.TableColumnLineage(deps) if deps else None
