"""What is built from what, and which days are stale.

Belongs here: meta.partition_state and the rule that derives staleness from it. Every partition carries a version, a
number that grows when its content changes, and the highest version among the upstream partitions it was built from. A
partition is stale when something in its window is newer, when its code or settings changed, or when it was never
built. Nothing marks a day as dirty, so a crash cannot lose a mark.

Does not belong here: building (build.py) and the decision which days a run takes up (pipeline.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb
import numpy as np
import numpy.typing as npt

from smm_pipeline.catalog import WINDOW_PARAMETERS, Catalog, Days, TableSpec
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.reach import Reach, raw_reach

ALL = "all"
STATE_DDL = """
create sequence if not exists meta.version_sequence;
create table if not exists meta.partition_state (
    table_name varchar not null,
    partition_key varchar not null,
    version bigint not null,
    input_version bigint not null,
    code_version varchar not null,
    row_count bigint,
    content_hash varchar,
    run_id varchar not null,
    built_at timestamptz not null,
    primary key (table_name, partition_key)
)
"""
Versions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PartitionState:
    """One row of meta.partition_state; partition_key is a day as YYYY-MM-DD, or `all`."""

    table_name: str
    partition_key: str
    version: int
    input_version: int
    code_version: str
    content_hash: str | None


def bump(
    con: duckdb.DuckDBPyConnection,
    table_name: str,
    partition_keys: Iterable[str],
    *,
    run_id: str,
    content_hash: str | None = None,
) -> None:
    """Give partitions of a raw table or seed a new version; call it in the transaction that changes them."""
    version = next_version(con)
    states = [PartitionState(table_name, key, version, 0, "", content_hash) for key in sorted(set(partition_keys))]
    save_states(con, states, run_id)


def save_states(
    con: duckdb.DuckDBPyConnection, states: Sequence[PartitionState], run_id: str, rows: Sequence[int | None] = ()
) -> None:
    """Upsert partition states in one statement; `rows` gives their row counts, in the same order."""
    if not states:
        return
    counts = list(rows) or [None] * len(states)
    con.execute(
        "insert or replace into meta.partition_state "
        "select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::bigint[]), unnest(?::bigint[]), "
        "unnest(?::varchar[]), unnest(?::bigint[]), unnest(?::varchar[]), ?, ?",
        [
            [s.table_name for s in states],
            [s.partition_key for s in states],
            [s.version for s in states],
            [s.input_version for s in states],
            [s.code_version for s in states],
            counts,
            [s.content_hash for s in states],
            run_id,
            datetime.now(UTC),
        ],
    )


def make_stale(con: duckdb.DuckDBPyConnection, table_name: str, window: Window) -> None:
    """Let the next run build a window again: what failed on demand was fresh, and would be forgotten as such."""
    con.execute(
        "update meta.partition_state set code_version = '' "
        "where table_name = ? and list_contains(?::varchar[], partition_key)",
        [table_name, list(window.keys)],
    )


def next_version(con: duckdb.DuckDBPyConnection) -> int:
    """The next number of the version sequence."""
    [(number,)] = con.execute("select nextval('meta.version_sequence')").fetchall()
    return int(number)


def code_version(spec: TableSpec, settings: Settings) -> str:
    """Hash of everything but the data that decides what is built: SQL, the settings that it names, and the suite."""
    values = settings.sql_parameters()
    used = sorted((name, values.get(name)) for name in spec.parameters - WINDOW_PARAMETERS)
    zone = settings.shop.time_zone if spec.partition else ""
    return hashlib.sha256(repr((spec.code_version, used, zone, spec.suite_version)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Window:
    """Days built together, oldest first; an empty window stands for a table without partitions."""

    days: tuple[date, ...] = ()

    @property
    def first(self) -> date:
        """First day."""
        return self.days[0]

    @property
    def last(self) -> date:
        """Last day, included."""
        return self.days[-1]

    @property
    def halves(self) -> tuple[Window, Window]:
        """The earlier and the later half of two days or more."""
        middle = len(self.days) // 2
        return Window(self.days[:middle]), Window(self.days[middle:])

    @property
    def keys(self) -> tuple[str, ...]:
        """Partition keys of the window."""
        return tuple(d.isoformat() for d in self.days) or (ALL,)

    @property
    def label(self) -> str:
        """How check results name the window: `all`, a day, or first/last."""
        return self.keys[0] if len(self.keys) == 1 else f"{self.keys[0]}/{self.keys[-1]}"


class StateView:
    """The partition states at one moment, and the questions asked of them.

    Days are the days on which any raw table has a row; no other day can have a result.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._states: dict[str, dict[str, PartitionState]] = {}
        for state in _read_states(con, "true", []):
            self._states.setdefault(state.table_name, {})[state.partition_key] = state
        self.days = self._active_days()
        self._first = self.days[0] if self.days else date(1970, 1, 1)
        self._width = (self.days[-1] - self._first).days + 1 if self.days else 0

    def refresh(self, con: duckdb.DuckDBPyConnection, table_name: str) -> None:
        """Read one table's states anew, after it was built."""
        states = _read_states(con, "table_name = ?", [table_name])
        self._states[table_name] = {state.partition_key: state for state in states}

    def partition(self, table_name: str, key: str) -> PartitionState | None:
        """The state of one partition, None when it was never built."""
        return self._states.get(table_name, {}).get(key)

    def keys(self, spec: TableSpec) -> list[str]:
        """Partition keys that a table should have now."""
        return sorted(self.input_versions(spec))

    def raw_inputs(self, spec: TableSpec) -> list[tuple[TableSpec, Reach]]:
        """The raw tables that a table is made of, directly or not, by name, each with how far its rows reach."""
        return [(self._catalog[name], reach) for name, reach in raw_reach(self._catalog, spec).items()]

    def rules_version(self, spec: TableSpec) -> str:
        """Hash of all but the data that decides what a table holds: SQL, settings and seeds, of its own or upstream."""
        tables = [self._catalog[name] for name in sorted({spec.full_name, *self._catalog.upstream(spec.full_name)})]
        codes = [(t.full_name, code_version(t, self._settings)) for t in tables if t.layer not in ("seeds", "raw")]
        seeds = [(t.full_name, self.partition(t.full_name, ALL)) for t in tables if t.layer == "seeds"]
        contents = [(name, state.content_hash if state else None) for name, state in seeds]
        return hashlib.sha256(repr((codes, contents)).encode()).hexdigest()[:12]

    def input_versions(self, spec: TableSpec) -> dict[str, int]:
        """For each key that a table should have, the highest version among what it reads in that key's window.

        A day on which none of the daily inputs was ever loaded or built has no rows, and is left out.
        """
        whole = 0
        by_day = np.zeros(self._width, dtype=np.int64)
        for name in spec.deps:
            dep = self._catalog[name]
            states = self._states.get(name, {})
            if dep.partition is None or spec.partition is None:
                whole = max(whole, max((s.version for s in states.values()), default=0))
            else:
                by_day = np.maximum(by_day, _window_max(self._calendar(states), spec, name))
        if spec.partition is None:
            return {ALL: whole}
        offsets = ((d, (d - self._first).days) for d in self.days)
        return {d.isoformat(): max(whole, int(by_day[n])) for d, n in offsets if by_day[n] > 0}

    def stale_keys(self, spec: TableSpec) -> list[str]:
        """Keys of one table whose own state is older than its inputs as they stand now."""
        wanted = code_version(spec, self._settings)
        inputs = self.input_versions(spec)
        return [k for k, version in sorted(inputs.items()) if not self._is_fresh(spec, k, wanted, version)]

    def all_stale_keys(self) -> dict[str, list[str]]:
        """Stale keys of every table, a stale input making stale what reads it; what `status` and the sensor show."""
        stale: dict[str, set[str]] = {}
        for spec in self._catalog.build_order:
            own = set(self.stale_keys(spec))
            for name in spec.deps & stale.keys():
                own |= self._touched(spec, self._catalog[name], stale[name])
            if own:
                stale[spec.full_name] = own
        return {name: sorted(keys) for name, keys in stale.items()}

    def windows(self, spec: TableSpec, days: Sequence[date]) -> list[Window]:
        """Days to build as windows, oldest first; days on which the table has no rows do not part two windows."""
        wanted = set(days)
        windows: list[list[date]] = []
        joined = False
        for day in sorted(wanted.union(map(date.fromisoformat, self.keys(spec) if spec.partition else ()))):
            if day not in wanted:
                joined = False
            elif joined:
                windows[-1].append(day)
            else:
                windows.append([day])
                joined = True
        return [Window(tuple(w)) for w in windows]

    def _is_fresh(self, spec: TableSpec, key: str, wanted_code: str, input_version: int) -> bool:
        state = self.partition(spec.full_name, key)
        return state is not None and state.code_version == wanted_code and state.input_version >= input_version

    def _touched(self, spec: TableSpec, dep: TableSpec, stale: set[str]) -> set[str]:
        """Keys of `spec` whose window holds a stale key of `dep`."""
        if spec.partition is None or dep.partition is None:
            return set(self.keys(spec))
        marks = np.zeros(self._width, dtype=np.int64)
        for key in stale:
            marks[(date.fromisoformat(key) - self._first).days] = 1
        hit = _window_max(marks, spec, dep.full_name)
        return {d.isoformat() for d in self.days if hit[(d - self._first).days]}

    def _calendar(self, states: dict[str, PartitionState]) -> Versions:
        """Versions of a partitioned table on the calendar of active days; days before or after it do not count."""
        versions = np.zeros(self._width, dtype=np.int64)
        for key, state in states.items():
            offset = (date.fromisoformat(key) - self._first).days
            if 0 <= offset < self._width:
                versions[offset] = state.version
        return versions

    def _active_days(self) -> list[date]:
        days = {
            date.fromisoformat(key)
            for spec in self._catalog.layer("raw")
            for key in self._states.get(spec.full_name, {})
            if key != ALL
        }
        return sorted(days)


def _read_states(con: duckdb.DuckDBPyConnection, where: str, values: list[str]) -> list[PartitionState]:
    rows = con.execute(
        "select table_name, partition_key, version, input_version, code_version, content_hash "
        f"from meta.partition_state where {where}",
        values,
    ).fetchall()
    return [PartitionState(*row) for row in rows]


def _window_max(versions: Versions, spec: TableSpec, dep: str) -> Versions:
    """Maximum over the days of `dep` that each day of `spec` reads."""
    back, ahead = spec.lookback_days.get(dep, 0), spec.lookahead_days.get(dep, 0)
    result = _trailing_max(versions, back)
    return np.maximum(result, _trailing_max(versions[::-1], ahead)[::-1])


def _trailing_max(versions: Versions, days: Days) -> Versions:
    """Maximum over each element and the `days` before it."""
    if days == "all" or days >= len(versions):
        return np.maximum.accumulate(versions) if len(versions) else versions
    result = versions.copy()
    for offset in range(1, days + 1):
        result[offset:] = np.maximum(result[offset:], versions[:-offset])
    return result
