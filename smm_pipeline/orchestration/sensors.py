"""The sensor that keeps the tables up with what was delivered.

Belongs here: turning new files and stale days into run requests. Does not belong here: what makes a day stale
(warehouse/state.py) and reading a delivery (ingest/).

It asks for work in two steps, because only loading a delivery tells which days it touches: files in landing/ that no
ingest has taken up bring an ingest run; stale days, or a serving file behind the tables, bring one `daily` run. It
cannot loop: an ingest is asked for once per state of landing/ (the cursor), a daily run once per raw data, code, set of
stale days and last successful run (the run key). A run that fails is asked for again when one of these changes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import timedelta

import dagster as dg
import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest import unseen_files
from smm_pipeline.ingest.landing import display_name, landing_files
from smm_pipeline.ingest.objects import objects_of
from smm_pipeline.orchestration.history import history_sensor, publication
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
# Where the daemon keeps the key of the request that a run was made from.
RUN_KEY_TAG = "dagster/run_key"
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
        state, times, trouble = landing_state(settings)
        is_changed = state != context.cursor
        now = time.time()
        # A time to come, as of a file from a machine whose clock is ahead, says nothing of growing.
        if is_changed and any(now - settings.landing_settle_seconds < changed <= now for changed in times):
            return dg.SkipReason("files are still arriving in landing/")
        found = _request(context.instance, settings, catalog, state, is_changed=is_changed)
        if isinstance(found, str):
            return dg.SkipReason("\n".join(filter(None, [found, trouble])))
        return dg.SensorResult([found], cursor=state if found.job_name == INGEST else None)

    return [deliveries_and_dirty_days, history_sensor(settings, catalog)]


def landing_state(settings: Settings) -> tuple[str, list[float], str]:
    """A fingerprint of the deliveries' names, sizes and times, the times of files in seconds since 1970, and trouble.

    Objects of a store are whole from the start: their times say nothing of growing. A store that cannot be read is
    told as trouble, and the files of landing/ are taken up meanwhile.
    """
    digest, times, trouble = hashlib.sha256(), [], ""
    for feed, declared in settings.feeds.items():
        folder = settings.landing / feed
        for path, info in landing_files(folder, declared):
            name = display_name(path, folder)
            digest.update(f"{feed}\0{name}\0{info.st_size}\0{info.st_mtime_ns}\n".encode())
            times.append(info.st_mtime)
        try:
            for seen in objects_of(settings, feed):
                digest.update(f"{feed}\0{seen.file_path}\0{seen.size}\0{seen.mtime_ns}\n".encode())
        except SmmError as error:
            trouble = str(error)
    return digest.hexdigest(), times, trouble


def _request(
    instance: dg.DagsterInstance, settings: Settings, catalog: Catalog, state: str, *, is_changed: bool
) -> dg.RunRequest | str:
    """What to run now, or why nothing; `is_changed`: landing/ is not as it was when an ingest was last asked for."""
    # Also where landing/ is as it was: the work database may have been lost. Asked once, unless an ingest succeeds.
    last = _last_success(instance)
    first_load = dg.RunRequest(job_name=INGEST, run_key=f"first/{state}/{last.run_id if last else ''}")
    if not settings.warehouse_file.is_file():
        return first_load
    try:
        with connect(hasty(settings), read_only=True) as con:
            if is_changed and unseen_files(con, settings):
                return dg.RunRequest(job_name=INGEST)
            view = StateView(con, catalog, settings)
            version = con.execute(_INPUT_VERSION).fetchall()[0][0]
            is_published = _is_published(con, settings, catalog)
    except duckdb.CatalogException:
        return first_load
    except SmmError as error:
        if error.code != "SMM-301":
            raise
        return error.what
    return _daily_request(settings, catalog, view, (version, is_published), last)


def _last_success(instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """The last run that ended well: a state that comes back after it is asked for anew."""
    runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1)
    return runs[0] if runs else None


def _is_published(con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog) -> bool:
    """Whether the serving file is as new as the tables it is made of; a publication may have failed."""
    names = [spec.full_name for spec in catalog if spec.publish and spec.layer != "seeds"]
    built = con.execute(
        "select max(built_at) from meta.partition_state where list_contains(?, table_name)", [names]
    ).fetchall()[0][0]
    published = publication(settings)
    return built is None or (published is not None and published["published_at"] >= built)


def _daily_request(
    settings: Settings, catalog: Catalog, view: StateView, books: tuple[int, bool], last: dg.DagsterRun | None
) -> dg.RunRequest | str:
    """One run of the newest stale days; it takes up the others by itself, and publishes."""
    tables = {spec.full_name: view.stale_keys(spec) for spec in catalog.build_order}
    days = {day for spec in catalog.build_order for day in stale_days(view, spec, settings)}
    _, is_published = books
    if is_published and not days and not any(ALL in keys for keys in tables.values()):
        return "everything is up to date"
    # Only of these days is it certain that the process which executes the run has them as partitions.
    certain = {day for day in days if day >= today(settings) - timedelta(days=DAYS_WITHOUT_DATA)}
    first_day, last_day = contiguous(certain or {last_complete_day(settings)})[-1]
    code = [code_version(spec, settings) for spec in catalog.build_order]
    state = hashlib.sha256(repr((books, code, tables)).encode()).hexdigest()[:16]
    key, run_id = f"{first_day}/{last_day}/{state}/", ""
    if last is not None:
        if last.tags.get(RUN_KEY_TAG, "").startswith(key):
            return f"run {last.run_id} was asked for this and changed nothing; see its log"
        run_id = last.run_id
    return dg.RunRequest(job_name=DAILY, run_key=key + run_id, tags=range_tags(first_day, last_day))
