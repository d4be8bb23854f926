"""Column lineage as Dagster shows it.

Belongs here: Dagster's form of it. Does not belong here: reading it out of SQL (explain/origins.py).
"""

from __future__ import annotations

import dagster as dg

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.explain import column_origins
from smm_pipeline.orchestration.checks import asset_key


def column_lineage(spec: TableSpec, catalog: Catalog) -> dg.TableColumnLineage | None:
    """Dagster's form of `column_origins`; None when no column has an origin."""
    deps = {
        column: [dg.TableColumnDep(asset_key(catalog[table]), name) for table, name in sorted(sources)]
        for column, sources in column_origins(spec, catalog).items()
        if sources
    }
    return dg.TableColumnLineage(deps) if deps else None
