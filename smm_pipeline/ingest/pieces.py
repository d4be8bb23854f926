"""The pieces of a batch: records become rows that wait for the merge, and rejects.

Belongs here: what can be said of a record without the rest of its delivery, so that a delivery of any size passes
through bounded memory. Does not belong here: what needs all of a batch (batch.py, merge.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import FeedSource
from smm_pipeline.ingest.incoming import create_table, prepare_rows
from smm_pipeline.ingest.parts import Part
from smm_pipeline.ingest.records import RecordTable
from smm_pipeline.ingest.results import RECORDS, RecordReject
from smm_pipeline.ingest.transform import TablePlan, record_source, skipped_sql
from smm_pipeline.ingest.unread import Unread
from smm_pipeline.masking import EMAIL
from smm_pipeline.quoting import sql_text
from smm_pipeline.warehouse.connection import little_planning

NO_ROW = "skipped:no_row"
_UNREAD = ("row", "reason", "record")
FEW_RECORDS = 1000
REJECT_TEXT_CHARACTERS = 10_000
_NO_SKIPS = "select 0 as _smm_delivery, 0 as _smm_row, cast(null as varchar) as reason limit 0"
_REJECTED_ROWS = (
    "select _smm_delivery as delivery, _smm_row as row_no, _smm_reasons as reasons from _smm_typed "
    "where _smm_reasons <> ''"
)


@dataclass
class Passed:
    """Records, or rows of one table, of a delivery: how many were taken, and how many are rejects.

    Of rows `taken` counts all, of records those that are no rejects.
    """

    taken: int = 0
    rejected: int = 0


class Pieces:
    """Pieces of one batch, taken one after the other.

    `records` and `rows` (by table) count by delivery number what was taken so far, `hurt` the records that could not be
    read or of which a row was rejected; those skipped on purpose are neither.

    Args:
        con: connection that sees `_smm_arrival` and has the macros of the feed.
        place: database of the connection in which rows and rejects wait for the merge.
        source: the feed.
        plans: how its tables are filled.
        secret: key of the pseudonyms.
        unread: counts, by delivery number, the records that cannot be read.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        place: str,
        source: FeedSource,
        plans: Sequence[TablePlan],
        secret: bytes,
        unread: Sequence[Unread],
    ) -> None:
        self._con, self.place, self._source, self._plans, self._secret = con, place, source, plans, secret
        self._unread = unread
        self._table = RecordTable(con, source.mapping)
        columns = "delivery int, table_name varchar, row_no bigint, reasons varchar, record varchar"
        con.execute(f"{create_table(place)} {self._rejects} ({columns})")
        self.records: dict[int, Passed] = defaultdict(Passed)
        self.rows: dict[str, dict[int, Passed]] = defaultdict(lambda: defaultdict(Passed))
        self.hurt: dict[int, int] = defaultdict(int)
        self.taken = 0

    @property
    def rejects(self) -> str:
        """SELECT of the rejects that wait, with the columns of quality.rejects."""
        return (
            f"select {sql_text(self._source.name)}, delivery_id, table_name, row_no, string_split(reasons, ' '), "
            f"record, now() from {self._rejects} join _smm_arrival on _smm_delivery = delivery"
        )

    @property
    def _rejects(self) -> str:
        # Of what all of a delivery have in common only its number: a million may wait in memory.
        return f"{self.place}._smm_rejects"

    def take(self, parts: Sequence[Part], unread: Mapping[int, Sequence[RecordReject]] | None = None) -> None:
        """Keep the rejects of a piece, and add its rows to those that wait.

        Args:
            parts: the piece.
            unread: records that readers could not read, by delivery number.

        Raises:
            DamagedDeliveryError: when rows of a Parquet file cannot be read, or too many records.
        """
        self._table.fill(parts)
        self._table.take_out_broken(self._unread)
        self._take_records([(n, reject) for n, rejects in (unread or {}).items() for reject in rejects])
        # Where any table takes every record, none can be left over.
        is_counted = all(plan.may_leave_out for plan in self._plans)
        self._con.execute("create or replace temp table _smm_used (_smm_delivery int, _smm_row bigint)")
        self._con.execute("create or replace temp table _smm_hurt (_smm_delivery int, _smm_row bigint)")
        with little_planning(self._con) if self._has_few_records() else nullcontext():
            for plan in self._plans:
                self._take_rows(plan)
                if is_counted:
                    self._con.execute("insert into _smm_used select distinct _smm_delivery, _smm_row from _smm_typed")
        if is_counted:
            self._reject_unused()
        for number, hurt in self._by_delivery("select _smm_delivery, count(distinct _smm_row) from _smm_hurt"):
            self.hurt[number] += hurt
        self.taken += 1

    def _has_few_records(self) -> bool:
        """Whether the plan of a mapping's long statements would take longer than their work."""
        return len(self._con.execute("select 1 from _smm_record limit ?", [FEW_RECORDS]).fetchall()) < FEW_RECORDS

    def _take_records(self, unread: Sequence[tuple[int, RecordReject]]) -> None:
        """Keep rejects of whole records: unreadable ones, and those that the mapping skips on purpose."""
        columns = [[n for n, _ in unread], *([getattr(r, name) for _, r in unread] for name in _UNREAD)]
        self._con.execute(
            "create or replace temp table _smm_unread as select unnest(?::int[]) as delivery, "
            "unnest(?::bigint[]) as row_no, unnest(?::varchar[]) as reasons, unnest(?::varchar[]) as text",
            columns,
        )
        self._insert_rejects(RECORDS, "select delivery, row_no, reasons from _smm_unread", "_smm_unread")
        self._insert_rejects(RECORDS, "select delivery, row_no, reasons from _smm_broken")
        self._con.execute(f"create or replace temp table _smm_skipped as {skipped_sql(self._source) or _NO_SKIPS}")
        skipped = "select _smm_delivery as delivery, _smm_row as row_no, reason as reasons from _smm_skipped"
        self._insert_rejects(RECORDS, skipped)
        for table in ("_smm_unread", "_smm_broken"):
            for number, lost in self._by_delivery(f"select delivery, count(*) from {table}"):
                self.records[number].rejected += lost
                self.hurt[number] += lost
        for number, read in self._by_delivery("select _smm_delivery, count(*) from _smm_record"):
            self.records[number].taken += read
        for number, left in self._by_delivery("select _smm_delivery, count(*) from _smm_skipped"):
            self._reject_taken(number, left)
        is_lost = "not starts_with(reason, 'skipped:')"
        for number, lost in self._by_delivery(f"select _smm_delivery, count(*) from _smm_skipped where {is_lost}"):
            self.hurt[number] += lost

    def _reject_unused(self) -> None:
        """Keep the records of which no table took anything, by its conditions: they would vanish uncounted."""
        if self._source.mapping.combine:
            # A part of a record that was used is used with it.
            self._con.execute(
                "insert into _smm_used select _smm_delivery, unnest(_smm_parts) from "
                f"({record_source(self._source)}) semi join _smm_used using (_smm_delivery, _smm_row)"
            )
        self._con.execute(
            "create or replace temp table _smm_unused as select _smm_delivery, _smm_row from _smm_record "
            "anti join _smm_skipped using (_smm_delivery, _smm_row) anti join _smm_used using (_smm_delivery, _smm_row)"
        )
        unused = f"select _smm_delivery as delivery, _smm_row as row_no, '{NO_ROW}' as reasons from _smm_unused"
        self._insert_rejects(RECORDS, unused)
        for number, left in self._by_delivery("select _smm_delivery, count(*) from _smm_unused"):
            self._reject_taken(number, left)

    def _reject_taken(self, number: int, count: int) -> None:
        self.records[number].taken -= count
        self.records[number].rejected += count

    def _take_rows(self, plan: TablePlan) -> None:
        name = plan.spec.full_name
        prepare_rows(self._con, plan, self.place, self._secret, is_first=not self.taken)
        kept = self._insert_rejects(name, _REJECTED_ROWS)
        if kept:
            self._con.execute(
                "insert into _smm_hurt select _smm_delivery, _smm_row from _smm_typed where _smm_reasons <> ''"
            )
        expected = 0
        for number, rows, rejected, is_again in self._con.execute(
            "select _smm_delivery, count(*), count(*) filter (_smm_reasons <> ''), any_value(is_again) "
            "from _smm_typed join _smm_arrival using (_smm_delivery) group by all"
        ).fetchall():
            self.rows[name][number].taken += rows
            self.rows[name][number].rejected += rejected
            expected += 0 if is_again else rejected
        if kept != expected:
            what = f"{kept} rejects kept of {expected}"
            raise SmmError("SMM-205", what, where=f"{name} of feed {self._source.name}")

    def _insert_rejects(self, table_name: str, rejects: str, texts: str = "") -> int:
        """Keep rejects for people to read: without e-mail addresses, then cut to bounded length, lest half of one stay.

        The raw store has the rest.

        Where records are personal throughout, as lines with an IP address and a user agent, their text is not kept.
        A format without text gives the fields as JSON.

        Args:
            table_name: whose rows they are.
            rejects: SELECT of delivery, row_no and reasons.
            texts: table of delivery, row_no and text; empty for the texts of this piece.
        """
        if not self._con.execute(f"select 1 from ({rejects}) limit 1").fetchall():
            return 0
        record, fields = "l.text", ""
        if not self._source.mapping.reject_text:
            record = "null"
        elif not (texts or self._table.has_texts_alone):
            record = "coalesce(l.text, cast(to_json(r) as varchar))"
            fields = "left join _smm_record r on r._smm_delivery = j.delivery and r._smm_row = j.row_no"
        with nullcontext(texts) if texts else self._table.lines_of(rejects) as lines:
            inserted = self._con.execute(
                f"insert into {self._rejects} select j.delivery, ?, j.row_no, j.reasons, "
                f"left(regexp_replace({record}, {sql_text(EMAIL)}, '(e-mail)', 'g'), {REJECT_TEXT_CHARACTERS}) "
                f"from ({rejects}) j join _smm_arrival a on a._smm_delivery = j.delivery "
                f"left join {lines} l on l.delivery = j.delivery and l.row_no = j.row_no {fields} where not a.is_again",
                [table_name],
            ).fetchone()
        return int(inserted[0]) if inserted else 0

    def _by_delivery(self, select: str) -> list[tuple[int, int]]:
        return self._con.execute(f"{select} group by all").fetchall()
