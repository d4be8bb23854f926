"""Days as partitions: windows in the shop's zone, the first day, and the days a day reads."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from smm_pipeline.catalog import TableSpec
from smm_pipeline.orchestration.partitions import (
    contiguous,
    day_partitions,
    first_day,
    last_complete_day,
    run_days,
    today,
    upstream_mapping,
)
from smm_pipeline.settings import Settings, Shop
from smm_pipeline.warehouse.connection import connect, transaction
from smm_pipeline.warehouse.schema import create_books, ensure_schema
from smm_pipeline.warehouse.state import bump
from tests.dagster_project import make_project


def kyiv(home: Path, history_start: date = date(2005, 1, 1)) -> Settings:
    return Settings(
        home=home,
        shop=Shop(name="x", time_zone="Europe/Kyiv", currency="UAH"),
        history_start=history_start,
    )


def history(home: Path) -> dg.DailyPartitionsDefinition:
    """The partitions of a warehouse whose first record is of 2025."""
    settings = kyiv(home / "home")
    with connect(settings) as con, transaction(con):
        create_books(con)
        bump(con, "raw.sale", ["2025-01-01"], run_id="r")
    return day_partitions(settings)


def days_of(days: dg.DailyPartitionsDefinition, *, first: str, last: str) -> list[date]:
    """run_days as an asset with these partitions sees it."""
    seen: list[date] = []

    @dg.asset(partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
    def probe(context) -> None:  # type: ignore[no-untyped-def]  # Dagster refuses a postponed annotation
        seen.extend(run_days(context))

    dg.materialize(
        [probe],
        instance=dg.DagsterInstance.ephemeral(),
        tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
    )
    return seen


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-03-28", "2026-03-30", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)]),  # 23 hour day
        ("2026-03-29", "2026-03-29", [date(2026, 3, 29)]),
        ("2025-10-25", "2025-10-26", [date(2025, 10, 25), date(2025, 10, 26)]),  # 25 hour day
    ],
)
def test_days_of_a_range_are_local_days(tmp_path: Path, first: str, last: str, expected: list[date]) -> None:
    days = history(tmp_path)
    assert days_of(days, first=first, last=last) == expected


def test_window_of_a_day_is_cut_at_local_midnight(tmp_path: Path) -> None:
    days = history(tmp_path)
    short, long = (days.time_window_for_partition_key(k) for k in ("2026-03-29", "2025-10-26"))
    # Instants, not wall clocks: datetimes of one zone subtract as if no clock ever changed.
    assert short.end.timestamp() - short.start.timestamp() == 23 * 3600
    assert long.end.timestamp() - long.start.timestamp() == 25 * 3600


def test_newest_partition_is_the_local_yesterday(tmp_path: Path) -> None:
    settings = kyiv(tmp_path)
    assert day_partitions(settings).get_last_partition_key() == last_complete_day(settings).isoformat()


def test_without_warehouse_partitions_reach_back_ninety_days(tmp_path: Path) -> None:
    settings = kyiv(tmp_path)
    assert first_day(settings) == today(settings) - timedelta(days=90)
    later = today(settings) - timedelta(days=3)
    assert first_day(kyiv(tmp_path, history_start=later)) == later


def test_first_day_is_the_first_the_warehouse_knows(tmp_path: Path) -> None:
    settings = kyiv(tmp_path / "home")
    catalog = make_project(tmp_path / "project")
    with connect(settings) as con:
        assert first_day(settings) == date(2005, 1, 1)  # held by a writer: no record is older
        ensure_schema(con, catalog, settings)
        with transaction(con):
            bump(con, "raw.sale", ["2024-02-29", "2024-03-01", "all"], run_id="r")
    assert first_day(settings) == date(2024, 2, 29)


def test_warehouse_without_schema_knows_no_day(tmp_path: Path) -> None:
    settings = kyiv(tmp_path)
    with connect(settings):
        pass
    assert first_day(settings) == today(settings) - timedelta(days=90)


def test_contiguous_splits_at_gaps() -> None:
    days = [date(2026, 3, 1), date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 3)]
    assert contiguous(days) == [(date(2026, 2, 28), date(2026, 3, 1)), (date(2026, 3, 3), date(2026, 3, 3))]
    assert contiguous([]) == []


def test_upstream_days_of_a_day(tmp_path: Path) -> None:
    catalog = make_project(tmp_path / "project")
    kpi, staging = catalog["kpi.kpi_daily_sale"], catalog["staging.stg_sale"]
    mapping = upstream_mapping(kpi, staging)
    days = day_partitions(kyiv(tmp_path))
    day = last_complete_day(kyiv(tmp_path))
    assert mapping is not None
    read = mapping.get_upstream_mapped_partitions_result_for_partitions(
        days.subset_with_partition_keys([day.isoformat()]), days, days
    )
    assert sorted(read.partitions_subset.get_partition_keys()) == [
        (day - timedelta(days=1)).isoformat(),
        day.isoformat(),
    ]
    assert upstream_mapping(staging, catalog["raw.sale"]) is None
    assert upstream_mapping(kpi, catalog["core.dim_year"]) is None
    assert isinstance(upstream_mapping(_reading_all(kpi), staging), dg.AllPartitionMapping)


def _reading_all(spec: TableSpec) -> TableSpec:
    return TableSpec(
        layer=spec.layer,
        name=spec.name,
        description="",
        grain="",
        key=spec.key,
        columns=spec.columns,
        partition=spec.partition,
        lookback_days={"staging.stg_sale": "all"},
        sql=spec.sql,
    )
