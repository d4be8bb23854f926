"""`smm demo` may be repeated: what is run again, what is made anew, what is left alone."""

from __future__ import annotations

import csv
import json
import re
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.cli import demo
from smm_pipeline.cli.demo import MARK, Options, prepare_demo
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import PERSON_KEY_VARIABLE
from tests.commands import TEST_KEY, smm

OPTIONS = Options(days=3, scale=0.005, seed=7)
OTHER = Options(days=4, scale=0.005, seed=7)


def _deliveries(home: Path) -> dict[str, bytes]:
    return {str(p.relative_to(home)): p.read_bytes() for p in (home / "landing").rglob("*") if p.is_file()}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the environment's own, so that none of an .env stays in it after a test."""
    monkeypatch.setenv(PERSON_KEY_VARIABLE, TEST_KEY)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo that no test changes."""
    home = tmp_path_factory.mktemp("demo") / "instance"
    assert prepare_demo(home, OPTIONS)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A finished demo with something built in it."""
    target = tmp_path / "instance"
    shutil.copytree(made, target)
    with duckdb.connect(str(target / "warehouse.duckdb")) as con:
        con.execute("create table old (x int)")
    (target / "raw" / "old").write_bytes(b"")
    (target / "reports" / "old.html").write_bytes(b"")
    return target


def test_the_same_demo_is_not_made_again(home: Path) -> None:
    """Landing, settings and what was built stay."""
    with (home / "smm.toml").open("a", encoding="utf-8") as file:
        file.write("\n[rules]\nimpulse_hours = 24\n")
    assert not prepare_demo(home, OPTIONS)
    assert (home / "raw" / "old").exists()
    assert (home / "warehouse.duckdb").exists()
    assert "impulse_hours = 24" in (home / "smm.toml").read_text(encoding="utf-8")


def test_other_options_make_it_anew(home: Path, tmp_path: Path) -> None:
    """Its files are those of a new folder; only the key stays, and nothing of the old one."""
    (home / ".env").write_text("SMM_PERSON_KEY=mine", encoding="utf-8")
    assert prepare_demo(home, OTHER)
    prepare_demo(tmp_path / "fresh", OTHER)
    assert _deliveries(home) == _deliveries(tmp_path / "fresh")
    assert not (home / "warehouse.duckdb").exists()
    assert not list((home / "raw").iterdir()) + list((home / "reports").iterdir())
    assert (home / ".env").read_text(encoding="utf-8") == "SMM_PERSON_KEY=mine"


def test_another_last_day_moves_the_whole_history(home: Path) -> None:
    assert prepare_demo(home, Options.of(3, 0.005, 7, date(2026, 1, 10)))
    with (home / "truth" / "orders.csv").open(encoding="utf-8", newline="") as file:
        days = {row["order_date_local"] for row in csv.DictReader(file)}
    assert days
    assert days <= {"2026-01-08", "2026-01-09", "2026-01-10"}


def test_a_last_day_that_is_not_over_is_refused(tmp_path: Path) -> None:
    done = smm(tmp_path / "instance", "demo", "--last-day", "2999-01-01")
    assert done.returncode == 2
    assert "SMM-501: the last day 2999-01-01 is not over yet" in done.stderr
    assert not (tmp_path / "instance").exists()


def test_an_interrupted_one_is_made_anew(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C in the middle of the simulation leaves some files; the next try ends as if nothing had been."""
    home = tmp_path / "instance"

    def interrupted(folder: Path, **_: object) -> None:
        (folder / "landing" / "web").mkdir()
        (folder / "landing" / "web" / "half.jsonl").write_bytes(b"{")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo, "make_shop", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare_demo(home, OPTIONS)
    assert prepare_demo(home, OPTIONS)
    assert _deliveries(home) == _deliveries(made)
    assert not prepare_demo(home, OPTIONS)


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_demo_without_a_readable_mark_is_made_anew(home: Path, made: Path, text: str | None) -> None:
    """A demo of an earlier version has no mark; a damaged one says nothing."""
    (home / MARK).unlink()
    if text is not None:
        (home / MARK).write_text(text, encoding="utf-8")
    assert prepare_demo(home, OPTIONS)
    assert _deliveries(home) == _deliveries(made)
    assert json.loads((home / MARK).read_bytes())["finished"] is True


def test_a_folder_that_is_no_demo_is_refused(tmp_path: Path) -> None:
    """Settings, deliveries or a work database of somebody else; nothing in the folder changes."""
    (tmp_path / "smm.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(SmmError, match="SMM-501: this instance is not a demo"):
        prepare_demo(tmp_path, OPTIONS)
    (tmp_path / "smm.toml").unlink()
    (tmp_path / "landing" / "web").mkdir(parents=True)
    refused = smm(tmp_path, "demo", "--days", "3", "--scale", "0.005")
    assert refused.returncode == 1
    assert f"SMM-501: this instance is not a demo\n  where: {tmp_path / 'landing'}" in refused.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["landing"]


@pytest.mark.parametrize(
    ("pattern", "text", "told"),
    [
        (r"(?=\[feeds\.web\])", '[feeds.till]\nvendor = "ga4"\n', "feeds of your own: till"),
        (r"(?=\[feeds\.web\])", '[feeds.till]\nvendr = "ga4"\n', "feeds of your own: till"),
        (r"(?=\[feeds\.web\])", '[feeds.till]\nvendor = "ga4\n', "whose shop this is cannot be read"),
        (r"(?m)^name = .*", 'name = "Mine"', "a shop of your own: Mine"),
    ],
    ids=["feed", "feed with a wrong key", "no TOML", "shop"],
)
def test_a_shop_of_ones_own_in_a_demos_folder_stays(home: Path, pattern: str, text: str, told: str) -> None:
    """A feed that the demo does not have, or another shop's name, is not deleted with the demo, written well or not."""
    config = home / "smm.toml"
    config.write_text(re.sub(pattern, text, config.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    before = _deliveries(home)
    with pytest.raises(SmmError, match=rf"SMM-501.*{told}"):
        prepare_demo(home, OTHER)
    assert _deliveries(home) == before


def test_a_demo_in_use_is_not_taken_away(home: Path) -> None:
    """The holder of the work database is named and nothing is deleted."""
    with duckdb.connect(str(home / "warehouse.duckdb")):
        refused = smm(home, "demo", "--days", "4", "--scale", "0.005", SMM_WAREHOUSE__LOCK_TIMEOUT_SECONDS="0")
    assert refused.returncode == 1
    assert "SMM-301" in refused.stderr
    assert (home / "raw" / "old").exists()
