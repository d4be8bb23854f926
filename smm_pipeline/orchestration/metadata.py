"""What the assets tell about themselves.

Belongs here: descriptions, column schemas, row counts and lineage as Dagster metadata. Does not belong here: the
assets, and anything that offends privacy: no value of a row is ever metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.ingest import DeliveryResult
from smm_pipeline.orchestration.checks import asset_key
from smm_pipeline.orchestration.lineage import column_lineage
from smm_pipeline.pulls import PullResult
from smm_pipeline.warehouse.audits import BuildResult
from smm_pipeline.warehouse.schema import relation

FATES = ("rows_in", "loaded", "duplicate", "superseded", "rejected")


def described(spec: TableSpec) -> str:
    """Description with grain."""
    return f"{spec.description}\n\nGrain: {spec.grain}."


def static_metadata(spec: TableSpec) -> dict[str, Any]:
    """What is known of a table before it is ever built."""
    return {
        "dagster/column_schema": column_schema(spec),
        "dagster/table_name": spec.full_name,
        "grain": spec.grain,
        "key": ", ".join(spec.key),
    }


def column_schema(spec: TableSpec) -> dg.TableSchema:
    """Names, types, descriptions and privacy classes of the stored columns."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(c.name, c.type, description=c.description, tags={"privacy": c.privacy})
            for c in spec.stored_columns
        ]
    )


def loaded_table_spec(spec: TableSpec, kinds: set[str]) -> dg.AssetSpec:
    """The asset of a table that is loaded, not computed."""
    return dg.AssetSpec(
        asset_key(spec),
        description=described(spec),
        group_name=spec.layer,
        owners=[spec.owner],
        kinds=kinds,
        code_version=spec.code_version,
        metadata=static_metadata(spec),
    )


def row_count(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> int:
    """Rows that a table holds now."""
    return int(con.execute(f"select count(*) from {relation(spec)}").fetchall()[0][0])


def build_metadata(spec: TableSpec, catalog: Catalog, result: BuildResult, rows: int) -> dict[str, Any]:
    """What one build did; `rows` is what the whole table holds after it."""
    metadata: dict[str, Any] = {
        "dagster/row_count": rows,
        "dagster/column_schema": column_schema(spec),
        "rows_built": result.rows,
        "partitions_built": len(result.keys),
        "build_seconds": result.seconds,
    }
    # One materialization stands for every day of a range, so only a run of one day can tell the rows of that day.
    if spec.partition is not None and len(result.keys) == 1:
        metadata["dagster/partition_row_count"] = result.rows
    if (lineage := column_lineage(spec, catalog)) is not None:
        metadata["dagster/column_lineage"] = lineage
    return metadata


def fates(spec: TableSpec, deliveries: Sequence[DeliveryResult], pulls: Sequence[PullResult]) -> dict[str, int]:
    """How many rows the deliveries of a run brought for one table, what became of them, and which pulls ended early."""
    failed = sum(delivery.status == "failed" for delivery in deliveries)
    unfinished = {"failed_pulls_of_all_feeds": sum(pull.error is not None for pull in pulls)} if pulls else {}
    counts = [d.counts[spec.full_name] for d in deliveries if spec.full_name in d.counts]
    totals = {fate: sum(getattr(c, fate) for c in counts) for fate in FATES}
    return {"deliveries": len(counts), "failed_deliveries_of_all_feeds": failed, **unfinished, **totals}
