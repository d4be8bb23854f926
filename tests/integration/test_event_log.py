"""The event log that holds its files open, beside Dagster's own storage on the same files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from smm_pipeline.orchestration.event_log import MOST_OPEN_FILES, OpenFilesEventLogStorage
from tests.dagster_project import temporary_instance

ASSET = dg.AssetKey(["kpi", "kpi_daily_sale"])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with temporary_instance(tmp_path) as instance:
        yield instance


@dg.asset(key=ASSET)
def sales() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 7})


def run(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([sales], instance=instance)
    assert result.success
    return result.run_id


def open_logs(folder: Path) -> set[str]:
    """Files of events that this process holds open; SQLite may hold one twice, so as not to lose its locks."""
    found = set()
    for opened in Path("/proc/self/fd").iterdir():
        # The folder itself was open while it was listed.
        with suppress(FileNotFoundError):
            target = opened.readlink()
            if target.parent == folder / "history" / "runs" and target.suffix == ".db":
                found.add(target.stem)
    return found


def test_dagsters_own_storage_reads_the_same_events_while_the_files_are_open(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run_id = run(instance)
    assert open_logs(tmp_path) == {"index", run_id}

    other = SqliteEventLogStorage(str(tmp_path / "history" / "runs"))
    told = [event.dagster_event_type for event in other.get_logs_for_run(run_id)]
    assert told == [event.dagster_event_type for event in instance.all_logs(run_id)]
    assert told[-1] is dg.DagsterEventType.RUN_SUCCESS
    assert other.has_asset_key(ASSET)

    # And the other way: what that storage writes is seen at once.
    later = instance.all_logs(run_id)[-1]._replace(timestamp=2e9)
    other.store_event(later)
    assert instance.all_logs(run_id)[-1].timestamp == 2e9
    assert len(instance.all_logs(run_id)) == len(told) + 1


def test_files_of_runs_long_ago_are_closed(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    runs = [run(instance) for _ in range(MOST_OPEN_FILES + 2)]
    assert len(open_logs(tmp_path)) == MOST_OPEN_FILES
    assert runs[-1] in open_logs(tmp_path)
    assert runs[0] not in open_logs(tmp_path)
    # One that was closed is opened again.
    assert instance.all_logs(runs[0])[-1].dagster_event_type is dg.DagsterEventType.RUN_SUCCESS


def test_nothing_stays_open_at_the_end(tmp_path: Path) -> None:
    with temporary_instance(tmp_path) as instance:
        run(instance)
    assert open_logs(tmp_path) == set()
    # The write-ahead logs are taken in then.
    assert not list((tmp_path / "history" / "runs").glob("*-wal"))


def test_wiping_leaves_a_storage_that_works(instance: dg.DagsterInstance) -> None:
    gone = run(instance)
    instance.event_log_storage.wipe()
    assert isinstance(instance.event_log_storage, OpenFilesEventLogStorage)
    assert instance.all_logs(gone) == []
    assert instance.get_latest_materialization_event(ASSET) is None
    run(instance)
    event = instance.get_latest_materialization_event(ASSET)
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["rows"].value == 7
