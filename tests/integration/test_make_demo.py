"""`make demo` as a newcomer runs it, small: a published shop, a summary and the next step; then the same once more."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.settings import PERSON_KEY_VARIABLE, PROJECT_ROOT
from tests.commands import smm


@pytest.mark.timeout(280)
def test_make_demo_publishes_and_says_what_comes_next(tmp_path: Path) -> None:
    home = tmp_path / "instance"
    # The environment is the one that runs this test, so its set-up is left out (-o setup).
    command = ["make", "--no-print-directory", "-o", "setup", "demo", f"SMM_HOME={home}", "DEMO=--days 4 --scale 0.01"]
    no_key = {PERSON_KEY_VARIABLE: ""}  # a newcomer has none; the demo makes its own
    first = subprocess.run(
        command, cwd=PROJECT_ROOT, env=os.environ | no_key, capture_output=True, text=True, check=False
    )
    assert first.returncode == 0, f"{first.stdout}\n{first.stderr}"
    again = smm(home, "demo", "--days", "4", "--scale", "0.01", **no_key)
    assert again.returncode == 0, f"{again.stdout}\n{again.stderr}"
    assert "run again" in again.stdout
    with duckdb.connect(str(home / "serving" / "smm.duckdb"), read_only=True) as con:
        days = con.execute("select count(*) from core.dim_date").fetchall()
    assert days[0][0] >= 4
    assert "make ui" in first.stdout
    assert "smm.duckdb" in first.stdout
    assert list((home / "reports").glob("*.html"))
    # Its truth can be asked for; who makes a demo wants to see how far its figures can be trusted.
    compared = smm(home, "--json", "truth", **no_key)
    assert compared.returncode == 0, compared.stderr
    told = json.loads(compared.stdout)
    assert told["orders"] >= told["class_equal"] >= told["both_equal"] > 0
    assert sum(cell["orders"] for cell in told["classes"]) == told["orders"]
    assert sum(cell["orders"] for cell in told["communities"]) == told["orders"]
