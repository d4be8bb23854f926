"""What was built by `smm run` is seen in Dagster: days, checks and the publication, each once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from smm_pipeline import pipeline
from smm_pipeline.catalog import Catalog
from smm_pipeline.orchestration import history
from smm_pipeline.orchestration.assets import SERVING_FILE
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from tests.dagster_project import (
    call_silence,
    definitions,
    deliver,
    fall_silent,
    make_instance,
    make_project,
    recent_days,
    run_range,
    temporary_instance,
)

STAGED = dg.AssetKey(["staging", "stg_sale"])
DAILY_SALES = dg.AssetKey(["kpi", "kpi_daily_sale"])
TOLD = "everything is told"


class Desk:
    """An instance of the small project, and the sensor evaluated as the daemon does, its events stored."""

    def __init__(self, settings: Settings, catalog: Catalog, instance: dg.DagsterInstance) -> None:
        self.settings, self.catalog, self.instance = settings, catalog, instance
        self.cursor: str | None = None

    def tick(self) -> int | str:
        """Number of events told in one tick, or why there was nothing to tell."""
        sensor = history.history_sensor(self.settings, self.catalog)
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        data = sensor.evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        for event in data.asset_events:
            self.instance.report_runless_asset_event(event)
        return str(data.skip_message) if data.skip_message else len(data.asset_events)

    def settle(self) -> None:
        """Tick until all is told."""
        while self.tick() != TOLD:
            pass

    def days(self, key: dg.AssetKey) -> set[str]:
        """Days that Dagster knows as materialized."""
        return self.instance.get_materialized_partitions(key)

    def smm_run(self, *, fails: bool = False) -> None:
        """What `smm run` does, without the report, which needs the real KPI tables."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(pipeline, "_report", lambda settings: settings.report_file)
            assert bool(pipeline.run(self.settings, self.catalog).failed) is fails


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("SMM_PERSON_KEY", "k" * 32)
    settings = make_instance(tmp_path / "home")
    catalog = make_project(tmp_path / "project")
    with temporary_instance(tmp_path) as instance:
        yield Desk(settings, catalog, instance)


def latest(desk: Desk, key: dg.AssetKey) -> dict[str, Any]:
    """Metadata of the newest materialization."""
    event = desk.instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


def checks(desk: Desk, key: dg.AssetKey) -> dict[str, str]:
    """The newest evaluation of each check of an asset."""
    graph = definitions(desk.settings, desk.catalog).resolve_asset_graph()
    keys = graph.get_check_keys_for_assets({key})
    records = desk.instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    return {key.name: record.status.value for key, record in records.items()}


def test_days_checks_and_publication_are_told_once(desk: Desk) -> None:
    days = recent_days(desk.settings, 3)
    deliver(desk.settings, "a", [("s1", days[0], "10"), ("s2", days[1], "200"), ("s3", days[2], "30")])
    desk.smm_run()
    desk.settle()

    assert desk.days(STAGED) == desk.days(DAILY_SALES) == {day.isoformat() for day in days}
    metadata = latest(desk, DAILY_SALES)
    assert metadata["dagster/row_count"].value == 3
    assert metadata["dagster/partition_row_count"].value == 1
    assert metadata["dagster/column_lineage"].value.deps_by_column["revenue_amount"]
    assert desk.instance.get_latest_materialization_event(SERVING_FILE) is not None

    assert checks(desk, STAGED) == {
        "sale_unique": "SUCCEEDED",
        "amount_not_negative": "SUCCEEDED",
        "amount_usual": "FAILED",
    }
    assert desk.tick() == TOLD


def test_a_critical_failure_is_told_though_its_rows_were_rolled_back(desk: Desk) -> None:
    (day,) = recent_days(desk.settings, 1)
    deliver(desk.settings, "a", [("s1", day, "10")])
    desk.smm_run()
    desk.settle()
    deliver(desk.settings, "b", [("s1", day, "-10")], version=2)
    desk.smm_run(fails=True)
    desk.settle()
    assert checks(desk, STAGED)["amount_not_negative"] == "FAILED"
    assert latest(desk, STAGED)["dagster/row_count"].value == 1
    assert desk.tick() == TOLD
    deliver(desk.settings, "c", [("s1", day, "12")], version=3)
    desk.smm_run()
    desk.settle()
    assert checks(desk, STAGED)["amount_not_negative"] == "SUCCEEDED"


def test_a_failure_before_later_builds_of_the_same_tick_is_told(desk: Desk) -> None:
    days = recent_days(desk.settings, 2)
    deliver(desk.settings, "a", [("s1", days[0], "10")])
    desk.smm_run()
    desk.settle()
    deliver(desk.settings, "b", [("s1", days[0], "-10")], version=2)
    desk.smm_run(fails=True)
    deliver(desk.settings, "c", [("s2", days[1], "20")])
    pipeline.ingest(desk.settings, desk.catalog)
    desk.settle()
    assert checks(desk, STAGED)["amount_not_negative"] == "FAILED"


def test_of_several_windows_of_one_run_the_worst_is_told(desk: Desk) -> None:
    days = recent_days(desk.settings, 3)
    deliver(desk.settings, "a", [(f"s{n}", day, "10") for n, day in enumerate(days)])
    desk.smm_run()
    deliver(desk.settings, "b", [("s0", days[0], "200"), ("s2", days[2], "30")], version=2)
    desk.smm_run()
    desk.settle()
    assert checks(desk, STAGED)["amount_usual"] == "FAILED"


def test_a_run_of_dagster_is_not_told_again(desk: Desk) -> None:
    days = recent_days(desk.settings, 2)
    deliver(desk.settings, "a", [("s1", days[0], "10"), ("s2", days[1], "20")])
    with connect(desk.settings) as con:
        ensure_schema(con, desk.catalog, desk.settings)
    assert run_range(definitions(desk.settings, desk.catalog), desk.instance, *days).success
    before = desk.instance.get_latest_materialization_event(DAILY_SALES)
    desk.settle()
    assert desk.instance.get_latest_materialization_event(DAILY_SALES) == before


def test_what_smm_run_has_loaded_brings_no_run(desk: Desk) -> None:
    """The sensor that asks for work leaves a shop alone that cron keeps up to date."""
    (day,) = recent_days(desk.settings, 1)
    deliver(desk.settings, "a", [("s1", day, "10")])
    past = time.time() - 60
    os.utime(desk.settings.landing / "sales" / "a.csv", (past, past))
    desk.smm_run()
    repository = definitions(desk.settings, desk.catalog).get_repository_def()
    context = dg.build_sensor_context(instance=desk.instance, repository_def=repository)
    data = repository.get_sensor_def("deliveries_and_dirty_days").evaluate_tick(context)
    assert (data.run_requests, data.skip_message) == ([], "everything is up to date")


def test_a_late_correction_tells_its_days_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    days = recent_days(desk.settings, 4)
    deliver(desk.settings, "a", [(f"s{n}", day, "10") for n, day in enumerate(days)])
    desk.smm_run()
    monkeypatch.setattr(history, "EVENTS_PER_TICK", 1)  # however small a tick, nothing is told twice or left out
    desk.settle()
    assert desk.days(DAILY_SALES) == {day.isoformat() for day in days}

    deliver(desk.settings, "b", [("s0", days[0], "11")], version=2)
    desk.smm_run()
    told: set[str] = set()
    monkeypatch.setattr(history, "EVENTS_PER_TICK", 1500)
    sensor = history.history_sensor(desk.settings, desk.catalog)
    data = sensor.evaluate_tick(dg.build_sensor_context(instance=desk.instance, cursor=desk.cursor))
    for event in data.asset_events:
        if isinstance(event, dg.AssetMaterialization) and event.asset_key == STAGED:
            told.add(str(event.partition))
    assert told == {days[0].isoformat()}


def test_the_day_under_way_waits_until_it_is_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (day,) = recent_days(desk.settings, 1)
    today = day + timedelta(days=1)
    deliver(desk.settings, "a", [("s1", day, "10"), ("s2", today, "20")])
    desk.smm_run()
    desk.settle()
    assert desk.days(STAGED) == {day.isoformat()}
    # The day after, although nothing was built again.
    monkeypatch.setattr(history, "last_complete_day", lambda _: today)
    desk.settle()
    assert desk.days(STAGED) == {day.isoformat(), today.isoformat()}
    assert desk.tick() == TOLD


def test_a_clock_that_was_ahead_silences_nothing(desk: Desk) -> None:
    """What was told by such a clock is forgotten: what is built under the right one is told."""
    days = recent_days(desk.settings, 2)
    deliver(desk.settings, "a", [("s1", days[0], "10")])
    desk.smm_run()
    desk.settle()
    deliver(desk.settings, "b", [("s2", days[1], "20")])
    desk.cursor = f"{(datetime.now(UTC) + timedelta(days=30)).isoformat()} {days[1]}"
    assert desk.tick() == TOLD  # the cursor counts as now, and so does not pass what is built from here on
    desk.smm_run()
    desk.settle()
    assert desk.days(STAGED) == {days[1].isoformat()} | {days[0].isoformat()}


def test_before_anything_is_loaded_it_says_so(desk: Desk) -> None:
    assert desk.tick() == "nothing was loaded yet"


def test_a_silence_that_is_an_error_is_told_with_the_publication(desk: Desk) -> None:
    [day] = recent_days(desk.settings, 1)
    deliver(desk.settings, "a", [("s1", day, "10")])
    desk.settings = call_silence("error", desk.settings)
    desk.smm_run()
    desk.settle()
    assert checks(desk, SERVING_FILE) == {"no_needed_feed_silent": "SUCCEEDED"}
    fall_silent(desk.settings)
    desk.smm_run()
    desk.settle()
    assert checks(desk, SERVING_FILE) == {"no_needed_feed_silent": "FAILED"}
