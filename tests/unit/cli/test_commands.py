"""The command line: exit codes, errors without tracebacks, JSON for programs."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.instances import smm


def test_init_makes_an_instance_that_doctor_likes(tmp_path: Path) -> None:
    """A new instance has its folders, a key that only its owner can read, and no problem."""
    home = tmp_path / "instance"
    made = smm(home, "init")
    assert made.returncode == 0, made.stderr
    assert {p.name for p in home.iterdir()} >= {"smm.toml", "landing", "mappings", "raw", "serving", "reports"}
    checked = smm(home, "--json", "doctor")
    findings = {f["subject"]: f["status"] for f in json.loads(checked.stdout)}
    assert checked.returncode == 0, checked.stdout
    assert findings["settings"] == "ok"
    assert findings["feeds"] == "warning"


def test_init_writes_a_key_for_its_owner_alone(tmp_path: Path) -> None:
    """Without a key in the environment init makes one of 256 bits."""
    home = tmp_path / "instance"
    assert smm(home, "init", SMM_PERSON_KEY="").returncode == 0
    path = home / ".env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text(encoding="utf-8").splitlines()[-1].partition("=")[2]) == 64


def test_init_leaves_an_existing_instance_alone(tmp_path: Path) -> None:
    """The second init refuses with a code and changes nothing."""
    home = tmp_path / "instance"
    smm(home, "init")
    (home / "smm.toml").write_text("mine", encoding="utf-8")
    again = smm(home, "init")
    assert again.returncode == 1
    assert "SMM-501" in again.stderr
    assert (home / "smm.toml").read_text(encoding="utf-8") == "mine"


def test_an_error_is_told_without_a_traceback(tmp_path: Path) -> None:
    """Code, what, where and what to do, on standard error."""
    failed = smm(tmp_path / "nowhere", "run")
    assert failed.returncode == 1
    assert "SMM-101" in failed.stderr
    assert "what to do:" in failed.stderr
    assert "Traceback" not in failed.stderr + failed.stdout


def test_an_error_is_json_for_programs(tmp_path: Path) -> None:
    """--json gives the same four fields."""
    failed = smm(tmp_path / "nowhere", "--json", "status")
    assert json.loads(failed.stdout)["error"]["code"] == "SMM-101"


def test_an_unexpected_error_is_told_too(tmp_path: Path) -> None:
    """Even a fault of the program meets the last handler; here an environment value that is no number."""
    home = tmp_path / "instance"
    smm(home, "init")
    failed = smm(home, "status", SMM_RULES__IMPULSE_HOURS="many")
    assert failed.returncode == 1
    assert "SMM-102" in failed.stderr
    assert "impulse_hours" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_days_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """--from without --to is a mistake, not a guess."""
    home = tmp_path / "instance"
    smm(home, "init")
    failed = smm(home, "run", "--from", "2026-03-01")
    assert failed.returncode == 1
    assert "SMM-501" in failed.stderr


def test_an_empty_instance_runs_and_says_so(tmp_path: Path) -> None:
    """No feed, no data: the run publishes empty tables and status has nothing to build."""
    home = tmp_path / "instance"
    smm(home, "init")
    ran = smm(home, "run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no new deliveries" in ran.stdout
    assert "everything is built" in smm(home, "status").stdout
