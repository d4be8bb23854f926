"""The same arguments give the same bytes, whatever the process, the hash seed and the local time zone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from smm_pipeline.shop import make_shop


def fingerprint(home: Path) -> dict[str, str]:
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(("hash_seed", "zone"), [("1", "America/New_York"), ("2", "Asia/Tokyo")])
def test_equal_bytes_in_another_process(tmp_path: Path, hash_seed: str, zone: str) -> None:
    make_shop(tmp_path / "here", days=12, scale=0.01)
    code = "import sys, pathlib, smm_pipeline.shop as s; s.make_shop(pathlib.Path(sys.argv[1]), days=12, scale=0.01)"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, env=environment)
    assert fingerprint(tmp_path / "here") == fingerprint(tmp_path / "there")


def test_another_seed_is_another_shop(tmp_path: Path) -> None:
    make_shop(tmp_path / "a", seed=1, days=4, scale=0.01)
    make_shop(tmp_path / "b", seed=2, days=4, scale=0.01)
    a, b = fingerprint(tmp_path / "a"), fingerprint(tmp_path / "b")
    assert a["smm.toml"] == b["smm.toml"]
    assert a["truth/orders.csv"] != b["truth/orders.csv"]


@pytest.mark.parametrize("days", [1, 2, 3, 8])
def test_any_length_works(tmp_path: Path, days: int) -> None:
    facts = make_shop(tmp_path, days=days, scale=0.005, last_day=date(2026, 3, 30))
    assert (facts.last_day - facts.first_day).days == days - 1
    assert facts.last_day == date(2026, 3, 30)
    assert facts.orders >= 24
    assert facts.files == sum(1 for path in (tmp_path / "landing").rglob("*") if path.is_file())


def test_a_filled_landing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "landing" / "web").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="landing"):
        make_shop(tmp_path, days=1, scale=0.01)


@pytest.mark.parametrize(("days", "scale"), [(0, 1.0), (5, 0.0), (5, -1.0)])
def test_senseless_sizes_are_refused(tmp_path: Path, days: int, scale: float) -> None:
    with pytest.raises(ValueError, match="days"):
        make_shop(tmp_path, days=days, scale=scale)
