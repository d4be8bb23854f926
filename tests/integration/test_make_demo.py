"""`make demo` as a newcomer runs it, small, and runs it again: a published shop, a summary and the next step."""

from __future__ import annotations

import subprocess
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.settings import PROJECT_ROOT


@pytest.mark.timeout(280)
def test_make_demo_publishes_and_says_what_comes_next(tmp_path: Path) -> None:
    home = tmp_path / "instance"
    # The environment is the one that runs this test, so its set-up is left out (-o setup).
    command = ["make", "--no-print-directory", "-o", "setup", "demo", f"SMM_HOME={home}", "DEMO=--days 4 --scale 0.01"]
    first, again = (
        subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False) for _ in range(2)
    )
    assert first.returncode == 0, f"{first.stdout}\n{first.stderr}"
    assert again.returncode == 0, f"{again.stdout}\n{again.stderr}"
    assert "run again" in again.stdout
    with duckdb.connect(str(home / "serving" / "smm.duckdb"), read_only=True) as con:
        days = con.execute("select count(*) from core.dim_date").fetchall()
    assert days[0][0] >= 4
    assert "make ui" in first.stdout
    assert "smm.duckdb" in first.stdout
    assert list((home / "reports").glob("*.html"))
