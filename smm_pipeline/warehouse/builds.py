"""Auditing what was loaded and building what is stale, in the order of dependencies, several tables at a time.

Belongs here: which table is built when, and what is built again alone. Does not belong here: building one table
(build.py), and Dagster, which orders its steps by itself.

Great Expectations computes in Python while the database computes rows, so there are as many tables at a time as
DuckDB has threads, of which none needs another. Many days are built alone, with all of the memory. What fails for want
of memory beside another table is tried once more, alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.audits import BuildResult, Validator, audit_loaded, forget_rolled_back, unaudited_keys
from smm_pipeline.warehouse.build import TOO_LARGE, build_table
from smm_pipeline.warehouse.crew import Crew
from smm_pipeline.warehouse.state import StateView

# What a delivery that reaches back, such as a month's refunds, makes stale; a whole history needs all of the memory.
FEW_DAYS = 45
# Checks are Python, of which one thread runs at a time.
MOST_AT_A_TIME = 4
_TABLE = re.compile(r"\b(?:seeds|raw|staging|core|kpi)\.\w+")
Progress = Callable[[str, int, int], None]


@dataclass
class Builds:
    """What became of each table: `failed` ones kept their old rows, `skipped` ones depend on them."""

    audited: list[BuildResult] = field(default_factory=list)
    built: list[BuildResult] = field(default_factory=list)
    failed: list[BuildResult] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def build_stale(
    con: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    settings: Settings,
    view: StateView,
    *,
    forced: Set[date],
    run_id: str,
    validate: Validator,
    progress: Progress | None = None,
) -> Builds:
    """Audit what was loaded and build every table that has something stale.

    Args:
        con: the open work database, without a transaction.
        catalog: the tables.
        settings: of the instance.
        view: partition states; they follow the tables as these are built.
        forced: days to build again even though they are up to date.
        run_id: written to the states and check results.
        validate: called as validate(con, spec, relation=..., days=...) on the uncommitted rows.
        progress: called as progress(step, done, total).

    Raises:
        SmmError: as `build_table`.
    """
    with Crew(con, min(settings.warehouse.threads, MOST_AT_A_TIME)) as crew:
        return _Round(con, catalog, settings, view, crew, forced, run_id, validate, progress).all()


@dataclass
class _Round:
    """One walk through all tables."""

    con: duckdb.DuckDBPyConnection
    catalog: Catalog
    settings: Settings
    view: StateView
    crew: Crew
    forced: Set[date]
    run_id: str
    validate: Validator
    progress: Progress | None

    def __post_init__(self) -> None:
        self._order = [*self.catalog.layer("seeds"), *self.catalog.layer("raw"), *self.catalog.build_order]
        self._needs = self._found_needs()
        self._waiting = list(self._order)
        self._unfinished = {spec.full_name for spec in self._order}
        self._running: dict[Future[BuildResult | None], TableSpec] = {}
        self._again: list[TableSpec] = []
        self._blocked: set[str] = set()
        self._found = Builds()

    def _found_needs(self) -> dict[str, set[str]]:
        """For each table those that have to be there before it: what its SELECT reads, and what its suite reads.

        Of the latter those that come before it in the order; of others it sees the rows of an earlier run, as ever.
        """
        needs: dict[str, set[str]] = {}
        for spec in self._order:
            needs[spec.full_name] = set(spec.deps) | (set(_TABLE.findall(repr(spec.suite))) & needs.keys())
        return needs

    def all(self) -> Builds:
        """Until no table is left."""
        while self._waiting or self._running or self._again:
            if not self._again:
                self._start_ready()
            elif not self._running:
                spec = self._again.pop()
                self._finish(spec, self._make(self.con, spec, self._wanted(spec)))
            if self._running:
                for done in wait(self._running, return_when=FIRST_COMPLETED).done:
                    self._take(self._running.pop(done), done)
        places = {spec.full_name: place for place, spec in enumerate(self._order)}
        for results in (self._found.audited, self._found.built, self._found.failed):
            results.sort(key=lambda result: places[result.table])
        self._found.skipped.sort(key=places.__getitem__)
        return self._found

    def _start_ready(self) -> None:
        """Begin with tables of which everything upstream is there, as many as there are connections."""
        for spec in [spec for spec in self._waiting if not self._needs[spec.full_name] & self._unfinished]:
            if len(self._running) == self.crew.size:
                return
            wanted = [] if spec.deps & self._blocked else self._wanted(spec)
            is_large = len(wanted) > FEW_DAYS or self.crew.size == 1
            if wanted and is_large and self._running:
                return
            self._waiting.remove(spec)
            if spec.deps & self._blocked:
                self._blocked.add(spec.full_name)
                self._found.skipped.append(spec.full_name)
                self._leave(spec)
            elif not wanted:
                if not _is_loaded(spec):
                    forget_rolled_back(self.con, spec)
                self._leave(spec)
            elif is_large:
                self._finish(spec, self._make(self.con, spec, wanted))
            else:
                self._running[self.crew.hand(partial(self._make, spec=spec, wanted=wanted))] = spec

    def _make(self, con: duckdb.DuckDBPyConnection, spec: TableSpec, wanted: list[str]) -> BuildResult | None:
        if _is_loaded(spec):
            return audit_loaded(con, spec, self.view, run_id=self.run_id, validate=self.validate)
        days = [date.fromisoformat(key) for key in wanted] if spec.partition else None
        return build_table(con, spec, days, self.settings, self.view, run_id=self.run_id, validate=self.validate)

    def _take(self, spec: TableSpec, done: Future[BuildResult | None]) -> None:
        """Take what a table ended with that had another beside it."""
        try:
            result = done.result()
        except duckdb.OutOfMemoryException:
            self._again.append(spec)
        except SmmError as error:
            if error.code != TOO_LARGE:
                raise
            self._again.append(spec)
        else:
            if result is not None and any(verdict.status == "broken" for verdict in result.verdicts):
                self._again.append(spec)
            else:
                self._finish(spec, result)

    def _finish(self, spec: TableSpec, result: BuildResult | None) -> None:
        self.view.refresh(self.con, spec.full_name)
        if result is not None and _is_loaded(spec):
            self._found.audited.append(result)
        elif result is not None and result.status == "built":
            self._found.built.append(result)
        if result is not None and result.status == "failed":
            self._blocked.add(spec.full_name)
            self._found.failed.append(result)
        self._leave(spec)

    def _leave(self, spec: TableSpec) -> None:
        """Let those begin that waited for a table."""
        self._unfinished.discard(spec.full_name)
        if self.progress:
            self.progress(f"build {spec.full_name}", len(self._order) - len(self._unfinished), len(self._order))

    def _wanted(self, spec: TableSpec) -> list[str]:
        """Partition keys of a table that this run audits or builds."""
        if _is_loaded(spec):
            return unaudited_keys(self.con, spec)
        stale = set(self.view.stale_keys(spec))
        if self.forced:
            known = {day.isoformat() for day in self.forced & set(self.view.days)}
            stale |= known if spec.partition else set(self.view.keys(spec))
        return sorted(stale)


def _is_loaded(spec: TableSpec) -> bool:
    return spec.layer in ("seeds", "raw")
