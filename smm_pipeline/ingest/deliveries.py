"""The books of deliveries: what arrived and what became of it, as rows of the work database.

Belongs here: writing meta.delivery and meta.delivery_count, and the list of a batch that its statements join. Does not
belong here: how a delivery is loaded (batch.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime

import duckdb

from smm_pipeline.feeds import FeedSource
from smm_pipeline.ingest.pulled import note_marks
from smm_pipeline.ingest.results import RECORDS, Arrival, DeliveryResult

# Column types of the books, in the order of warehouse/delivery_schema.py.
_DELIVERY_TYPES = (
    *("varchar", "varchar", "varchar", "bigint", "timestamptz", "varchar", "varchar", "bigint"),
    *("varchar[]", "varchar", "varchar", "varchar", "timestamptz"),
)
_COUNT_TYPES = ("varchar", "varchar", "varchar", "bigint", "bigint", "bigint", "bigint", "bigint")


def record_deliveries(
    con: duckdb.DuckDBPyConnection,
    source: FeedSource,
    outcomes: Sequence[tuple[Arrival, DeliveryResult]],
    run_id: str,
) -> None:
    """Write deliveries and their counts into the books, all of them in two statements."""
    deliveries = [_delivery_row(source, arrival, result, run_id) for arrival, result in outcomes]
    counts = [
        (source.name, arrival.delivery_id, table_name, *astuple(c))
        for arrival, result in outcomes
        for table_name, c in result.counts.items()
    ]
    insert_rows(con, "insert or replace into meta.delivery", _DELIVERY_TYPES, deliveries)
    insert_rows(con, "insert into meta.delivery_count", _COUNT_TYPES, counts)
    note_marks(con, [arrival for arrival, _ in outcomes], run_id)


def insert_rows(
    con: duckdb.DuckDBPyConnection, insert: str, types: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert many small rows in one statement; DuckDB pays per statement, not per row."""
    if rows:
        columns = ", ".join(f"unnest(?::{type_}[])" for type_ in types)
        con.execute(f"{insert} select {columns}", [list(column) for column in zip(*rows, strict=True)])


def _delivery_row(source: FeedSource, arrival: Arrival, result: DeliveryResult, run_id: str) -> tuple[object, ...]:
    records = result.counts.get(RECORDS)
    return (
        arrival.feed,
        arrival.delivery_id,
        arrival.file_path,
        arrival.byte_count,
        arrival.extracted_ts,
        source.fingerprint,
        result.status,
        records.rows_in if records else None,
        list(result.warnings),
        result.error.code if result.error else None,
        str(result.error) if result.error else None,
        run_id,
        datetime.now(UTC),
    )


def list_arrivals(con: duckdb.DuckDBPyConnection, arrivals: Sequence[Arrival]) -> None:
    """Make the deliveries of a batch known to its statements as `_smm_arrival`, numbered in order."""
    con.execute(
        "create or replace temp table _smm_arrival as "
        "select unnest(?::int[]) as _smm_delivery, unnest(?::varchar[]) as delivery_id, "
        "unnest(?::timestamptz[]) as delivered_ts, unnest(?::boolean[]) as is_again",
        [
            list(range(len(arrivals))),
            [a.delivery_id for a in arrivals],
            [a.extracted_ts for a in arrivals],
            [a.is_again for a in arrivals],
        ],
    )
