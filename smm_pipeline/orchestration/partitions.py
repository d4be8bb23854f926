"""Days as Dagster partitions.

Belongs here: the daily partitions in the shop's zone, which days a run covers, and which upstream days a day reads.
Does not belong here: which days need building (warehouse/state.py knows that).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.state import StateView

# How far the partitions reach back where the warehouse knows no earlier day.
DAYS_WITHOUT_DATA = 90
FIRST_RAW_DAY = """
select min(try_cast(partition_key as date)) from meta.partition_state where table_name like 'raw.%'
"""


def day_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Complete local days from the first one that can have data to yesterday."""
    return dg.DailyPartitionsDefinition(start_date=first_day(settings).isoformat(), timezone=settings.shop.time_zone)


def first_day(settings: Settings) -> date:
    """The first day of the partitions.

    Code servers and run workers each work this out for themselves, so an answer may only err to the early side: a day
    that one of them offers must exist for the other. The warehouse knows the first day with data; while another
    process writes to it nobody can ask, and history_start, which no record precedes, takes its place.
    """
    recent = today(settings) - timedelta(days=DAYS_WITHOUT_DATA)
    if not settings.warehouse_file.is_file():
        return max(recent, settings.history_start)
    try:
        with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
            row = con.execute(FIRST_RAW_DAY).fetchone()
    except duckdb.CatalogException:  # a warehouse without schema knows no day yet
        row = None
    except (duckdb.IOException, duckdb.ConnectionException):
        return settings.history_start
    known: date | None = row[0] if row else None
    return max(min(known or recent, recent), settings.history_start)


def today(settings: Settings) -> date:
    """The shop's local date."""
    return datetime.now(settings.zone).date()


def last_complete_day(settings: Settings, at: datetime | None = None) -> date:
    """Yesterday in the shop's zone, the newest partition, as of now or of another instant."""
    return (at or datetime.now(UTC)).astimezone(settings.zone).date() - timedelta(days=1)


def stale_days(view: StateView, spec: TableSpec, settings: Settings) -> set[date]:
    """Stale days of one table that have a partition: all but the day that is under way."""
    days = {date.fromisoformat(key) for key in view.stale_keys(spec)} if spec.partition else set()
    return {day for day in days if day <= last_complete_day(settings)}


def run_days(context: dg.AssetExecutionContext) -> list[date]:
    """Local days of the run's partition or partition range, oldest first."""
    window = context.partition_time_window
    first, end = window.start.date(), window.end.date()
    return [first + timedelta(days=n) for n in range((end - first).days)]


def contiguous(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as (first, last) ranges without gaps, oldest first."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags that make one run of the days first..last."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }


def upstream_mapping(spec: TableSpec, dep: TableSpec) -> dg.PartitionMapping | None:
    """Which partitions of `dep` a day of `spec` reads; None where Dagster's default says it."""
    if spec.partition is None or dep.partition is None or dep.layer == "raw":
        return None
    back = spec.lookback_days.get(dep.full_name, 0)
    ahead = spec.lookahead_days.get(dep.full_name, 0)
    if back == "all" or ahead == "all":
        return dg.AllPartitionMapping()
    if back == ahead == 0:
        return None
    return dg.TimeWindowPartitionMapping(
        start_offset=-back, end_offset=ahead, allow_nonexistent_upstream_partitions=True
    )
