"""Publishing, with real files and real processes: what is in the file, and that readers never meet half of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from smm_pipeline.errors import SmmError
from smm_pipeline.warehouse.books import BOOKS
from smm_pipeline.warehouse.completeness import COMPLETENESS
from smm_pipeline.warehouse.failpoints import FAILPOINTS, VARIABLE, FailpointError
from smm_pipeline.warehouse.publish import publish
from tests.integration.publishing import (
    generations,
    publish_generation,
    published_catalog,
    settings_of,
    warehouse,
)
from tests.project_catalog import project_catalog

ROOT = Path(__file__).parents[2]
STRESS_SECONDS = float(os.environ.get("SMM_TEST_STRESS_SECONDS", "10"))
OLD_CLIENT = "1.4.4"
OLD_READER = """
import duckdb, json, sys
con = duckdb.connect(sys.argv[1], read_only=True)
tables = con.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
for table, in tables:
    con.execute(f"copy (select * from {table}) to '/dev/null'")
orders = con.execute("select sum(orders)::bigint from kpi.kpi_daily_benefit").fetchone()[0]
print(json.dumps([duckdb.__version__, len(tables), orders]))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An instance folder whose name needs quoting."""
    return tmp_path / "owner's shop"


@pytest.fixture
def con(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse(home) as connection:
        yield connection


def serving(home: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(settings_of(home).serving_file), read_only=True)


def process(*arguments: str, failpoint: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.publishing", *arguments],
        cwd=ROOT,
        env=os.environ | {VARIABLE: failpoint},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def files_in(home: Path) -> list[str]:
    return sorted(path.name for path in settings_of(home).serving_file.parent.iterdir())


# --- what is in the file ------------------------------------------------------------------------------------


def test_file_holds_every_published_table_and_says_what_it_is(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    done = publish_generation(home, con, 7)
    assert done.path == settings_of(home).serving_file
    assert files_in(home) == ["smm.duckdb"]
    with serving(home) as reader:
        tables = reader.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not starts_with(table_name, '_')"
        ).fetchall()
        # Reference data stands with the KPIs it explains; nothing of raw, staging or meta is there.
        assert {t[0] for t in tables} == set(done.tables)
        assert {"kpi.metric_dictionary", "kpi.kpi_daily_benefit", "core.dim_community"} <= set(done.tables)
        assert {name.split(".")[0] for name in done.tables} == {"kpi", "core"}
        publication = reader.execute(
            "select build_id, run_id, first_date::varchar, last_date::varchar, tables, storage_version, "
            "published_at <= now() from kpi._publication"
        ).fetchall()
        assert publication == [(done.build_id, "7", "2026-03-01", "2026-03-02", len(tables), "v1.0.0", True)]
        assert done.tables["kpi.kpi_daily_benefit"] == 5_000


def test_rows_are_stored_in_key_order(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    publish_generation(home, con, 1)
    with serving(home) as reader:
        ids = [
            row[0] for row in reader.execute("select community_id from kpi.kpi_daily_benefit order by rowid").fetchall()
        ]
    assert ids == [f"{number:08d}" for number in range(5_000)]


def test_every_table_and_column_carries_its_description(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    publish_generation(home, con, 1)
    with serving(home) as reader:
        bare = reader.execute(
            "select table_name, column_name from duckdb_columns() where not internal and coalesce(comment, '') = '' "
            "union all select table_name, '' from duckdb_tables() where coalesce(comment, '') = ''"
        ).fetchall()
        assert bare == []
        comment = reader.execute("select comment from duckdb_columns() where column_name = 'net_revenue_lower_amount'")
        # The words of the dictionary, which lies beside it.
        lower = (
            "Net revenue, lower bound: net revenue of the orders with a visit from a community, seen by referrer, "
            "tag or click id. Basis: credited. Mind: undercounts: apps and messengers often send no referrer"
        )
        zero = "NULL, not 0, where a feed of these is missing: shop_order, web_event, web_session"
        assert comment.fetchall() == [(f"{lower}. {zero}",)]
        labels = reader.execute(
            "select label_en, label_uk, label_ru from kpi.metric_dictionary "
            "where table_name = 'kpi_daily_benefit' and column_name = 'benefit_class'"
        )
        assert labels.fetchall() == [("Benefit class", "Клас користі", "Класс пользы")]


def test_same_rows_give_the_same_build_and_other_rows_another(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    first = publish_generation(home, con, 1)
    again = publish_generation(home, con, 1)
    other = publish_generation(home, con, 2)
    assert first.build_id == again.build_id
    assert first.tables == again.tables
    assert other.build_id != first.build_id


def test_the_connection_stays_usable_and_free_of_the_new_file(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    publish_generation(home, con, 1)
    attached = con.execute("select database_name from duckdb_databases() where not internal").fetchall()
    assert attached == [("warehouse",)]
    assert con.execute("select count(*) from kpi.kpi_daily_benefit").fetchone() == (5_000,)


# --- old BI drivers -----------------------------------------------------------------------------------------


@pytest.fixture
def old_python(request: pytest.FixtureRequest) -> Path:
    """Python of an environment with the DuckDB that BI tools ship, kept between runs in pytest's cache."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("old-duckdb")
    python = folder / OLD_CLIENT / "bin" / "python"
    with FileLock(folder / "lock"):
        if not (folder / OLD_CLIENT / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / OLD_CLIENT)], check=True)
            install = subprocess.run(
                [str(python), "-m", "pip", "install", "--quiet", "--retries", "1", f"duckdb=={OLD_CLIENT}"],
                capture_output=True,
                text=True,
                check=False,
                timeout=240,
            )
            if install.returncode:
                pytest.skip(f"duckdb {OLD_CLIENT} cannot be installed here: {install.stderr.strip()[-300:]}")
            (folder / OLD_CLIENT / "ready").touch()
    return python


@pytest.mark.timeout(300)
def test_duckdb_1_4_reads_the_file(home: Path, con: duckdb.DuckDBPyConnection, old_python: Path) -> None:
    publish_generation(home, con, 3)
    read = subprocess.run(
        [str(old_python), "-c", OLD_READER, str(settings_of(home).serving_file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    published = sum(1 for spec in published_catalog()) + len(BOOKS) + len([COMPLETENESS])
    assert json.loads(read.stdout) == [OLD_CLIENT, published + 1, 3 * 5_000]


# --- readers at any moment ----------------------------------------------------------------------------------


@pytest.mark.timeout(200)
def test_four_readers_and_a_publisher_never_disturb_each_other(home: Path) -> None:
    publisher = process("publisher", str(home), str(STRESS_SECONDS + 100))
    assert publisher.stdout is not None
    assert publisher.stdout.readline() == "ready\n"
    readers = [process(kind, str(home), str(STRESS_SECONDS)) for kind in ("reopen", "reopen", "session", "transaction")]
    outputs = [reader.communicate(timeout=STRESS_SECONDS + 60) for reader in readers]
    (home / "stop").touch()
    outputs.insert(0, publisher.communicate(timeout=60))
    assert [p.returncode for p in (publisher, *readers)] == [0] * 5, outputs
    published, *read = [json.loads(out) for out, _ in outputs]
    assert [(r["errors"], r["inconsistent"]) for r in read] == [(0, 0)] * 4, outputs
    assert published["published"] >= 2
    assert all(r["reads"] >= 5 for r in read)
    assert all(r["generations"] >= 2 for r in read[:2]), "who reopens sees newer builds"


# --- crashes and refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FAILPOINTS if name.startswith("publish.")])
def test_kill_at_any_point_leaves_a_whole_file_and_the_next_run_cleans_up(home: Path, name: str) -> None:
    with warehouse(home) as first:
        publish_generation(home, first, 1)
    killed = process("publish", str(home), "2", failpoint=f"{name}:kill9")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with serving(home) as reader:
        assert generations(reader) == [2 if name == "publish.after_replace" else 1]
    with warehouse(home) as again:
        publish_generation(home, again, 3)
    assert files_in(home) == ["smm.duckdb"]
    with serving(home) as reader:
        assert generations(reader) == [3]


def test_an_interrupted_publication_leaves_nothing_behind(
    home: Path, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_generation(home, con, 1)
    monkeypatch.setenv(VARIABLE, "publish.before_replace:raise")
    with pytest.raises(FailpointError):
        publish_generation(home, con, 2)
    assert files_in(home) == ["smm.duckdb"]
    monkeypatch.delenv(VARIABLE)
    publish_generation(home, con, 3)
    with serving(home) as reader:
        assert generations(reader) == [3]


def test_a_full_disk_is_told_before_anything_is_written(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    publish_generation(home, con, 1)
    settings = settings_of(home)
    greedy = settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update={"min_free_bytes": 10**18})})
    with pytest.raises(SmmError) as caught:
        publish(greedy, project_catalog(), con, run_id="2")
    assert caught.value.code == "SMM-106"
    assert "1,000,000,0" in caught.value.what
    with serving(home) as reader:
        assert generations(reader) == [1]


def test_a_table_that_is_missing_in_the_warehouse_publishes_nothing(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    publish_generation(home, con, 1)
    con.execute("drop table kpi.kpi_daily_supporters")
    with pytest.raises(SmmError) as caught:
        publish(settings_of(home), project_catalog(), con, run_id="2")
    assert caught.value.code == "SMM-304"
    assert "kpi_daily_supporters" in caught.value.what
    assert files_in(home) == ["smm.duckdb"]
    with serving(home) as reader:
        assert generations(reader) == [1]


def test_a_target_that_cannot_be_replaced_is_an_error_with_a_code(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    settings_of(home).serving_file.mkdir(parents=True)
    with pytest.raises(SmmError) as caught:
        publish_generation(home, con, 1)
    assert caught.value.code == "SMM-304"
    assert files_in(home) == ["smm.duckdb"]
    assert con.execute("select 1").fetchone() == (1,)


def test_a_serving_folder_that_is_a_file_is_an_error_with_a_code(home: Path, con: duckdb.DuckDBPyConnection) -> None:
    settings_of(home).serving_file.parent.write_text("in the way")
    with pytest.raises(SmmError) as caught:
        publish_generation(home, con, 1)
    assert caught.value.code == "SMM-304"
