"""One batch of deliveries of one feed, in one transaction.

Belongs here: reading a batch, filling every table of the mapping, the conservation equation, rejects and the books.
Does not belong here: which deliveries form a batch, and what happens when one of them is refused (run.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import FeedSource
from smm_pipeline.ingest.merge import merge_rows
from smm_pipeline.ingest.pulled import note_marks
from smm_pipeline.ingest.records import RecordTable
from smm_pipeline.ingest.results import RECORDS, Arrival, Counts, DeliveryResult, Extract, RecordReject, failed
from smm_pipeline.ingest.transform import TablePlan, prepare_rows, record_source, skipped_sql
from smm_pipeline.masking import EMAIL
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.failpoints import failpoint
from smm_pipeline.warehouse.state import bump

NO_ROW = "skipped:no_row"
REJECT_TEXT_CHARACTERS = 10_000
_NO_SKIPS = "select 0 as _smm_delivery, 0 as _smm_row, cast(null as varchar) as reason limit 0"
# Column types of the books, in the order of warehouse/delivery_schema.py.
_DELIVERY_TYPES = (
    *("varchar", "varchar", "varchar", "bigint", "timestamptz", "varchar", "varchar", "bigint"),
    *("varchar[]", "varchar", "varchar", "varchar", "timestamptz"),
)
_COUNT_TYPES = ("varchar", "varchar", "varchar", "bigint", "bigint", "bigint", "bigint", "bigint")


class DeliveryRefusedError(Exception):
    """A delivery of the batch turned out to be bad after reading; the batch is to be done again without it."""

    def __init__(self, arrival: Arrival, error: SmmError) -> None:
        super().__init__(str(error))
        self.arrival, self.error = arrival, error


@dataclass
class _Books:
    """What is known about each delivery of the batch, by its number."""

    again: set[int]
    extracts: dict[int, Extract] = field(default_factory=dict)
    rejects: dict[int, list[RecordReject]] = field(default_factory=dict)
    counts: dict[int, dict[str, Counts]] = field(default_factory=dict)
    hurt: dict[int, int] = field(default_factory=dict)
    failures: dict[int, SmmError] = field(default_factory=dict)


def load_batch(
    con: duckdb.DuckDBPyConnection,
    source: FeedSource,
    plans: Sequence[TablePlan],
    arrivals: Sequence[Arrival],
    run_id: str,
    secret: bytes,
) -> list[DeliveryResult]:
    """Load deliveries, all in one transaction; unreadable ones are recorded as failed beside the others.

    Raises:
        DeliveryRefusedError: when a delivery has too many rejects; nothing was changed.
        SmmError: SMM-205 when rows would get lost; nothing was changed.
    """
    books = _Books(again={n for n, a in enumerate(arrivals) if a.is_again})
    table = RecordTable(con, source.mapping)
    for number, arrival in enumerate(arrivals):
        try:
            is_nothing = not arrival.byte_count and source.feed.accept_empty
            read = Extract() if is_nothing else table.read(number, arrival.raw_path, arrival.file_path)
            books.extracts[number] = read
        except SmmError as error:
            books.failures[number] = error
    list_arrivals(con, arrivals)
    for number, rejects in table.finish().items():
        books.rejects[number] = rejects
    with transaction(con):
        _keep_record_rejects(con, source, books)
        # Where any table takes every record, none can be left over.
        is_counted = all(plan.may_leave_out for plan in plans)
        con.execute("create or replace temp table _smm_used (_smm_delivery int, _smm_row bigint)")
        con.execute("create or replace temp table _smm_hurt (_smm_delivery int, _smm_row bigint)")
        for plan in plans:
            _load_table(con, source, plan, books, run_id, secret)
            if is_counted:
                con.execute("insert into _smm_used select distinct _smm_delivery, _smm_row from _smm_typed")
        if is_counted:
            _keep_unused_records(con, source, books)
        _count_hurt_records(con, books)
        _check_rejects(source, arrivals, books)
        results = [_result(source, a, n, books) for n, a in enumerate(arrivals)]
        record_deliveries(con, source, list(zip(arrivals, results, strict=True)), run_id)
        failpoint("ingest.before_commit")
    failpoint("ingest.after_commit")
    return results


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


def _keep_record_rejects(con: duckdb.DuckDBPyConnection, source: FeedSource, books: _Books) -> None:
    """Write rejects of whole records: unreadable ones, and those that the mapping skips on purpose."""
    con.execute(
        "create or replace temp table _smm_unread (delivery int, row_no bigint, reasons varchar, record varchar)"
    )
    unread = [(n, r) for n, e in books.extracts.items() for r in e.rejects + books.rejects.get(n, [])]
    if unread:
        con.execute(
            "insert into _smm_unread "
            "select unnest(?::int[]), unnest(?::bigint[]), unnest(?::varchar[]), unnest(?::varchar[])",
            [
                [n for n, _ in unread],
                [r.row for _, r in unread],
                [r.reason for _, r in unread],
                [r.record for _, r in unread],
            ],
        )
    skipped = skipped_sql(source)
    con.execute(f"create or replace temp table _smm_skipped as {skipped or _NO_SKIPS}")
    _insert_rejects(con, source, RECORDS, "select delivery, row_no, reasons, record from _smm_unread")
    _insert_rejects(
        con,
        source,
        RECORDS,
        _with_text("select _smm_delivery as delivery, _smm_row as row_no, reason as reasons from _smm_skipped"),
    )
    read = dict(con.execute("select _smm_delivery, count(*) from _smm_record group by all").fetchall())
    skips = dict(con.execute("select _smm_delivery, count(*) from _smm_skipped group by all").fetchall())
    for number, extract in books.extracts.items():
        rejected = len(extract.rejects) + len(books.rejects.get(number, [])) + skips.get(number, 0)
        loaded = read.get(number, 0) - skips.get(number, 0)
        counts = Counts(rows_in=extract.records, loaded=loaded, rejected=rejected)
        _check(counts, source, RECORDS)
        books.counts[number] = {RECORDS: counts}


def _keep_unused_records(con: duckdb.DuckDBPyConnection, source: FeedSource, books: _Books) -> None:
    """Write the records of which no table took anything, by the mapping's conditions: they would vanish uncounted."""
    if source.mapping.combine:
        # A part of a record that was used is used with it.
        con.execute(
            "insert into _smm_used select _smm_delivery, unnest(_smm_parts) from "
            f"({record_source(source)}) semi join _smm_used using (_smm_delivery, _smm_row)"
        )
    con.execute(
        "create or replace temp table _smm_unused as select _smm_delivery, _smm_row from _smm_record "
        "anti join _smm_skipped using (_smm_delivery, _smm_row) anti join _smm_used using (_smm_delivery, _smm_row)"
    )
    rows = f"select _smm_delivery as delivery, _smm_row as row_no, '{NO_ROW}' as reasons from _smm_unused"
    _insert_rejects(con, source, RECORDS, _with_text(rows))
    for number, unused in con.execute("select _smm_delivery, count(*) from _smm_unused group by all").fetchall():
        known = books.counts[number][RECORDS]
        counts = replace(known, loaded=known.loaded - unused, rejected=known.rejected + unused)
        _check(counts, source, RECORDS)
        books.counts[number][RECORDS] = counts


def _load_table(
    con: duckdb.DuckDBPyConnection, source: FeedSource, plan: TablePlan, books: _Books, run_id: str, secret: bytes
) -> None:
    name = plan.spec.full_name
    prepare_rows(con, plan, secret)
    rejects = (
        "select _smm_delivery as delivery, _smm_row as row_no, _smm_reasons as reasons "
        "from _smm_typed where _smm_reasons <> ''"
    )
    kept = _insert_rejects(con, source, name, _with_text(rejects))
    if kept:
        con.execute("insert into _smm_hurt select _smm_delivery, _smm_row from _smm_typed where _smm_reasons <> ''")
    merged = merge_rows(con, plan.spec, source.name)
    totals = con.execute(
        "select _smm_delivery, count(*), count(*) filter (_smm_reasons <> '') from _smm_typed group by all"
    ).fetchall()
    for number, rows_in, rejected in totals:
        loaded, duplicate, superseded = merged.fates.get(number, (0, 0, 0))
        counts = Counts(rows_in, loaded, duplicate, superseded, rejected)
        _check(counts, source, name)
        books.counts[number][name] = counts
    expected = sum(rejected for number, _, rejected in totals if number not in books.again)
    if kept != expected:
        raise SmmError("SMM-205", f"{kept} rejects kept of {expected}", where=f"{name} of feed {source.name}")
    if merged.days:
        bump(con, name, merged.days, run_id=run_id)


def _with_text(rejects: str) -> str:
    """Add the original text of the record, or its fields as JSON where the format has no text."""
    return (
        f"select j.delivery, j.row_no, j.reasons, coalesce(l.text, cast(to_json(r) as varchar)) from ({rejects}) j "
        "left join _smm_line l on l.delivery = j.delivery and l.row_no = j.row_no "
        "left join _smm_record r on r._smm_delivery = j.delivery and r._smm_row = j.row_no"
    )


def _insert_rejects(con: duckdb.DuckDBPyConnection, source: FeedSource, table_name: str, rows: str) -> int:
    """Keep rejects for people to read: cut to bounded length, without e-mail addresses; the raw store has the rest.

    Where records are personal throughout, as lines with an IP address and a user agent, their text is not kept.
    """
    record = "x.record" if source.mapping.reject_text else "null"
    inserted = con.execute(
        "insert into quality.rejects select ?, a.delivery_id, ?, x.row_no, string_split(x.reasons, ' '), "
        f"regexp_replace(left({record}, {REJECT_TEXT_CHARACTERS}), '{EMAIL}', '(e-mail)', 'g'), now() "
        f"from ({rows}) x(delivery, row_no, reasons, record) join _smm_arrival a on a._smm_delivery = x.delivery "
        "where not a.is_again",
        [source.name, table_name],
    ).fetchone()
    return int(inserted[0]) if inserted else 0


def _check(counts: Counts, source: FeedSource, table_name: str) -> None:
    if not counts.balanced:
        raise SmmError("SMM-205", f"rows would get lost: {counts}", where=f"{table_name} of feed {source.name}")


def _count_hurt_records(con: duckdb.DuckDBPyConnection, books: _Books) -> None:
    """Records that could not be read, or of which a row was rejected; those skipped on purpose are neither."""
    rows = con.execute("select _smm_delivery, count(distinct _smm_row) from _smm_hurt group by all").fetchall()
    hurt = dict(rows)
    for number, extract in books.extracts.items():
        books.hurt[number] = len(extract.rejects) + len(books.rejects.get(number, [])) + hurt.get(number, 0)


def _check_rejects(source: FeedSource, arrivals: Sequence[Arrival], books: _Books) -> None:
    limit = source.feed.max_reject_share
    for number, extract in books.extracts.items():
        rejected = books.hurt[number]
        if extract.records and rejected / extract.records > limit:
            what = f"{rejected} of {extract.records} records are rejects, whole or in part: more than {limit:.1%}"
            hint = "correct the mapping, or raise max_reject_share of the feed"
            raise DeliveryRefusedError(
                arrivals[number], SmmError("SMM-207", what, where=arrivals[number].file_path, hint=hint)
            )


def _result(source: FeedSource, arrival: Arrival, number: int, books: _Books) -> DeliveryResult:
    failure = books.failures.get(number)
    if failure:
        return failed(arrival, failure)
    if arrival.is_again:
        # Its rows stand in the books of the first arrival; only their versions have moved.
        return DeliveryResult(source.name, arrival.file_path, arrival.delivery_id, "duplicate")
    warnings = tuple(books.extracts[number].warnings)
    return DeliveryResult(
        source.name,
        arrival.file_path,
        arrival.delivery_id,
        "loaded",
        books.counts[number],
        warnings,
        hurt_records=books.hurt[number],
    )
