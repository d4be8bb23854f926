"""The sensor and the schedule: what they ask for, and that they stop asking."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from smm_pipeline.catalog import Catalog
from smm_pipeline.orchestration.jobs import DAILY, INGEST
from smm_pipeline.orchestration.partitions import range_tags
from smm_pipeline.orchestration.schedules import schedules
from smm_pipeline.orchestration.sensors import sensors
from smm_pipeline.settings import Settings, Shop
from tests.dagster_project import (
    definitions,
    deliver,
    make_instance,
    make_project,
    read,
    recent_days,
    temporary_instance,
)

REVENUE = "select revenue_amount from kpi.kpi_daily_sale order by date_local"


class Bench:
    """An instance with its sensor, evaluated as the daemon does: each tick gets the cursor of the one before."""

    def __init__(self, settings: Settings, catalog: Catalog, instance: dg.DagsterInstance) -> None:
        self.settings, self.catalog, self.instance = settings, catalog, instance
        self.defs = definitions(settings, catalog)
        self.cursor: str | None = None

    def tick(self) -> list[dg.RunRequest] | str:
        """Run requests of one tick, or why there are none."""
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self.defs.get_repository_def()
        )
        data = self.defs.resolve_sensor_def("deliveries_and_dirty_days").evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        return list(data.run_requests or []) or str(data.skip_message)

    def deliver(self, name: str, sales: list[tuple[str, date, str]], version: int = 1) -> None:
        """A delivery that has been lying there for a minute."""
        deliver(self.settings, name, sales, version)
        path = self.settings.landing / "sales" / f"{name}.csv"
        past = path.stat().st_mtime - 60
        os.utime(path, (past, past))

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Execute a request of the sensor."""
        job = self.defs.resolve_job_def(str(request.job_name))
        return job.execute_in_process(instance=self.instance, raise_on_error=False, tags=dict(request.tags))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("SMM_PERSON_KEY", "k" * 32)
    settings = make_instance(tmp_path / "home", settle_seconds=5)
    catalog = make_project(tmp_path / "project")
    with temporary_instance(tmp_path) as instance:
        yield Bench(settings, catalog, instance)


def range_of(request: dg.RunRequest) -> dict[str, str]:
    """The range tags of a daily run, without what Dagster adds."""
    assert request.job_name == DAILY
    return {k: v for k, v in request.tags.items() if k.startswith("dagster/asset_partition")}


def only(requests: list[dg.RunRequest] | str) -> dg.RunRequest:
    assert isinstance(requests, list), requests
    (request,) = requests
    return request


def test_delivery_is_loaded_then_its_days_are_built_then_there_is_rest(bench: Bench) -> None:
    days = recent_days(bench.settings, 6)
    bench.deliver("a", [("s1", days[0], "10"), ("s2", days[1], "20"), ("s3", days[5], "30")])

    first = only(bench.tick())
    assert first.job_name == INGEST
    assert bench.run(first).success

    second = only(bench.tick())
    assert range_of(second) == range_tags(days[5], days[5])
    assert bench.run(second).success  # the newest days are asked for, and the older ones come with them
    assert bench.tick() == "everything is up to date"

    bench.deliver("late", [("s4", days[1], "7")])
    assert bench.run(only(bench.tick())).success
    third = only(bench.tick())
    assert range_of(third) == range_tags(days[1], days[1])
    # dim_year is a whole table that the late sale changes, and with it every day that reads it: all in this one run.
    assert bench.run(third).success
    assert bench.tick() == "everything is up to date"

    # A store that is not there is told, and stops no files of landing/.
    url = (bench.settings.home / "exports").as_uri()
    other = Bench(bench.settings.model_copy(update={"landing_url": url}), bench.catalog, bench.instance)
    told = str(other.tick())
    assert told.startswith("everything is up to date\nSMM-211: ")
    assert url in told
    bench.deliver("later", [("s5", days[1], "8")])
    assert only(other.tick()).job_name == INGEST


def test_failing_range_is_asked_for_once(bench: Bench) -> None:
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "-1")])
    assert bench.run(only(bench.tick())).success

    request = only(bench.tick())
    assert not bench.run(request).success
    # The daemon starts no second run with the key of an earlier one.
    assert only(bench.tick()).run_key == request.run_key

    bench.deliver("b", [("s1", day, "1")], version=2)
    assert bench.run(only(bench.tick())).success
    assert only(bench.tick()).run_key != request.run_key


def test_a_correction_of_last_year_is_built_and_published(bench: Bench) -> None:
    """However old the day: what the warehouse holds of it and what is published agree after the next run."""
    days = recent_days(bench.settings, 400)
    bench.deliver("a", [("s1", days[0], "10"), ("s2", days[-1], "20")])
    assert bench.run(only(bench.tick())).success
    assert bench.run(only(bench.tick())).success
    assert read(bench.settings.serving_file, REVENUE) == [(Decimal(10),), (Decimal(20),)]

    bench.deliver("b", [("s1", days[0], "7")], version=2)
    assert bench.run(only(bench.tick())).success
    assert bench.run(only(bench.tick())).success
    assert read(bench.settings.serving_file, REVENUE) == [(Decimal(7),), (Decimal(20),)]
    assert bench.tick() == "everything is up to date"


def test_sales_of_the_day_under_way_wait_and_stop_nothing(bench: Bench) -> None:
    """Today has no partition yet; its sales neither start a run nor keep the days before it from being published."""
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "10"), ("s2", day + timedelta(days=1), "20")])
    assert bench.run(only(bench.tick())).success
    assert bench.run(only(bench.tick())).success
    assert read(bench.settings.serving_file, REVENUE) == [(Decimal(10),)]
    assert bench.tick() == "everything is up to date"


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    """The warehouse open for writing in a process of its own."""
    script = "import sys, duckdb; con = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        yield
        holder.communicate(timeout=30)


def test_a_lost_warehouse_is_made_again_with_the_same_files(bench: Bench) -> None:
    """landing/ is as it was, and so are the days that are stale then: both are asked for once more."""
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "10")])
    assert bench.run(only(bench.tick())).success
    before = only(bench.tick())
    assert bench.run(before).success
    bench.settings.warehouse_file.unlink()
    first = only(bench.tick())
    assert first.job_name == INGEST
    assert only(bench.tick()).run_key == first.run_key  # the daemon starts no second run with the same key
    assert bench.run(first).success
    again = only(bench.tick())
    assert range_of(again) == range_of(before)
    assert again.run_key != before.run_key


def test_a_run_that_changed_nothing_is_not_asked_for_again_and_again(bench: Bench) -> None:
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "10")])
    assert bench.run(only(bench.tick())).success
    request = only(bench.tick())
    job = bench.defs.resolve_job_def(DAILY)
    done = bench.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.SUCCESS, tags={"dagster/run_key": str(request.run_key)}
    )
    assert bench.tick() == f"run {done.run_id} was asked for this and changed nothing; see its log"


def test_a_damaged_serving_file_is_published_anew(bench: Bench) -> None:
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "10")])
    assert bench.run(only(bench.tick())).success
    assert bench.run(only(bench.tick())).success
    bench.settings.serving_file.write_bytes(b"damaged")
    assert bench.run(only(bench.tick())).success
    assert read(bench.settings.serving_file, REVENUE) == [(Decimal(10),)]


def test_a_publication_that_failed_is_made_good(bench: Bench) -> None:
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "10")])
    assert bench.run(only(bench.tick())).success
    bench.settings.serving_file.mkdir(parents=True)
    assert not bench.run(only(bench.tick())).success
    bench.settings.serving_file.rmdir()
    assert bench.run(only(bench.tick())).success
    assert read(bench.settings.serving_file, REVENUE) == [(Decimal(10),)]
    assert bench.tick() == "everything is up to date"


def test_a_file_of_a_time_to_come_and_one_of_no_feed_hold_nothing_up(bench: Bench) -> None:
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "10")])
    path = bench.settings.landing / "sales" / "a.csv"
    ahead = path.stat().st_mtime + 7200
    os.utime(path, (ahead, ahead))
    (bench.settings.landing / "notes.log").write_text("not a delivery")
    assert only(bench.tick()).job_name == INGEST


def test_growing_file_and_busy_warehouse_are_waited_for(bench: Bench) -> None:
    (day,) = recent_days(bench.settings, 1)
    deliver(bench.settings, "a", [("s1", day, "10")])
    assert bench.tick() == "files are still arriving in landing/"
    bench.deliver("a", [("s1", day, "10")])
    assert bench.run(only(bench.tick())).success
    with held_by_another_process(bench.settings.warehouse_file):
        assert "holds the work database" in str(bench.tick())
    assert only(bench.tick()).job_name == DAILY


def test_unfinished_run_is_waited_for(bench: Bench) -> None:
    (day,) = recent_days(bench.settings, 1)
    bench.deliver("a", [("s1", day, "10")])
    job = bench.defs.resolve_job_def(INGEST)
    bench.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert bench.tick() == "a run is queued or under way"


def test_without_instance_both_say_what_to_do(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, shop=Shop(name="none", time_zone="UTC", currency="USD"))
    sensor, _history = sensors(settings, make_project(tmp_path / "project"), [])
    with temporary_instance(tmp_path) as instance:
        message = sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).skip_message
    assert message is not None
    assert "smm init" in message
    (schedule,) = schedules(settings)
    answer = schedule(dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 29, tzinfo=UTC)))
    assert "smm init" in str(answer)


def test_schedule_asks_for_the_local_yesterday(bench: Bench) -> None:
    (schedule,) = schedules(bench.settings)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * *", "Europe/Kyiv")
    # 05:00 in Kyiv on the day the clock goes forward is 02:00 UTC.
    at = datetime(2026, 3, 29, 2, tzinfo=UTC)
    request = schedule(dg.build_schedule_context(scheduled_execution_time=at))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == (date(2026, 3, 29) - timedelta(days=1)).isoformat()
