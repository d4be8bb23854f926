"""Any history of deliveries, repeats, corrections, losses and crashes leaves what the model says.

Belongs here: making histories, running the real ingest and build on them, and comparing. Does not belong here: the
rules (versions.py). `make test` tries a few short histories, `make soak` hundreds (SMM_SOAK).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

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
from tests.model.deliveries import FEED, MAPPING, Delivery, line_of, time_of
from tests.model.tables import TABLES, contents, fetch, history, shown
from tests.model.versions import NONE, Order, World
from tests.project_catalog import project_catalog

STATUSES = ("pending", "paid", "completed")
LAST_HOUR = 20
CRASHES = ("ingest.after_raw_store", "ingest.before_commit", "ingest.after_commit", "build.before_commit")
SOAK = int(os.environ.get("SMM_SOAK", "0"))

ORDERS = st.builds(
    Order,
    order_id=st.integers(1, 2),
    day=st.integers(1, 3),
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
        # `landed`, by name, are in landing/ alone, `stored` is safe.
        self.landed: dict[str, Delivery] = {}
        self.stored: list[Delivery] = []
        self.seen: set[Delivery] = set()
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
                    assert contents(con) == contents(self.con)
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

    @precondition(lambda self: self.hours and (self.landed or self.stored))
    @rule(data=st.data(), delivery=DELIVERIES)
    def correct(self, data: st.DataObject, delivery: list[Order]) -> None:
        """A file is written anew under the same name, whether or not a run saw it; perhaps as it once was."""
        name = data.draw(st.sampled_from(sorted({*self.landed, *(d.name for d in self.stored)})))
        before = [d for d in self.stored if d.name == name]
        orders = data.draw(st.sampled_from([tuple(delivery), *(d.orders for d in before[:-1])]))
        self._land(orders, self._hour(is_late=False), name)

    @precondition(lambda self: self.hours and self.stored)
    @rule(data=st.data(), delivery=DELIVERIES)
    def restate(self, data: st.DataObject, delivery: list[Order]) -> None:
        """The orders of an earlier delivery once more, newer, with other contents, and other orders between them."""
        older = data.draw(st.sampled_from(self.stored)).orders
        newer = [replace(o, modified=min(o.modified + 1, 4), status=STATUSES[o.modified % 3]) for o in older]
        mixed = [order for pair in zip(newer, delivery, strict=False) for order in pair]
        self._land(mixed + newer[len(delivery) :], self._hour(is_late=False))

    @precondition(lambda self: self.hours and self.stored)
    @rule(data=st.data(), day=st.integers(1, 3))
    def move(self, data: st.DataObject, day: int) -> None:
        """Orders come again with another day, and the day that they leave must not show them any more."""
        older = data.draw(st.sampled_from(self.stored)).orders
        self._land([replace(o, day=day) for o in older], self._hour(is_late=False))

    @precondition(lambda self: self.hours and self.stored)
    @rule(data=st.data())
    def take_a_line_out(self, data: st.DataObject) -> None:
        """An order comes again with its last line missing."""
        older = data.draw(st.sampled_from(self.stored)).orders
        self._land([replace(o, lines=o.lines[:-1]) for o in older], self._hour(is_late=False))

    @precondition(lambda self: self.hours and self.stored)
    @rule(data=st.data(), is_late=st.booleans())
    def redeliver(self, data: st.DataObject, is_late: bool) -> None:
        """The same bytes under another name, at another time."""
        self._land(data.draw(st.sampled_from(self.stored)).orders, self._hour(is_late))

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
        for name in {d.name for d in self.stored} - self.landed.keys():
            (self.shop.home / "landing" / "orders" / name).unlink(missing_ok=True)

    @precondition(lambda self: self.landed or self.is_behind)
    @rule()
    def run(self) -> None:
        """Ingest and build; then every table is what the model says."""
        self._note_stored()
        self._run(self.shop, self.con)
        self.is_behind = False
        for delivery in sorted(self.stored, key=lambda d: d.hour):
            if delivery not in self.seen:
                self.world.see(delivery.orders, delivery.hour)
                self.seen.add(delivery)
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
        for name, delivery in getattr(self, "landed", {}).items():
            assert (self.shop.home / "landing" / "orders" / name).read_bytes() == delivery.content

    def _hour(self, is_late: bool) -> int:
        hour = min(self.hours) if is_late else max(self.hours, key=lambda h: (h > self._newest(), -h))
        self.hours.remove(hour)
        return hour

    def _newest(self) -> int:
        return max((d.hour for d in [*self.stored, *self.landed.values()]), default=LAST_HOUR // 2)

    def _land(self, orders: Sequence[Order], hour: int, name: str = "") -> None:
        # A name that was used already tells the old time, so that the records have to tell theirs.
        told = time_of(hour) if name else None
        name = name or f"orders_x{re.sub('[:-]', '', time_of(hour))}.jsonl"
        content = "".join(line_of(order, told) for order in orders).encode()
        self.shop.deliver("orders", name, content)
        self.landed[name] = Delivery(name, tuple(orders), content, hour)

    def _note_stored(self) -> None:
        self.stored += self.landed.values()
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
        assert shown(self.con, "order_id", "status", "staging.stg_shop_order") == {
            (key, content) for key, (content, _) in self.world.orders.current().items()
        }
        assert shown(self.con, "(order_id, line_id)", "quantity", "staging.stg_shop_order_line") == set(
            self.world.shown_lines().items()
        )
        for table, key, value, versions in (
            ("raw.shop_order", "order_id", "status", self.world.orders),
            ("raw.shop_order_line", "(order_id, line_id)", "quantity", self.world.lines),
        ):
            rows = history(self.con, key, value, table)
            assert len(rows) == len(versions.history())
            assert set(rows) == versions.history()
        self._conserve()

    def _conserve(self) -> None:
        """Of each delivery in the books every row has one fate, and the new rows are those that the tables hold."""
        by_id = {d.content: d.orders for d in self.stored}
        wanted = sorted((len(d), sum(len(o.lines) for o in d)) for d in by_id.values())
        counted = fetch(
            self.con,
            "select coalesce(max(rows_in) filter (table_name = 'raw.shop_order'), 0), "
            "coalesce(max(rows_in) filter (table_name = 'raw.shop_order_line'), 0) "
            "from meta.delivery_count group by delivery_id order by all",
        )
        assert all(wanted.count(pair) >= counted.count(pair) for pair in counted)
        for table in TABLES[:2]:
            [(new, there)] = fetch(
                self.con,
                f"select coalesce(sum(loaded + superseded), 0), (select count(*) from {table}) "
                f"from meta.delivery_count where table_name = '{table}'",
            )
            assert new == there


@pytest.mark.parametrize(
    "later",
    [
        [Order(1, 1, NONE, "pending", ((1, 2),))],
        [Order(1, 1, 3, "paid", ()), Order(1, 1, NONE, "pending", ((1, 2),))],
        [Order(1, 1, 3, "paid", ()), Order(1, 1, NONE, "pending", ((1, 2), (2, 2)))],
    ],
    ids=["a line less", "a line less after none", "both lines after none"],
)
def test_an_order_shows_the_lines_that_came_last(later: list[Order]) -> None:
    """No content of these deliveries is new at the end; that it was seen again alone decides which lines hold."""
    shop = Histories()
    shop.begin(files=1000, piece=10_000)
    try:
        for order in (Order(1, 1, NONE, "pending", ((1, 2), (2, 2))), *later):
            shop.deliver(deliveries=[([order], False)])
            shop.run()
        assert shop.world.shown_lines() == {(1, line): (NONE, 1, 2) for line, _ in later[-1].lines}
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
