"""The Dagster code location agrees with the catalog, and loads fast and anywhere."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import get_args

import dagster as dg
import pytest

from smm_pipeline.catalog import Catalog
from smm_pipeline.definitions import build_defs
from smm_pipeline.errors import SmmError
from smm_pipeline.orchestration.assets import HTML_REPORT, SERVING_FILE
from smm_pipeline.orchestration.checks import asset_key, check_specs
from smm_pipeline.orchestration.instance import create_storage, prepare_dagster_home, settings_or_placeholder
from smm_pipeline.orchestration.metadata import fates
from smm_pipeline.pulls import PullResult
from smm_pipeline.settings import Settings, Shop
from tests.project_catalog import project_catalog

# What the code location must not load: each costs a second or more in every run worker.
HEAVY = ("great_expectations", "scipy", "altair", "vl_convert")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return project_catalog()


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    shop = Shop(name="x", time_zone="Europe/Kyiv", currency="UAH")
    return build_defs(Settings(home=tmp_path_factory.mktemp("home"), shop=shop))


@pytest.fixture(scope="module")
def steps(defs: dg.Definitions) -> list[dg.AssetsDefinition]:
    return list(defs.resolve_asset_graph().assets_defs)


def test_loads_without_instance_and_without_heavy_modules(tmp_path: Path) -> None:
    script = (
        "import sys, json; from smm_pipeline.definitions import defs;"
        "print(json.dumps([len(defs.resolve_asset_graph().get_all_asset_keys()), sorted(sys.modules)]))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"SMM_HOME": str(tmp_path / "nowhere"), "PYTHONPATH": str(root)},
    )
    count, modules = json.loads(done.stdout)
    assert count == len(project_catalog().tables) + 2
    assert not [name for name in HEAVY if name in modules]
    assert done.stderr == ""
    assert not (tmp_path / "nowhere").exists()


def test_placeholder_stands_in_for_a_missing_instance_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMM_HOME", str(tmp_path))
    assert settings_or_placeholder().shop.name == "no instance"
    (tmp_path / "smm.toml").write_text("[shop]\nname = 'x'\ntime_zone = 'Mars/Olympus'\ncurrency = 'UAH'\n")
    with pytest.raises(SmmError, match=r"SMM-102.*time_zone"):
        settings_or_placeholder()


def test_every_table_is_an_asset_with_its_facts(defs: dg.Definitions, catalog: Catalog) -> None:
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    assert specs.keys() == {asset_key(table) for table in catalog} | {SERVING_FILE, HTML_REPORT}
    for table in catalog:
        spec = specs[asset_key(table)]
        assert spec.group_name == table.layer
        assert list(spec.owners) == [table.owner]
        assert "duckdb" in spec.kinds
        assert spec.code_version == table.code_version
        assert table.grain in str(spec.description)
        assert {d.asset_key for d in spec.deps} == {asset_key(catalog[name]) for name in table.deps}
        assert (spec.partitions_def is not None) == (table.layer not in ("raw", "seeds") and bool(table.partition))
        schema = spec.metadata["dagster/column_schema"]
        assert [c.name for c in schema.columns] == [c.name for c in table.stored_columns]
        assert all(c.description for c in schema.columns)
        assert (spec.freshness_policy is not None) == (table.layer == "kpi")
    assert {d.asset_key for d in specs[SERVING_FILE].deps} == {asset_key(t) for t in catalog if t.publish}
    assert {d.asset_key for d in specs[HTML_REPORT].deps} == {SERVING_FILE}


def test_days_are_cut_in_the_zone_of_the_shop(defs: dg.Definitions) -> None:
    zones = {s.partitions_def.timezone for s in defs.resolve_all_asset_specs() if s.partitions_def is not None}  # type: ignore[attr-defined]  # all are daily
    assert zones == {"Europe/Kyiv"}


def test_one_check_per_expectation(catalog: Catalog) -> None:
    for table in catalog:
        entries = (table.suite or {"expectations": []})["expectations"]
        specs = {spec.name: spec for spec in check_specs(table)}
        assert specs.keys() == {entry["id"] for entry in entries}
        for entry in entries:
            assert specs[entry["id"]].blocking == (entry["severity"] == "critical")
            assert specs[entry["id"]].partitions_def is None


def test_steps_share_one_pool_and_only_ingest_retries(steps: list[dg.AssetsDefinition]) -> None:
    opening = [step for step in steps if step.keys != {HTML_REPORT}]
    assert {step.op.pool for step in opening} == {"duckdb"}
    assert [step.op.name for step in steps if step.op.retry_policy is not None] == ["ingest"]


def test_functions_of_assets_say_that_they_return_metadata_only(steps: list[dg.AssetsDefinition]) -> None:
    """A function that returns anything else hands it to the default I/O manager, which fails after the work is done."""
    for step in steps:
        function = step.op.compute_fn.decorated_fn  # type: ignore[union-attr]  # made by the decorator
        annotation = function.__annotations__["return"]
        allowed = {dg.MaterializeResult, dg.AssetCheckResult}
        said = {annotation} if annotation in allowed else set(get_args(annotation))
        assert said, step.op.name
        assert {part for a in said for part in get_args(a) or (a,)} <= allowed, step.op.name


def test_partitioned_tables_are_backfilled_in_one_run(steps: list[dg.AssetsDefinition]) -> None:
    policies = {step.backfill_policy for step in steps if step.partitions_def is not None}
    assert policies == {dg.BackfillPolicy.single_run()}


def test_a_pull_that_ended_early_is_told_with_every_raw_table(catalog: Catalog) -> None:
    early = PullResult("orders", error=SmmError("SMM-313", "the source's quota is used up"))
    told = fates(catalog["raw.shop_order"], [], [PullResult("web"), early])
    assert told["failed_pulls_of_all_feeds"] == 1
    assert "failed_pulls_of_all_feeds" not in fates(catalog["raw.shop_order"], [], [])


def test_automation_is_on(defs: dg.Definitions) -> None:
    schedule = defs.resolve_schedule_def("daily_schedule")
    sensor = defs.resolve_sensor_def("deliveries_and_dirty_days")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_shipped_instance_file_is_taken_by_dagster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path, shop=Shop(name="x", time_zone="UTC", currency="USD"))
    folder = prepare_dagster_home(settings.home)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert not instance.telemetry_enabled
        limits = instance.get_concurrency_config()
        assert limits.pool_config.default_pool_limit == 1
        assert limits.run_queue_config is not None
        assert limits.run_queue_config.max_concurrent_runs == 1
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    prepare_dagster_home(settings.home)
    assert (folder / "dagster.yaml").read_text(encoding="utf-8") == "telemetry: {enabled: false}\n"


def test_databases_of_a_new_instance_are_there_before_its_processes_start(tmp_path: Path) -> None:
    """Webserver and daemon that both create them get in each other's way."""
    folder = prepare_dagster_home(tmp_path)
    create_storage(folder)
    found = {}
    for path in folder.rglob("*.db"):
        with closing(sqlite3.connect(path)) as con:
            found[path.name] = {name for (name,) in con.execute("select name from sqlite_master where type = 'table'")}
    assert found.keys() == {"runs.db", "index.db", "schedules.db"}
    # Alembic writes its mark last: the tables before it are complete.
    assert all("alembic_version" in tables for tables in found.values())
    create_storage(folder)


@pytest.mark.parametrize("text", ["telemetry: {enabled: 5}", "unheard_of: 1", "concurrency: ["])
def test_wrong_instance_file_is_told_in_a_few_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SmmError, match="Dagster refuses its settings") as caught:
        create_storage(tmp_path)
    assert str(tmp_path / "dagster.yaml") in str(caught.value)
    assert len(str(caught.value)) < 1000
