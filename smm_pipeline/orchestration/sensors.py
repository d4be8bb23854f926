"""The sensor that keeps the tables up with what was delivered.

Belongs here: turning new files and stale days into run requests. Does not belong here: what makes a day stale
(warehouse/state.py) and reading a delivery (ingest/).

It asks for work in two steps, because only loading a delivery tells which days it touches: files in landing/ that no
ingest has taken up bring an ingest run; stale days bring one `daily` run. It cannot loop: an ingest is asked for once
per state of landing/ (the cursor), a daily run once per raw data, code and set of stale days (the run key). A run that
fails is asked for again when one of these changes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest import unseen_files
from smm_pipeline.orchestration.history import history_sensor
from smm_pipeline.orchestration.instance import missing_instance
from smm_pipeline.orchestration.jobs import DAILY, INGEST
from smm_pipeline.orchestration.partitions import (
    DAYS_WITHOUT_DATA,
    contiguous,
    last_complete_day,
    range_tags,
    stale_days,
    today,
)
from smm_pipeline.orchestration.resources import hasty
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.state import ALL, StateView, code_version

NAME = "deliveries_and_dirty_days"
INTERVAL_SECONDS = 30
# A file younger than this may still be growing.
SETTLE_SECONDS = 5
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_INPUT_VERSION = """
select coalesce(max(version), 0) from meta.partition_state where table_name like 'raw.%' or table_name like 'seeds.%'
"""


def sensors(
    settings: Settings, catalog: Catalog, jobs: Sequence[dg.UnresolvedAssetJobDefinition]
) -> list[dg.SensorDefinition]:
    """The sensor that asks for work, and the one that tells of work done elsewhere; both on from the start."""

    @dg.sensor(
        name=NAME,
        jobs=list(jobs),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Loads new deliveries, then rebuilds the days that they or a change of the code made stale.",
    )
    def deliveries_and_dirty_days(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if missing := missing_instance(settings):
            return dg.SkipReason(missing)
        if context.instance.get_runs_count(dg.RunsFilter(statuses=_UNFINISHED)):
            return dg.SkipReason("a run is queued or under way")
        state, newest = landing_state(settings.landing)
        is_changed = state != context.cursor
        if is_changed and time.time() - newest < SETTLE_SECONDS:
            return dg.SkipReason("files are still arriving in landing/")
        found = _request(settings, catalog, is_changed=is_changed)
        if isinstance(found, str):
            return dg.SkipReason(found)
        return dg.SensorResult([found], cursor=state if found.job_name == INGEST else None)

    return [deliveries_and_dirty_days, history_sensor(settings, catalog)]


def landing_state(landing: Path) -> tuple[str, float]:
    """A fingerprint of the names, sizes and times of all files, and the time of the newest, seconds since 1970."""
    digest, newest = hashlib.sha256(), 0.0
    for path in sorted(p for p in landing.rglob("*") if p.is_file()):
        stat = path.stat()
        digest.update(f"{path.relative_to(landing)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        newest = max(newest, stat.st_mtime)
    return digest.hexdigest(), newest


def _request(settings: Settings, catalog: Catalog, *, is_changed: bool) -> dg.RunRequest | str:
    """What to run now, or why nothing; `is_changed`: landing/ is not as it was when an ingest was last asked for."""
    first_load = dg.RunRequest(job_name=INGEST) if is_changed else "nothing was loaded yet"
    if not settings.warehouse_file.is_file():
        return first_load
    try:
        with connect(hasty(settings), read_only=True) as con:
            if is_changed and unseen_files(con, settings):
                return dg.RunRequest(job_name=INGEST)
            view = StateView(con, catalog, settings)
            version = con.execute(_INPUT_VERSION).fetchall()[0][0]
    except duckdb.CatalogException:
        return first_load
    except SmmError as error:
        if error.code != "SMM-301":
            raise
        return error.what
    return _daily_request(settings, catalog, view, version)


def _daily_request(settings: Settings, catalog: Catalog, view: StateView, version: int) -> dg.RunRequest | str:
    """One run of the newest stale days; it takes up the others by itself."""
    tables = {spec.full_name: view.stale_keys(spec) for spec in catalog.build_order}
    days = {day for spec in catalog.build_order for day in stale_days(view, spec, settings)}
    if not days and not any(ALL in keys for keys in tables.values()):
        return "everything is up to date"
    # Only of these days is it certain that the process which executes the run has them as partitions.
    certain = {day for day in days if day >= today(settings) - timedelta(days=DAYS_WITHOUT_DATA)}
    first, last = contiguous(certain or {last_complete_day(settings)})[-1]
    code = [code_version(spec, settings) for spec in catalog.build_order]
    state = hashlib.sha256(repr((version, code, tables)).encode()).hexdigest()[:16]
    return dg.RunRequest(job_name=DAILY, run_key=f"{first}/{last}/{state}", tags=range_tags(first, last))
