"""Any history of deliveries, repeats, corrections, losses and crashes leaves what the model says.

Belongs here: making histories, running the real ingest and build on them, and comparing. Does not belong here: the
rules (versions.py). `make test` tries a few short histories, `make soak` hundreds (SMM_SOAK).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from smm_pipeline.catalog import Catalog
from smm_pipeline.ingest import ingest_landing, reading
from smm_pipeline.ingest import run as ingest_run
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.build import build_table
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.failpoints import VARIABLE, FailpointError
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView
from tests.ingest_fixture import Instance
from tests.model.versions import NONE, Order, World
from tests.project_catalog import project_catalog

MAPPING = """
format:
  kind: jsonl
  structure: {id: VARCHAR, modified: VARCHAR, status: VARCHAR, lines: [{id: VARCHAR, pieces: VARCHAR}]}
source_system: model
tables:
  shop_order:
    columns:
      {store_id: {const: main}, order_id: id, created_ts: {const: "2026-03-01T10:00:00Z"}, updated_ts: modified,
       status: status}
  shop_order_line:
    from: unnest(lines) as line
    columns:
      {store_id: {const: main}, order_id: id, line_id: line.id, created_ts: {const: "2026-03-01T10:00:00Z"},
       updated_ts: modified, quantity: line.pieces}
"""
FEED = "mapping = \"model.yml\"\nextracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"
TABLES = ("raw.shop_order", "raw.shop_order_line", "staging.stg_shop_order", "staging.stg_shop_order_line")
STATUSES = ("pending", "paid", "completed")
LAST_HOUR = 20
CRASHES = ("ingest.after_raw_store", "ingest.before_commit", "ingest.after_commit", "build.before_commit")
SOAK = int(os.environ.get("SMM_SOAK", "0"))

ORDERS = st.builds(
    Order,
    order_id=st.integers(1, 2),
    modified=st.integers(NONE, 3),
    status=st.sampled_from(STATUSES),
    lines=st.dictionaries(st.integers(1, 2), st.integers(1, 2), max_size=2).map(lambda d: tuple(sorted(d.items()))),
)
DELIVERIES = st.lists(ORDERS, min_size=1, max_size=4)


class Histories(RuleBasedStateMachine):
    """A landing folder, a warehouse, and a model of what should be in it."""

    @initialize(files=st.sampled_from((1, 2, 1000)), piece=st.sampled_from((1, 10_000)))
    def begin(self, files: int, piece: int) -> None:
        """Batches of one, two or all deliveries; pieces of one part, or whole deliveries."""
        self.home = Path(tempfile.mkdtemp(prefix="smm-model-"))
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(ingest_run, "BATCH_FILES", files)
        self.patch.setattr(reading, "PIECE_BYTES", piece)
        self.catalog = Catalog({name: project_catalog()[name] for name in TABLES})
        self.shop = self._instance("shop")
        self.process = ExitStack()
        self._start_process()
        self.world = World()
        self.hours = set(range(1, LAST_HOUR))
        # By name: the records, their bytes, the hour. `landed` are in landing/ alone, `stored` is safe.
        self.landed: dict[str, tuple[list[Order], bytes, int]] = {}
        self.stored: dict[str, tuple[list[Order], bytes, int]] = {}
        self.seen: set[tuple[bytes, int]] = set()
        self.is_behind = False

    def teardown(self) -> None:
        """The same raw store, read by a new work database, gives the same tables."""
        if not hasattr(self, "home"):
            return
        try:
            if self.landed or self.is_behind:
                self.run()
            if self.stored:
                again = self._instance("again")
                shutil.copytree(self.shop.home / "raw", again.home / "raw")
                with connect(load_settings(again.home)) as con:
                    self._run(again, con)
                    assert _tables(con) == _tables(self.con)
        finally:
            self.process.close()
            self.patch.undo()
            shutil.rmtree(self.home)

    @precondition(lambda self: self.hours)
    @rule(deliveries=st.lists(st.tuples(DELIVERIES, st.booleans()), min_size=1, max_size=3))
    def deliver(self, deliveries: list[tuple[list[Order], bool]]) -> None:
        """New files, extracted after or before those that came already."""
        for delivery, is_late in deliveries[: len(self.hours)]:
            self._land(delivery, self._hour(is_late))

    @precondition(lambda self: self.hours and self._known())
    @rule(data=st.data(), delivery=DELIVERIES)
    def restate(self, data: st.DataObject, delivery: list[Order]) -> None:
        """The orders of an earlier delivery once more, newer, with other contents, and other orders between them."""
        older, _, _ = data.draw(st.sampled_from(self._known()))
        newer = [Order(o.order_id, min(o.modified + 1, 4), STATUSES[o.modified % 3], o.lines) for o in older]
        mixed = [order for pair in zip(newer, delivery, strict=False) for order in pair]
        self._land(mixed + newer[len(delivery) :], self._hour(is_late=False))

    @precondition(lambda self: self.hours and self._known())
    @rule(data=st.data())
    def take_a_line_out(self, data: st.DataObject) -> None:
        """An order comes again with its last line missing."""
        older, _, _ = data.draw(st.sampled_from(self._known()))
        self._land([Order(o.order_id, o.modified, o.status, o.lines[:-1]) for o in older], self._hour(is_late=False))

    @precondition(lambda self: self.hours and self._known())
    @rule(data=st.data(), is_late=st.booleans())
    def redeliver(self, data: st.DataObject, is_late: bool) -> None:
        """The same bytes under another name, which tells another time."""
        delivery, _, _ = data.draw(st.sampled_from(self._known()))
        self._land(delivery, self._hour(is_late))

    @precondition(lambda self: self.landed)
    @rule(data=st.data())
    def take_away(self, data: st.DataObject) -> None:
        """A file is gone from landing/ before any run saw it."""
        name = data.draw(st.sampled_from(sorted(self.landed)))
        (self.shop.home / "landing" / "orders" / name).unlink()
        del self.landed[name]

    @precondition(lambda self: self.stored)
    @rule()
    def empty_landing(self) -> None:
        """Files that a run has seen are taken out of landing/."""
        for name in self.stored:
            (self.shop.home / "landing" / "orders" / name).unlink(missing_ok=True)

    @precondition(lambda self: self.landed or self.is_behind)
    @rule()
    def run(self) -> None:
        """Ingest and build; then every table is what the model says."""
        self._note_stored()
        self._run(self.shop, self.con)
        self.is_behind = False
        for delivery, content, hour in sorted(self.stored.values(), key=lambda d: d[2]):
            if (content, hour) not in self.seen:
                self.world.see(delivery, hour)
                self.seen.add((content, hour))
        self._compare()

    @precondition(lambda self: self.landed)
    @rule(point=st.sampled_from(CRASHES))
    def crash(self, point: str) -> None:
        """A run dies somewhere; what of it is in the books is right, and the next run does the rest."""
        self._note_stored()
        self.patch.setenv(VARIABLE, f"{point}:raise")
        try:
            self._run(self.shop, self.con)
        except FailpointError:
            self.process.close()
            self._start_process()
        finally:
            self.patch.delenv(VARIABLE)
        self.is_behind = True
        self._conserve()

    @invariant()
    def landing_is_untouched(self) -> None:
        """No run changes what others put into landing/."""
        for name, (_, content, _) in getattr(self, "landed", {}).items():
            assert (self.shop.home / "landing" / "orders" / name).read_bytes() == content

    def _known(self) -> list[tuple[list[Order], bytes, int]]:
        return [self.stored[name] for name in sorted(self.stored)]

    def _hour(self, is_late: bool) -> int:
        hour = min(self.hours) if is_late else max(self.hours, key=lambda h: (h > self._newest(), -h))
        self.hours.remove(hour)
        return hour

    def _newest(self) -> int:
        return max((hour for _, _, hour in [*self.stored.values(), *self.landed.values()]), default=LAST_HOUR // 2)

    def _land(self, delivery: list[Order], hour: int) -> None:
        content = "".join(_line(order) for order in delivery).encode()
        name = f"orders_x20261101T{hour:02d}0000Z.jsonl"
        self.shop.deliver("orders", name, content)
        self.landed[name] = (delivery, content, hour)

    def _note_stored(self) -> None:
        self.stored |= self.landed
        self.landed = {}

    def _instance(self, name: str) -> Instance:
        shop = Instance(self.home / name, {"orders": FEED})
        (self.home / name / "model.yml").write_text(MAPPING, encoding="utf-8")
        return shop

    def _start_process(self) -> None:
        """What a process holds: one connection, given up by a crash."""
        self.con = self.process.enter_context(connect(load_settings(self.shop.home)))

    def _run(self, shop: Instance, con: duckdb.DuckDBPyConnection) -> None:
        limits = load_settings(shop.home)
        ensure_schema(con, self.catalog, limits)
        results = ingest_landing(con, limits, self.catalog, run_id="model")
        assert {r.status for r in results} <= {"loaded", "duplicate"}
        view = StateView(con, self.catalog, limits)
        for spec in self.catalog.build_order:
            days = [day for day in view.days if day.isoformat() in view.stale_keys(spec)]
            # What suites say is no subject here.
            build_table(con, spec, days, limits, view, run_id="model", validate=lambda *_, **__: ())
            view.refresh(con, spec.full_name)

    def _compare(self) -> None:
        assert _pairs(self.con, "order_id", "status", "staging.stg_shop_order") == {
            (key, content) for key, (content, _) in self.world.orders.current().items()
        }
        assert _pairs(self.con, "(order_id, line_id)", "quantity", "staging.stg_shop_order_line") == set(
            self.world.shown_lines().items()
        )
        for table, key, value, versions in (
            ("raw.shop_order", "order_id", "status", self.world.orders),
            ("raw.shop_order_line", "(order_id, line_id)", "quantity", self.world.lines),
        ):
            told = "hour(_version_ts), hour(_first_ts), _is_restated"
            rows = _rows(self.con, f"select {key}, {MODIFIED}, {value}, {told} from {table}")
            assert len(rows) == len(versions.history())
            assert {(_key(k), (m, _value(v)), *t) for k, m, v, *t in rows} == versions.history()
        self._conserve()

    def _conserve(self) -> None:
        """Of each delivery in the books every row has one fate, and the new rows are those that the tables hold."""
        by_id = {content: delivery for delivery, content, _ in self.stored.values()}
        wanted = sorted((len(d), sum(len(o.lines) for o in d)) for d in by_id.values())
        counted = _rows(
            self.con,
            "select coalesce(max(rows_in) filter (table_name = 'raw.shop_order'), 0), "
            "coalesce(max(rows_in) filter (table_name = 'raw.shop_order_line'), 0) "
            "from meta.delivery_count group by delivery_id order by all",
        )
        assert all(wanted.count(pair) >= counted.count(pair) for pair in counted)
        for table in TABLES[:2]:
            [(new, there)] = _rows(
                self.con,
                f"select coalesce(sum(loaded + superseded), 0), (select count(*) from {table}) "
                f"from meta.delivery_count where table_name = '{table}'",
            )
            assert new == there


MODIFIED = f"coalesce(day(updated_ts), {NONE})"


def _line(order: Order) -> str:
    record = {
        "id": order.order_id,
        "modified": f"2026-03-0{order.modified}T00:00:00Z" if order.modified != NONE else None,
        "status": order.status,
        "lines": [{"id": line, "pieces": pieces} for line, pieces in order.lines],
    }
    return json.dumps(record) + "\n"


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(sql).fetchall()


def _tables(con: duckdb.DuckDBPyConnection) -> list[list[tuple[Any, ...]]]:
    lineage = "_delivery_id, _source_row, _loaded_at"
    raw = [_rows(con, f"select * exclude ({lineage}) from {name} order by all") for name in TABLES[:2]]
    return raw + [_rows(con, f"from {name} order by all") for name in TABLES[2:]]


def _pairs(con: duckdb.DuckDBPyConnection, key: str, value: str, table: str) -> set[tuple[Any, Any]]:
    rows = _rows(con, f"select {key}, {MODIFIED}, {value} from {table}")
    assert len(rows) == len({k for k, _, _ in rows})
    return {(_key(k), (m, _value(v))) for k, m, v in rows}


def _key(value: Any) -> Any:
    return tuple(int(part) for part in value) if isinstance(value, tuple) else int(value)


def _value(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)


@pytest.mark.parametrize(
    "later",
    [
        [Order(1, NONE, "pending", ((1, 2),))],
        [Order(1, 3, "paid", ()), Order(1, NONE, "pending", ((1, 2),))],
        [Order(1, 3, "paid", ()), Order(1, NONE, "pending", ((1, 2), (2, 2)))],
    ],
    ids=["a line less", "a line less after none", "both lines after none"],
)
def test_an_order_shows_the_lines_that_came_last(later: list[Order]) -> None:
    """No content of these deliveries is new at the end; that it was seen again alone decides which lines hold."""
    shop = Histories()
    shop.begin(files=1000, piece=10_000)
    try:
        for order in (Order(1, NONE, "pending", ((1, 2), (2, 2))), *later):
            shop.deliver(deliveries=[([order], False)])
            shop.run()
        assert shop.world.shown_lines() == {(1, line): (NONE, 2) for line, _ in later[-1].lines}
    finally:
        shop.teardown()


# One half for each of two processes.
@pytest.mark.parametrize("histories", [SOAK - SOAK // 2, SOAK // 2] if SOAK else [6])
def test_any_history_ends_as_the_model_says(histories: int) -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=histories,
            stateful_step_count=25 if SOAK else 12,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )
