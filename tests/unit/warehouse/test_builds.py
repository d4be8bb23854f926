"""Which tables are built beside each other, and what becomes of one that fails there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import load_settings
from smm_pipeline.validation import Status, Verdict
from smm_pipeline.warehouse.builds import FEW_DAYS, Builds, build_stale
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView, bump
from tests.ingest_fixture import Instance
from tests.project_catalog import project_catalog

FIRST = date(2026, 3, 1)
# Two chains of which neither needs the other.
ORDERS, MENTIONS = ("raw.shop_order", "staging.stg_shop_order"), ("raw.mention", "staging.stg_mention")
SECONDS = 60
Answer = Callable[[TableSpec, int], Status]


class Shop:
    """Two raw tables with days and the two that are made from them; a test answers for Great Expectations.

    `most` is how many audits ran at a time, `calls` the tables in the order in which their audits began.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, home: Path, days: int) -> None:
        self.con, self.settings = con, load_settings(home)
        self.catalog = Catalog({name: project_catalog()[name] for name in (*ORDERS, *MENTIONS)})
        self.ended: list[str] = []
        ensure_schema(con, self.catalog, self.settings)
        for name in (ORDERS[0], MENTIONS[0]):
            bump(con, name, [str(FIRST + timedelta(days=n)) for n in range(days)], run_id="1")
        self.lock = threading.Lock()
        self.running = self.most = 0
        self.calls: list[str] = []

    def build(self, answer: Answer) -> Builds:
        """Build all; `answer` says how an audit of a table ends, given the audits that run with it."""

        def validate(_con: object, spec: TableSpec, **_kwargs: object) -> Sequence[Verdict]:
            with self._counted(spec) as beside:
                return [Verdict("any", "any", "critical", answer(spec, beside), None, None, 0, "Any")]

        view = StateView(self.con, self.catalog, self.settings)
        return build_stale(self.con, self.catalog, self.settings, view, forced=set(), run_id="2", validate=validate)

    @contextmanager
    def _counted(self, spec: TableSpec) -> Iterator[int]:
        with self.lock:
            self.calls.append(spec.full_name)
            self.running += 1
            self.most = max(self.most, self.running)
            beside = self.running
        try:
            yield beside
        finally:
            with self.lock:
                self.ended.append(spec.full_name)
                self.running -= 1


def _shop(tmp_path: Path, days: int) -> Iterator[Shop]:
    home = Instance(tmp_path / "home", {}).home
    with connect(load_settings(home)) as con:
        yield Shop(con, home, days)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from _shop(tmp_path, 2)


@pytest.fixture
def long_shop(tmp_path: Path) -> Iterator[Shop]:
    yield from _shop(tmp_path, FEW_DAYS + 1)


def _passed(_spec: TableSpec, _beside: int) -> Status:
    return "passed"


def _names(found: Builds) -> dict[str, list[str]]:
    return {
        "audited": sorted(r.table for r in found.audited),
        "built": sorted(r.table for r in found.built),
        "failed": [r.table for r in found.failed],
        "skipped": found.skipped,
    }


def test_two_tables_are_built_at_a_time_each_after_what_it_reads(shop: Shop) -> None:
    meeting = threading.Barrier(2)

    def meet(_spec: TableSpec, _beside: int) -> Status:
        # Each audit waits for another; alone it would wait in vain.
        meeting.wait(SECONDS)
        return "passed"

    assert _names(shop.build(meet)) == {
        "audited": [MENTIONS[0], ORDERS[0]],
        "built": [MENTIONS[1], ORDERS[1]],
        "failed": [],
        "skipped": [],
    }
    assert all(shop.calls.index(chain[0]) < shop.calls.index(chain[1]) for chain in (ORDERS, MENTIONS))
    shop.calls.clear()
    assert _names(shop.build(_passed)) == {"audited": [], "built": [], "failed": [], "skipped": []}
    assert shop.calls == []


def test_a_table_waits_for_what_its_suite_compares_it_with(shop: Shop) -> None:
    """Its SELECT does not read the other one, so that nothing else would hold it back."""
    query = f"select b.mention_id from {{batch}} as b anti join {ORDERS[1]} as o on o.order_id = b.mention_id"
    entry = {**shop.catalog[MENTIONS[1]].suite["expectations"][0], "kwargs": {"unexpected_rows_query": query}}  # type: ignore[index] # it has one
    suited = replace(shop.catalog[MENTIONS[1]], suite={"expectations": [entry]})
    shop.catalog = Catalog({**shop.catalog.tables, MENTIONS[1]: suited})

    def look(spec: TableSpec, _beside: int) -> Status:
        assert spec.full_name != MENTIONS[1] or ORDERS[1] in shop.ended
        return "passed"

    assert _names(shop.build(look))["built"] == [MENTIONS[1], ORDERS[1]]


def test_many_days_are_built_alone(long_shop: Shop) -> None:
    assert len(_names(long_shop.build(_passed))["built"]) == 2
    assert (long_shop.most, len(long_shop.calls)) == (1, 4)


def test_what_a_failed_table_feeds_is_left_out_and_the_rest_is_built(shop: Shop) -> None:
    def fail(spec: TableSpec, _beside: int) -> Status:
        return "failed" if spec.full_name == ORDERS[0] else "passed"

    found = _names(shop.build(fail))
    assert found["failed"] == [ORDERS[0]]
    assert found["skipped"] == [ORDERS[1]]
    assert found["built"] == [MENTIONS[1]]


def test_what_broke_beside_another_is_tried_alone(shop: Shop) -> None:
    meeting = threading.Barrier(2)

    def break_once(spec: TableSpec, beside: int) -> Status:
        if spec.layer == "raw":
            return "passed"
        if shop.calls.count(spec.full_name) == 1:
            meeting.wait(SECONDS)
            return "broken"
        assert beside == 1
        return "passed"

    found = _names(shop.build(break_once))
    assert found["built"] == [MENTIONS[1], ORDERS[1]]
    assert found["failed"] == []
    assert sorted(shop.calls[2:]) == sorted([MENTIONS[1], ORDERS[1]] * 2)


def test_what_breaks_alone_too_has_failed(shop: Shop) -> None:
    def broken(spec: TableSpec, _beside: int) -> Status:
        return "broken" if spec.full_name == ORDERS[1] else "passed"

    found = _names(shop.build(broken))
    assert found["failed"] == [ORDERS[1]]
    assert shop.calls.count(ORDERS[1]) == 2


def test_memory_that_is_short_beside_another_is_asked_for_alone(shop: Shop) -> None:
    def greedy(spec: TableSpec, _beside: int) -> Status:
        if shop.calls.count(spec.full_name) == 1:
            raise duckdb.OutOfMemoryException("no memory")
        return "passed"

    found = _names(shop.build(greedy))
    assert found["built"] == [MENTIONS[1], ORDERS[1]]
    assert found["failed"] == []


def test_an_error_ends_the_round_when_the_others_are_done(shop: Shop) -> None:
    meeting = threading.Barrier(2)

    def meet(spec: TableSpec, _beside: int) -> Status:
        if spec.layer == "staging":
            meeting.wait(SECONDS)
            if spec.full_name == ORDERS[1]:
                raise SmmError("SMM-303", "no such rows")
        return "passed"

    with pytest.raises(SmmError, match="SMM-303"):
        shop.build(meet)
    assert shop.running == 0
    states = shop.con.execute("select table_name from meta.partition_state where table_name like 'staging%'").fetchall()
    assert {name for (name,) in states} == {MENTIONS[1]}
