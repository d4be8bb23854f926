"""Runs of the daily job in this process, on real files: what is built, told, and left behind by a failure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from smm_pipeline.catalog import Catalog
from smm_pipeline.orchestration.partitions import range_tags
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.connection import connect
from tests.dagster_project import (
    call_silence,
    definitions,
    deliver,
    fall_silent,
    make_instance,
    make_project,
    read,
    recent_days,
    run_range,
    temporary_instance,
)

STAGING, KPI = dg.AssetKey(["staging", "stg_sale"]), dg.AssetKey(["kpi", "kpi_daily_sale"])
RAW, SERVING = dg.AssetKey(["raw", "sale"]), dg.AssetKey(["publish", "serving_file"])
PUBLISHED = "select revenue_amount, two_day_amount, sales_in_year from kpi.kpi_daily_sale order by date_local"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return make_project(tmp_path / "project")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SMM_PERSON_KEY", "k" * 32)
    return make_instance(tmp_path / "home")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with temporary_instance(tmp_path) as instance:
        yield instance


def materialized(result: dg.ExecuteInProcessResult) -> dict[dg.AssetKey, list[str | None]]:
    """Asset keys of a run with the partitions it materialized, None for a whole table."""
    found: dict[dg.AssetKey, list[str | None]] = {}
    for event in result.get_asset_materialization_events():
        found.setdefault(event.materialization.asset_key, []).append(event.materialization.partition)
    return found


def test_range_is_one_run_that_builds_checks_and_publishes(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    one, two, three = recent_days(settings, 3)
    deliver(settings, "a", [("s1", one, "10"), ("s2", two, "20"), ("s3", two, "5"), ("s4", three, "400")])

    result = run_range(definitions(settings, catalog), instance, one, three)

    assert result.success
    done = materialized(result)
    assert done[STAGING] == done[KPI] == [d.isoformat() for d in (one, two, three)]
    assert done[RAW] == done[SERVING] == [None]
    assert [row[:2] for row in read(settings.serving_file, PUBLISHED)] == [
        (Decimal(10), Decimal(10)),
        (Decimal(25), Decimal(35)),
        (Decimal(400), Decimal(425)),
    ]
    raw = result.asset_materializations_for_node("ingest")[0].metadata
    assert (raw["rows_in"].value, raw["loaded"].value, raw["dagster/row_count"].value) == (4, 4, 4)
    checks = {(e.asset_key, e.check_name): e for e in result.get_asset_check_evaluations()}
    usual = checks[STAGING, "amount_usual"]
    assert (usual.passed, usual.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (usual.metadata["unexpected_count"].value, usual.metadata["rows"].value) == (1, 4)
    assert all(e.passed for e in checks.values() if e is not usual)
    assert not any("400" in str(m.value) for e in checks.values() for m in e.metadata.values())


def test_critical_failure_keeps_the_old_partition_and_publishes_nothing(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    one, two = recent_days(settings, 2)
    deliver(settings, "a", [("s1", one, "10"), ("s2", two, "20")])
    defs = definitions(settings, catalog)
    assert run_range(defs, instance, one, two).success
    published = settings.serving_file.read_bytes()

    deliver(settings, "b", [("s2", two, "-1")], version=2)
    result = run_range(defs, instance, one, two)

    assert not result.success
    assert set(materialized(result)) == {RAW, dg.AssetKey(["seeds", "shop_host"])}
    assert [e.step_key for e in result.get_step_failure_events()] == ["staging__stg_sale"]
    failed = {e.check_name: e.passed for e in result.get_asset_check_evaluations() if e.asset_key == STAGING}
    assert failed == {"sale_unique": True, "amount_not_negative": False, "amount_usual": True}
    stored = read(settings.warehouse_file, "select amount from staging.stg_sale order by sale_id")
    assert stored == [(Decimal(10),), (Decimal(20),)]
    assert settings.serving_file.read_bytes() == published

    deliver(settings, "c", [("s2", two, "30")], version=3)
    assert run_range(defs, instance, one, two).success
    assert [row[0] for row in read(settings.serving_file, PUBLISHED)] == [Decimal(10), Decimal(30)]


def test_daily_run_takes_up_other_stale_days(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    days = recent_days(settings, 5)
    deliver(settings, "a", [("s1", days[0], "10"), ("s2", days[1], "20"), ("s3", days[4], "30")])

    result = run_range(definitions(settings, catalog), instance, days[4], days[4])

    assert result.success
    done = materialized(result)
    # Stale days first, then the day that was asked for; days without a sale have nothing to build.
    assert done[STAGING] == done[KPI] == [d.isoformat() for d in (days[0], days[1], days[4])]
    amounts = [(Decimal(10), Decimal(10)), (Decimal(20), Decimal(30)), (Decimal(30), Decimal(30))]
    assert [row[:2] for row in read(settings.serving_file, PUBLISHED)] == amounts


def test_a_run_before_the_first_delivery_checks_the_empty_tables(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (day,) = recent_days(settings, 1)
    result = run_range(definitions(settings, catalog), instance, day, day)
    assert {e.check_name for e in result.get_asset_check_evaluations()} >= {"sale_id_present", "sale_unique"}
    assert result.success


def test_a_verdict_on_rows_that_were_rolled_back_is_forgotten_when_all_is_built(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    """A wrong delivery of the first day failed and was taken back; only the second day is built since."""
    days = recent_days(settings, 2)
    deliver(settings, "a", [("s1", days[0], "10"), ("s2", days[1], "20")])
    defs = definitions(settings, catalog)
    assert run_range(defs, instance, *days).success
    with connect(settings) as con:
        con.execute(
            "insert into quality.check_results select table_name, ?, check_id, expectation, severity, 'failed', "
            "observed, 1, row_count, run_id, checked_at from quality.check_results where check_id = 'sale_unique'",
            [days[0].isoformat()],
        )
    assert run_range(defs, instance, days[1], days[1]).success
    failed = "select count(*) from quality.check_results where status = 'failed' and severity = 'critical'"
    assert read(settings.warehouse_file, failed) == [(0,)]


def test_tables_that_do_not_agree_are_not_published(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    """Only the staging table is built after a correction: the KPI is behind it, so the old file stays."""
    (day,) = recent_days(settings, 1)
    deliver(settings, "a", [("s1", day, "10")])
    defs = definitions(settings, catalog)
    assert run_range(defs, instance, day, day).success
    published = settings.serving_file.read_bytes()
    deliver(settings, "b", [("s1", day, "7")], version=2)

    job = defs.resolve_implicit_global_asset_job_def()
    built = job.execute_in_process(
        instance=instance, asset_selection=[RAW, STAGING], tags=range_tags(day, day), raise_on_error=False
    )
    assert built.success
    result = job.execute_in_process(instance=instance, asset_selection=[SERVING], raise_on_error=False)

    assert [e.step_key for e in result.get_step_failure_events()] == ["publish__serving_file"]
    told = result.get_step_failure_events()[0].step_failure_data.error_display_string
    assert "SMM-304" in told
    assert "kpi.kpi_daily_sale" in told
    assert settings.serving_file.read_bytes() == published
    assert run_range(defs, instance, day, day).success
    assert [row[0] for row in read(settings.serving_file, PUBLISHED)] == [Decimal(7)]


def test_broken_delivery_is_told_and_stops_nothing(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (day,) = recent_days(settings, 1)
    deliver(settings, "good", [("s1", day, "10")])
    (settings.landing / "sales" / "bad.csv").write_text("what,ever\n1,2\n", encoding="utf-8")

    result = run_range(definitions(settings, catalog), instance, day, day)

    assert result.success
    raw = result.asset_materializations_for_node("ingest")[0].metadata
    assert (raw["deliveries"].value, raw["failed_deliveries_of_all_feeds"].value) == (1, 1)


def test_a_needed_feed_that_fell_silent_fails_its_check_and_stops_nothing(
    settings: Settings, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    """Its check alone fails, with severity ERROR; everything is built and published."""
    [day] = recent_days(settings, 1)
    deliver(settings, "a", [("s1", day, "10")])
    needed = call_silence("error", settings)
    assert run_range(definitions(needed, catalog), instance, day, day).success
    fall_silent(settings)

    result = run_range(definitions(needed, catalog), instance, day, day)

    assert result.success
    assert SERVING in materialized(result)
    [check] = [e for e in result.get_asset_check_evaluations() if e.asset_key == SERVING]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert check.metadata["feeds"].value == "sales"
    assert (check.description or "").startswith("SMM-403: feed sales has been silent since ")
    warned = run_range(definitions(call_silence("warn", settings), catalog), instance, day, day)
    assert all(e.passed for e in warned.get_asset_check_evaluations() if e.asset_key == SERVING)
