"""One batch of deliveries of one feed, in one transaction.

Belongs here: reading a batch, merging what its pieces brought into every table of the mapping, the conservation
equation and the limit of rejects. Does not belong here: the pieces (pieces.py), which deliveries form a batch, and what
happens when one of them is refused (run.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import FeedSource
from smm_pipeline.ingest.deliveries import record_deliveries
from smm_pipeline.ingest.incoming import complete_rows, incoming
from smm_pipeline.ingest.merge import merge_rows
from smm_pipeline.ingest.reading import DeliveryReader
from smm_pipeline.ingest.records import DamagedDeliveryError
from smm_pipeline.ingest.results import RECORDS, Arrival, Counts, DeliveryResult, Extract, failed
from smm_pipeline.ingest.transform import TablePlan
from smm_pipeline.ingest.workers import Workers
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.failpoints import failpoint
from smm_pipeline.warehouse.state import bump

Counted = dict[int, dict[str, Counts]]
LOST = "SMM-205"


class DeliveryRefusedError(Exception):
    """Deliveries of the batch turned out to be bad after rows of it were taken; it is to be done again without them."""

    def __init__(self, refused: Sequence[tuple[Arrival, SmmError]]) -> None:
        super().__init__("; ".join(str(error) for _, error in refused))
        self.refused = refused


def load_batch(
    con: duckdb.DuckDBPyConnection,
    source: FeedSource,
    plans: Sequence[TablePlan],
    arrivals: Sequence[Arrival],
    run_id: str,
    secret: bytes,
) -> list[DeliveryResult]:
    """Load deliveries, all in one transaction; unreadable ones are recorded as failed beside the others.

    The transaction is that of the merge: until then errors spoil nothing.

    Raises:
        DeliveryRefusedError: when deliveries have too many rejects, or one cannot be read to its end; nothing was
            changed.
        SmmError: SMM-205 when rows would get lost; nothing was changed.
    """
    extracts: dict[int, Extract] = {}
    failures: dict[int, SmmError] = {}
    with Workers(con, source, plans, secret, arrivals) as workers:
        try:
            with con.cursor() as own, DeliveryReader(own, source.mapping, workers.hand) as reader:
                for number, arrival in enumerate(arrivals):
                    try:
                        is_nothing = not arrival.byte_count and source.feed.accept_empty
                        read = Extract() if is_nothing else reader.read(number, arrival.raw_path, arrival.file_path)
                        extracts[number] = read
                    except SmmError as error:
                        if error.code == LOST:
                            raise
                        if workers.handed:
                            raise DeliveryRefusedError([(arrival, error)]) from error
                        reader.forget(number)
                        failures[number] = error
                workers.finish(reader.rest(), {number: extract.rejects for number, extract in extracts.items()})
        except DamagedDeliveryError as damage:
            raise DeliveryRefusedError([(arrivals[damage.number], damage.error)]) from damage
        hurt = workers.hurt
        _check_rejects(source, arrivals, extracts, hurt)
        with transaction(con):
            counts = _merge(con, source, plans, extracts, workers, run_id)
            results = [
                failed(arrival, failures[number])
                if number in failures
                else _result(source, arrival, extracts[number], counts[number], hurt[number])
                for number, arrival in enumerate(arrivals)
            ]
            record_deliveries(con, source, list(zip(arrivals, results, strict=True)), run_id)
            failpoint("ingest.before_commit")
    failpoint("ingest.after_commit")
    return results


def _merge(
    con: duckdb.DuckDBPyConnection,
    source: FeedSource,
    plans: Sequence[TablePlan],
    extracts: dict[int, Extract],
    workers: Workers,
    run_id: str,
) -> Counted:
    """Bring what the pieces gathered into the raw tables; returns the fates by delivery and table."""
    counts: Counted = {}
    records = workers.records
    for number, extract in extracts.items():
        passed = records[number]
        counts[number] = {RECORDS: Counts(extract.records, loaded=passed.taken, rejected=passed.rejected)}
    used = [worker for worker in workers.all if worker.taken]
    for worker in used:
        con.execute(f"insert into quality.rejects {worker.rejects}")
    for plan in plans:
        name = plan.spec.full_name
        waiting = complete_rows(con, plan, [incoming(plan, worker.place) for worker in used])
        merged = merge_rows(con, plan.spec, source.name, waiting)
        for number, rows in workers.rows(name).items():
            counts[number][name] = Counts(rows.taken, *merged.fates.get(number, (0, 0, 0)), rows.rejected)
        if merged.days:
            bump(con, name, merged.days, run_id=run_id)
    for tables in counts.values():
        for name, fate in tables.items():
            if not fate.balanced:
                raise SmmError(LOST, f"rows would get lost: {fate}", where=f"{name} of feed {source.name}")
    return counts


def _check_rejects(
    source: FeedSource, arrivals: Sequence[Arrival], extracts: dict[int, Extract], hurt: Mapping[int, int]
) -> None:
    limit = source.feed.max_reject_share
    refused = []
    for number, extract in extracts.items():
        if extract.records and hurt[number] / extract.records > limit:
            what = f"{hurt[number]} of {extract.records} records are rejects, whole or in part: more than {limit:.1%}"
            hint = "correct the mapping, or raise max_reject_share of the feed"
            refused.append((arrivals[number], SmmError("SMM-207", what, where=arrivals[number].file_path, hint=hint)))
    if refused:
        raise DeliveryRefusedError(refused)


def _result(
    source: FeedSource, arrival: Arrival, extract: Extract, counts: dict[str, Counts], hurt: int
) -> DeliveryResult:
    if arrival.is_again:
        # Its rows stand in the books of the first arrival; only their versions have moved.
        return DeliveryResult(source.name, arrival.file_path, arrival.delivery_id, "duplicate")
    warnings = tuple(extract.warnings)
    return DeliveryResult(
        source.name, arrival.file_path, arrival.delivery_id, "loaded", counts, warnings, hurt_records=hurt
    )
