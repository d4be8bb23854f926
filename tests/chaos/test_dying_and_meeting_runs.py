"""Runs that die, and runs that meet: the next one, or both, end where a run alone and alive ends.

kill -9 at every failpoint of a run, then an ordinary run; and two runs at once on one instance. Pulls die in
test_dying_pulls.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.settings import HOME_VARIABLE, PERSON_KEY_VARIABLE, PROJECT_ROOT
from smm_pipeline.warehouse.failpoints import FAILPOINTS
from tests.commands import TEST_KEY, smm
from tests.instances import copy_instance, fingerprints, keep_feeds, small_shop

# Enough for orders, visits and touches; every further feed only adds tables of the same kind to seventeen runs.
FEEDS = {"web", "orders", "communities"}
COMMAND = [sys.executable, "-c", "from smm_pipeline.cli import main; main()", "run"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deliveries of a very small shop."""
    return keep_feeds(small_shop(tmp_path_factory.mktemp("shop"), days=3, scale=0.01), FEEDS)


@pytest.fixture(scope="module")
def alone(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance of a run that was never killed and had the machine to itself."""
    home = copy_instance(shop, tmp_path_factory.mktemp("alone") / "home")
    done = smm(home, "run")
    assert done.returncode == 0, done.stderr + done.stdout
    return home


@pytest.mark.parametrize("name", [name for name in FAILPOINTS if not name.startswith("pull.")])
def test_a_killed_run_is_made_good_by_the_next(name: str, shop: Path, alone: Path, tmp_path: Path) -> None:
    """The second visit of the failpoint kills, where there is one, so that something is done by then."""
    home = tmp_path / "home"
    if name.startswith("publish"):
        # Where a run stands that has built everything: the way there need not be walked again.
        shutil.copytree(alone, home)
        (home / "serving" / "smm.duckdb").unlink()
    else:
        copy_instance(shop, home)
    visit = "1" if name.startswith("publish") else "2"
    killed = smm(home, "run", SMM_FAILPOINT=f"{name}:kill9:{visit}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr + killed.stdout
    again = smm(home, "run")
    assert again.returncode == 0, again.stderr + again.stdout
    assert fingerprints(home / "serving" / "smm.duckdb") == fingerprints(alone / "serving" / "smm.duckdb")
    assert _checks(home) == _checks(alone)


def test_two_processes_run_the_same_days_at_once(shop: Path, alone: Path, tmp_path: Path) -> None:
    """Both are started together on an empty warehouse: one waits for the other, and every row is there once."""
    home = copy_instance(shop, tmp_path / "home")
    environment = {**os.environ, HOME_VARIABLE: str(home), PERSON_KEY_VARIABLE: TEST_KEY}
    processes = [
        subprocess.Popen(
            COMMAND, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=280)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    for layer in ("staging", "core", "kpi"):
        assert fingerprints(home / "warehouse.duckdb", layer) == fingerprints(alone / "warehouse.duckdb", layer)


def _checks(home: Path) -> list[tuple[str, ...]]:
    """Every check on record with its last outcome, as it was published."""
    with duckdb.connect(str(home / "serving" / "smm.duckdb"), read_only=True) as con:
        return con.execute("select table_name, check_id, status from kpi._checks order by all").fetchall()
