"""The real webserver and daemon over a demo shop: runs, checks and automation over GraphQL, the graph in Chromium.

One server for the whole file: it takes seconds to start, and what one test builds the next one looks at. The tests
stand in the order in which a user would meet them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import duckdb
import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.orchestration.instance import start_ui
from smm_pipeline.settings import load_settings
from smm_pipeline.shop import make_shop
from tests.project_catalog import project_catalog

LOCATION = {"repositoryLocationName": "smm_pipeline", "repositoryName": "__repository__"}
# A run makes every table, each in a step of its own: minutes, and more where other tests run beside it.
pytestmark = pytest.mark.timeout(1200)
T = TypeVar("T")
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LAUNCH = """
mutation($p: ExecutionParams!) { launchPipelineExecution(executionParams: $p) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
BACKFILL = """
mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
RUNS = "{ runsOrError(limit: 50) { ... on Runs { results { runId jobName status tags { key value } } } } }"
FAILURES = """
query($r: ID!) { logsForRun(runId: $r) { ... on EventConnection { events {
    ... on ExecutionStepFailureEvent { stepKey error { message cause { message } } } } } } }
"""
CHECKS = """
query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode {
    assetChecksOrError { ... on AssetChecks { checks { name blocking executionForLatestMaterialization {
        status evaluation { severity metadataEntries { label ... on IntMetadataEntry { intValue } } } } } } }
    assetMaterializations(limit: 1) { metadataEntries { label __typename ... on IntMetadataEntry { intValue }
        ... on TableColumnLineageMetadataEntry { lineage {
            columnName columnDeps { assetKey { path } columnName } } } } } } } }
"""
STOP = """
mutation($id: String!) { stopSensor(id: $id) {
    ... on StopSensorMutationResult { instigationState { status } } ... on PythonError { message } } }
"""
AUTOMATION = """
{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { ... on PythonError { message }
    ... on RepositoryLocation { repositories { schedules { name scheduleState { status } }
        sensors { name sensorState { id status } } } } } } } } }
"""


@dataclass
class Server:
    """A running `start_ui` over a demo shop, and GraphQL to it."""

    process: subprocess.Popen[str]
    address: str
    home: Path
    days: list[date]

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of one GraphQL answer."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{self.address}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=300) as response:  # noqa: S310 - the same
            answer = json.load(response)
        assert not answer.get("errors"), answer["errors"]
        return answer["data"]

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """Runs that carry all the tags."""
        found = self.ask(RUNS)["runsOrError"]["results"]
        return [r for r in found if tags.items() <= {t["key"]: t["value"] for t in r["tags"]}.items()]

    def finish(self, run_id: str) -> str:
        """Status in which a run ended; a failure is shown with its cause."""

        def status() -> str | None:
            (found,) = [r["status"] for r in self.runs() if r["runId"] == run_id]
            return found if found in FINISHED else None

        ended = wait_for(status)
        if ended != "SUCCESS":
            pytest.fail(f"{ended}: {[e for e in self.ask(FAILURES, r=run_id)['logsForRun']['events'] if e]}")
        return ended


def wait_for(look: Callable[[], T | None], seconds: float = 900) -> T:
    """What `look` finds, asked again until there is something or the time is up."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        pause.wait(0.25)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("ui") / "shop"
    last = datetime.now(ZoneInfo("Europe/Kyiv")).date() - timedelta(days=1)
    make_shop(home, seed=7, days=5, scale=0.01, last_day=last)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = (
        "import sys; from smm_pipeline.orchestration.instance import start_ui;"
        "from smm_pipeline.settings import load_settings;"
        "start_ui(load_settings(), int(sys.argv[1]), announce=lambda text: print(text, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(port)],
        env=os.environ | {"SMM_HOME": str(home), "SMM_PERSON_KEY": "k" * 32},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith(f"Dagster: http://127.0.0.1:{port} ")
        days = [last - timedelta(days=n) for n in reversed(range(5))]
        yield Server(process, f"http://127.0.0.1:{port}", home, days)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_schedule_and_sensor_are_on(server: Server) -> None:
    (entry,) = server.ask(AUTOMATION)["workspaceOrError"]["locationEntries"]
    (repository,) = entry["locationOrLoadError"]["repositories"]
    assert repository["schedules"] == [{"name": "daily_schedule", "scheduleState": {"status": "RUNNING"}}]
    sensors = {sensor["name"]: sensor["sensorState"]["status"] for sensor in repository["sensors"]}
    assert sensors == {"deliveries_and_dirty_days": "RUNNING", "built_outside_dagster": "RUNNING"}


def test_sensor_loads_the_deliveries_and_can_be_stopped(server: Server) -> None:
    (run, *_) = wait_for(lambda: [r for r in server.runs() if r["jobName"] == "ingest_deliveries"] or None)
    assert server.finish(run["runId"]) == "SUCCESS"
    # From here on only the runs of the tests.
    (entry,) = server.ask(AUTOMATION)["workspaceOrError"]["locationEntries"]
    sensors = {s["name"]: s for s in entry["locationOrLoadError"]["repositories"][0]["sensors"]}
    sensor = sensors["deliveries_and_dirty_days"]
    stopped = server.ask(STOP, id=sensor["sensorState"]["id"])["stopSensor"]
    assert stopped["instigationState"]["status"] == "STOPPED"


def test_run_of_one_day_finishes_and_its_checks_are_read_back(server: Server) -> None:
    day = server.days[2].isoformat()
    catalog = project_catalog()
    selector = {**LOCATION, "pipelineName": "daily", "assetSelection": None, "assetCheckSelection": None}
    tags = [{"key": "dagster/partition", "value": day}]
    launched = server.ask(LAUNCH, p={"selector": selector, "executionMetadata": {"tags": tags}})
    assert launched["launchPipelineExecution"]["__typename"] == "LaunchRunSuccess", launched
    assert server.finish(launched["launchPipelineExecution"]["run"]["runId"]) == "SUCCESS"

    for table in ("kpi.kpi_daily_supporters", "core.fct_community_day", "raw.community_day"):
        node = server.ask(CHECKS, k={"path": table.split(".")})["assetNodeOrError"]
        checks = {c["name"]: c for c in node["assetChecksOrError"]["checks"]}
        suite = catalog[table].suite
        assert suite is not None
        assert checks.keys() == {e["id"] for e in suite["expectations"]}
        assert {c["executionForLatestMaterialization"]["status"] for c in checks.values()} == {"SUCCEEDED"}
        entries = next(iter(checks.values()))["executionForLatestMaterialization"]["evaluation"]["metadataEntries"]
        assert any(e["label"] == "rows" and isinstance(e["intValue"], int) for e in entries)
    node = server.ask(CHECKS, k={"path": ["core", "fct_community_day"]})["assetNodeOrError"]
    metadata = {m["label"]: m for m in node["assetMaterializations"][0]["metadataEntries"]}
    lineage = {c["columnName"]: c["columnDeps"] for c in metadata["dagster/column_lineage"]["lineage"]}
    staging = {"path": ["staging", "stg_community_day"]}
    assert lineage["network"] == [{"assetKey": staging, "columnName": "network"}]
    assert {"assetKey": staging, "columnName": "value"} in lineage["members"]
    with duckdb.connect(str(server.home / "serving" / "smm.duckdb"), read_only=True) as con:
        # The day that was asked for and, with it, everything that was stale.
        days = con.execute("select distinct date_local from kpi.kpi_daily_supporters").fetchall()
    assert set(server.days) <= {d for (d,) in days}
    assert list((server.home / "reports").glob("*.html"))


def test_backfill_of_a_range_is_one_run(server: Server) -> None:
    names = [d.isoformat() for d in server.days[1:4]]
    # Two tables of the job, to keep the test short; the range is what matters.
    tables = [{"path": ["staging", "stg_community_day"]}, {"path": ["core", "fct_community_day"]}]
    answer = server.ask(
        BACKFILL,
        p={
            "selector": {"repositorySelector": LOCATION, "partitionSetName": "daily_partition_set"},
            "assetSelection": tables,
            "partitionNames": names,
        },
    )
    backfill = {"dagster/backfill": answer["launchPartitionBackfill"]["backfillId"]}
    (run,) = wait_for(lambda: server.runs(**backfill) or None)
    assert {"key": "dagster/asset_partition_range_start", "value": names[0]} in run["tags"]
    assert {"key": "dagster/asset_partition_range_end", "value": names[-1]} in run["tags"]
    assert server.finish(run["runId"]) == "SUCCESS"
    assert len(server.runs(**backfill)) == 1


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_lineage_page_opens_and_no_request_leaves_the_machine(server: Server, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    addresses: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.on("request", lambda request: addresses.append(request.url))
        page.on("websocket", lambda websocket: addresses.append(websocket.url))
        page.goto(f"{server.address}/asset-groups")
        for group in ("raw", "staging", "core", "kpi", "publish"):
            page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
        page.screenshot(path=os.environ.get("SMM_TEST_SCREENSHOT", str(tmp_path / "lineage.png")))
        browser.close()
    hosts = {urlsplit(a).hostname for a in addresses if urlsplit(a).scheme not in ("data", "blob")}
    assert hosts == {"127.0.0.1"}


def test_a_second_daemon_on_the_instance_is_refused(server: Server) -> None:
    with pytest.raises(SmmError) as caught:
        start_ui(load_settings(server.home), 0)
    assert (caught.value.code, "already runs" in str(caught.value)) == ("SMM-601", True)


def test_a_port_that_another_server_holds_is_refused(server: Server) -> None:
    port = urlsplit(server.address).port
    assert port is not None
    with pytest.raises(SmmError) as caught:
        start_ui(load_settings(server.home), port, read_only=True)
    assert (caught.value.code, str(port) in str(caught.value)) == ("SMM-601", True)


def test_interrupt_ends_every_process(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(60) == 0
    folder = server.home / "dagster"
    wait_for(lambda: None if processes_in(folder) else True, 30)


def processes_in(folder: Path) -> list[str]:
    """Ids of processes whose working directory is the folder: the servers and what they started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder:
                found.append(process.name)
        except OSError:  # gone, or another user's
            continue
    return found
