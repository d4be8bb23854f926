"""What was built without Dagster, told to Dagster.

Belongs here: the sensor that reads which partitions `smm run` or `smm demo` built and what they published, and reports
it, with the checks, those of rows that were rolled back too, as events that belong to no Dagster run. Does not belong
here: asking for work (sensors.py).

Without it a shop that runs from cron, or a demo just made, would look in the UI as if nothing had ever been built. The
cursor is the instant up to which builds are told, which goes on growing where the warehouse is made anew, and the last
day that was over by then: builds of a day under way are told when it is over. Dagster dates an event by when it is
told: a build of days ago, told late, counts as fresh from then on; `built_at` in its metadata is the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import dagster as dg
import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.orchestration.assets import HTML_REPORT, SERVING_FILE
from smm_pipeline.orchestration.checks import as_evaluation, asset_key, check_results, recorded_verdicts, silence_result
from smm_pipeline.orchestration.lineage import column_lineage
from smm_pipeline.orchestration.metadata import column_schema, row_count
from smm_pipeline.orchestration.partitions import last_complete_day
from smm_pipeline.orchestration.resources import hasty
from smm_pipeline.reporting.serving import Row, open_serving
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.state import ALL

NAME = "built_outside_dagster"
INTERVAL_SECONDS = 30
# A tick has a minute; one event takes the daemon some milliseconds.
EVENTS_PER_TICK = 1500
_ORIGIN = "built outside Dagster"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
# Builds of one instant were committed together and are never cut apart.
_BUILDS = """
with build as (
    select table_name, partition_key, row_count, run_id, built_at, row_number() over (order by built_at) as position
    from meta.partition_state
    where built_at > ? and list_contains(?, table_name)
)
select table_name, partition_key, row_count, run_id, built_at
from build
where built_at <= (select max(built_at) from build where position <= ?)
order by built_at, table_name, partition_key
"""
_HELD_BACK = """
select table_name, partition_key, row_count, run_id, built_at
from meta.partition_state
where built_at <= ? and list_contains(?, table_name) and partition_key <> 'all' and partition_key > ?
    and partition_key <= ?
order by built_at, table_name, partition_key
"""
# The newest verdicts of tables that the same run did not build.
_VERDICTS = """
select c.table_name, arg_max(c.run_id, (c.checked_at, c.run_id)), max(c.checked_at)
from quality.check_results as c
where
    c.checked_at > ? and c.checked_at <= ?
    and list_contains(?, c.table_name)
    and not exists (
        select 1 from meta.partition_state as s where s.table_name = c.table_name and s.run_id = c.run_id
    )
group by c.table_name
order by max(c.checked_at), c.table_name
"""
_Event = dg.AssetMaterialization | dg.AssetCheckEvaluation


@dataclass(frozen=True)
class _Cursor:
    """Up to when builds are told, and the last day that was over then; None before the first tick."""

    told_until: datetime
    last_day: date | None


@dataclass(frozen=True)
class _Build:
    table_name: str
    partition_key: str
    row_count: int | None
    run_id: str
    built_at: datetime


def history_sensor(settings: Settings, catalog: Catalog) -> dg.SensorDefinition:
    """The sensor, on from the start."""

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells Dagster of what smm run and smm demo built, with the checks.",
    )
    def built_outside_dagster(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not settings.warehouse_file.is_file():
            return dg.SkipReason("nothing was loaded yet")
        cursor, last_day = _read_cursor(context.cursor), last_complete_day(settings)
        try:
            with connect(hasty(settings), read_only=True) as con:
                builds = _builds(con, catalog, cursor.told_until)
                own = _not_dagsters(context.instance, [*_held_back(con, catalog, cursor, last_day), *builds])
                events = list(_events(con, catalog, _told(catalog, own, last_day)))
                # Beside builds only those verdicts that the cursor will pass; the others come when all builds are told.
                reach = (cursor.told_until, builds[-1].built_at if builds else _NEVER)
                rest = [] if events and not builds else _verdicts_alone(con, catalog, context.instance, reach)
                silence = as_evaluation(silence_result(con, catalog, settings, SERVING_FILE), SERVING_FILE)
        except duckdb.CatalogException:
            return dg.SkipReason("nothing was loaded yet")
        except SmmError as error:
            if error.code != "SMM-301":
                raise
            return dg.SkipReason(error.what)
        if builds or events:
            told, until = f"told of {len(own)} builds", builds[-1].built_at if builds else cursor.told_until
            events += [event for _, found in rest for event in found]
        else:
            published = publication(settings)
            if published is not None and published["published_at"] > cursor.told_until:
                found = _publication_events(context.instance, settings, published)
                rest.append((published["published_at"], [*found, *([silence] if found else [])]))
            told = "told of the publication and of checks" if rest else "everything is told"
            until = max([cursor.told_until, *(at for at, _ in rest)])
            events = [event for _, found in rest for event in found]
        return dg.SensorResult(
            skip_reason=dg.SkipReason(told), asset_events=events, cursor=_write_cursor(until, last_day)
        )

    return built_outside_dagster


def _read_cursor(text: str | None) -> _Cursor:
    """The cursor of the tick before; an instant to come, left by a clock that was ahead, is taken as now."""
    if not text:
        return _Cursor(_LONG_AGO, None)
    until, day = text.split()
    return _Cursor(min(datetime.fromisoformat(until), datetime.now(UTC)), date.fromisoformat(day))


def _write_cursor(told_until: datetime, last_day: date) -> str:
    return f"{told_until.isoformat()} {last_day.isoformat()}"


def _held_back(con: duckdb.DuckDBPyConnection, catalog: Catalog, cursor: _Cursor, last_day: date) -> list[_Build]:
    """Builds of days that were under way at the tick before and are over now."""
    if cursor.last_day is None or cursor.last_day >= last_day:
        return []
    names = [spec.full_name for spec in catalog.build_order]
    values = [cursor.told_until, names, cursor.last_day.isoformat(), last_day.isoformat()]
    return [_Build(*row) for row in con.execute(_HELD_BACK, values).fetchall()]


def _builds(con: duckdb.DuckDBPyConnection, catalog: Catalog, after: datetime) -> list[_Build]:
    """The next builds, oldest first."""
    names = [spec.full_name for spec in catalog]
    return [_Build(*row) for row in con.execute(_BUILDS, [after, names, EVENTS_PER_TICK]).fetchall()]


def _not_dagsters(instance: dg.DagsterInstance, builds: Sequence[_Build]) -> list[_Build]:
    is_dagsters = {run_id: instance.has_run(run_id) for run_id in {build.run_id for build in builds}}
    return [build for build in builds if not is_dagsters[build.run_id]]


def _told(catalog: Catalog, builds: Sequence[_Build], last_day: date) -> list[_Build]:
    """Builds as Dagster's partitions: a raw table has none there, and the day under way has none yet."""
    told: dict[tuple[str, str], _Build] = {}
    for build in builds:
        if catalog[build.table_name].layer == "raw":
            told[build.table_name, ALL] = replace(build, partition_key=ALL, row_count=None)
        elif build.partition_key == ALL or build.partition_key <= last_day.isoformat():
            told[build.table_name, build.partition_key] = build
    return list(told.values())


def _events(con: duckdb.DuckDBPyConnection, catalog: Catalog, builds: Sequence[_Build]) -> Iterator[_Event]:
    """A materialization for every build, oldest first, then the last checks of each table."""
    newest = {build.table_name: build for build in builds}
    for build in builds:
        spec = catalog[build.table_name]
        yield _materialization(con, spec, catalog, build, is_newest=newest[build.table_name] is build)
    for name in newest:
        yield from _evaluations(con, catalog[name])


def _verdicts_alone(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, instance: dg.DagsterInstance, reach: tuple[datetime, datetime]
) -> list[tuple[datetime, list[_Event]]]:
    """Checks, after one instant and up to another, of tables that were not built: what failed was rolled back."""
    names = [spec.full_name for spec in catalog]
    return [
        (at, [] if instance.has_run(run_id) else list(_evaluations(con, catalog[name])))
        for name, run_id, at in con.execute(_VERDICTS, [*reach, names]).fetchall()
    ]


def _evaluations(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> Iterator[dg.AssetCheckEvaluation]:
    """The last verdict of each check of a table."""
    for result in check_results(spec, recorded_verdicts(con, spec)):
        yield as_evaluation(result, asset_key(spec))


def publication(settings: Settings) -> Row | None:
    """kpi._publication of the serving file; None where there is none that can be read."""
    try:
        with open_serving(settings.serving_file) as source:
            return source.row("select build_id, published_at, run_id from kpi._publication")
    except (SmmError, duckdb.Error):
        return None


def _publication_events(instance: dg.DagsterInstance, settings: Settings, published: Row) -> list[_Event]:
    """The serving file, and the page where there is one; nothing where Dagster itself published."""
    if instance.has_run(published["run_id"]):
        return []
    metadata = {"run_id": published["run_id"], "published_at": dg.MetadataValue.timestamp(published["published_at"])}
    return [
        dg.AssetMaterialization(key, description=_ORIGIN, metadata={**metadata, "path": dg.MetadataValue.path(path)})
        for key, path in ((SERVING_FILE, settings.serving_file), (HTML_REPORT, settings.report_file))
        if path.is_file()
    ]


def _materialization(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, catalog: Catalog, build: _Build, *, is_newest: bool
) -> dg.AssetMaterialization:
    """What is known of one build; what describes the whole table stands at the newest of a tick alone."""
    metadata: dict[str, dg.MetadataValue | str | int] = {
        "run_id": build.run_id,
        "built_at": dg.MetadataValue.timestamp(build.built_at),
    }
    if build.row_count is not None and spec.partition is not None:
        metadata["dagster/partition_row_count"] = build.row_count
    if is_newest:
        metadata["dagster/row_count"] = row_count(con, spec)
        metadata["dagster/column_schema"] = dg.MetadataValue.table_schema(column_schema(spec))
        if (lineage := column_lineage(spec, catalog)) is not None:
            metadata["dagster/column_lineage"] = dg.MetadataValue.column_lineage(lineage)
    return dg.AssetMaterialization(
        asset_key(spec),
        description=_ORIGIN,
        partition=None if build.partition_key == ALL else build.partition_key,
        metadata=metadata,
    )
