"""The trouble of real feeds, planted on purpose and counted: doubled, late and rewritten deliveries.

Belongs here: which days and rows suffer what, and how the daily GA4 files come out of it. Does not belong here: trouble
that comes from behaviour (refused consent, second devices, untagged links: journeys, traffic).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from smm_pipeline.shop.clock import DAY, HOUR, Clock, stamp, stream
from smm_pipeline.shop.ga4 import write_json_lines, write_parquet

JSON_LINES_SHARE = 0.6  # of the days, from the first on; later days come as Parquet
LATE_SHARE = 0.03
DOUBLED_SHARE = 0.002
PULLED_AT = 5 * HOUR  # after the local midnight that ends the day


@dataclass
class WebDeliveries:
    """Writes a day's event rows as the files a shop would really find.

    A late day lacks some rows until two days after; a rewritten day comes a second time, complete; a redelivered day's
    file comes twice under two names.
    """

    folder: Path
    clock: Clock
    seed: int
    con: duckdb.DuckDBPyConnection
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._rng = stream(self.seed, "trouble")
        self.late = set(range(1, self.clock.days, 13))
        self.rewritten = set(range(2, self.clock.days, 29))
        self.redelivered = set(range(3, self.clock.days, 31))
        self.folder.mkdir(parents=True, exist_ok=True)

    def write_day(self, index: int, rows: list[bytes]) -> None:
        """All files of one local day."""
        rng = self._rng
        doubled = {number for number in range(len(rows)) if rng.random() < DOUBLED_SHARE} or {0}
        held: set[int] = set()
        if index in self.late or index in self.rewritten:
            held = {number for number in range(len(rows)) if rng.random() < LATE_SHARE} or {len(rows) - 1}
        doubled -= held
        on_time = [row for number, row in enumerate(rows) if number not in held]
        first = self._write(index, 0, on_time + [rows[number] for number in sorted(doubled)])
        self.counts.update(events=len(rows), doubled_rows=len(doubled))
        if index in self.late:
            self._write(index, 2, [rows[number] for number in sorted(held)])
            self.counts.update(late_rows=len(held), late_files=1)
        elif index in self.rewritten:
            self._write(index, 1, rows)
            self.counts.update(rewritten_files=1)
        if index in self.redelivered:
            copy = first.with_name(first.name.replace("_x", "_copy_x"))
            copy.write_bytes(first.read_bytes())
            self.counts.update(redelivered_files=1)

    def _write(self, index: int, delay_days: int, rows: Iterable[bytes]) -> Path:
        pulled = self.clock.at(index + 1, 0) + PULLED_AT + delay_days * DAY
        stem = f"events_{self.clock.date(index):%Y%m%d}_x{stamp(pulled)}"
        if index < self.clock.days * JSON_LINES_SHARE:
            path = self.folder / f"{stem}.jsonl.gz"
            write_json_lines(path, rows)
        else:
            path = self.folder / f"{stem}.parquet"
            write_parquet(self.con, path, rows)
        return path
