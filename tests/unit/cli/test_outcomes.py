"""What the commands say about deliveries that went wrong: reasons, counts, refusals, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from smm_pipeline.cli.examine import doctor
from smm_pipeline.cli.texts import _waiting, run_dict, run_text
from smm_pipeline.pipeline import RunSummary
from smm_pipeline.settings import HOME_VARIABLE, PERSON_KEY_VARIABLE, PROJECT_ROOT
from smm_pipeline.validation import Verdict
from smm_pipeline.warehouse.audits import BuildResult
from tests.commands import TEST_KEY, smm
from tests.ingest_fixture import Instance

GOOD = '{"community": "c", "day": "2026-03-01", "followers": "7", "tags": []}\n'
BAD_DAY = '{"community": "c", "day": "2026-02-31", "followers": "7", "tags": []}\n'
UNREADABLE = '{"community": "c", \n'
SKIPPED = '{"community": "test", "day": "2026-03-01", "followers": "7", "tags": []}\n'


@pytest.fixture
def shop(tmp_path: Path) -> Instance:
    """One feed that skips a community called test."""
    made = Instance(tmp_path, {"good": 'mapping = "skipping.yml"'})
    text = (tmp_path / "followers_jsonl.yml").read_text(encoding="utf-8")
    skip = "skip: [{where: \"community = 'test'\", reason: test_community}]\n"
    (tmp_path / "skipping.yml").write_text(text + skip, encoding="utf-8")
    return made


def _json(shop: Instance, *arguments: str, code: int = 0) -> Any:
    ran = smm(shop.home, "--json", *arguments)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_rejects_and_skips_are_told_apart_and_add_up(shop: Instance) -> None:
    """Ingest prints equations that agree with the books, the reasons, and where to look; status tells the same."""
    shop.deliver("good", "a.jsonl", GOOD + BAD_DAY + UNREADABLE + SKIPPED)
    ran = smm(shop.home, "ingest")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = [
        "  4 records = 2 read + 1 rejected + 1 skipped on purpose",
        "  2 rows = 1 loaded + 0 duplicate + 0 superseded + 1 rejected",
        "  skipped on purpose: test_community 1",
    ]
    reasons = {r: 1 for _, _, found in shop.rejects() for r in found if not r.startswith("skipped:")}
    assert len(reasons) == 2
    for text in (ran.stdout, smm(shop.home, "status").stdout):
        lines = text.splitlines()
        assert [line for line in told if line not in lines] == []
        assert all(f"{reason} 1" in text for reason in reasons)
    assert "quality.rejects" in ran.stdout
    [feed] = _json(shop, "status")["feeds"]
    assert feed["reject_reasons"] == reasons
    assert feed["skip_reasons"] == {"test_community": 1}
    assert feed["counts"]["unreadable"] == 1


def test_a_delivery_rejected_whole_is_not_a_success(shop: Instance) -> None:
    """Exit code 3 when every record was refused; not when all of them are left out on purpose."""
    shop.deliver("good", "skips.jsonl", SKIPPED)
    assert _json(shop, "ingest")["nothing_loaded"] == []
    shop.deliver("good", "bad.jsonl", BAD_DAY)
    answer = _json(shop, "ingest", code=3)
    assert answer["nothing_loaded"] == [{"feed": "good", "file": "bad.jsonl"}]
    assert sum(answer["reject_reasons"]["good"].values()) == 1
    assert answer["skip_reasons"] == {}


def test_many_refusals_leave_the_summary_in_sight(shop: Instance) -> None:
    for n in range(14):
        shop.deliver("good", f"{n:02d}.jsonl", f"<html>{n}</html>")
    told = smm(shop.home, "ingest").stdout.splitlines()
    assert [line for line in told if "refused good/" in line] == [f"refused good/{n:02d}.jsonl:" for n in range(10)]
    assert "4 more; --json has all of them" in told


def test_a_refused_delivery_stays_in_sight_until_somebody_deals_with_it(shop: Instance) -> None:
    """Status and doctor tell of it with reason and hint; a corrected file under the same name ends it."""
    shop.deliver("good", "a.jsonl", "<html>login</html>")
    assert "in landing/ and not loaded yet: 1 file" in smm(shop.home, "status").stdout
    assert smm(shop.home, "ingest").returncode == 3
    assert _json(shop, "status")["unseen_files"] == 0
    [refused] = _json(shop, "status")["refused_deliveries"]
    assert (refused["feed"], refused["file"], refused["code"]) == ("good", "a.jsonl", "SMM-201")
    assert refused["reason"]
    text = smm(shop.home, "status").stdout
    assert "refused good/a.jsonl: SMM-201" in text
    again = smm(shop.home, "ingest")
    assert again.returncode == 0
    assert again.stdout.splitlines() == [
        "no new deliveries",
        "refused earlier and still in landing/: 1; smm status says why",
    ]
    assert _json(shop, "ingest")["refused_earlier"] == [{"feed": "good", "file": "a.jsonl"}]
    warned = [f for f in _json(shop, "doctor") if f["subject"] == "feed good" and f["status"] == "warning"]
    assert "a.jsonl" in warned[0]["message"]
    shop.deliver("good", "a.jsonl", GOOD)
    assert smm(shop.home, "ingest").returncode == 0
    assert _json(shop, "status")["refused_deliveries"] == []


def test_doctor_compiles_mappings_and_sees_folders_that_no_feed_reads(shop: Instance) -> None:
    """A typo in a mapping or in a folder's name is found before a run."""
    path = shop.home / "skipping.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("value: followers", "valeu: followers"), encoding="utf-8")
    shop.deliver("goood", "a.jsonl", GOOD)
    [broken] = _json(shop, "status")["broken_feeds"]
    assert (broken["feed"], broken["code"]) == ("good", "SMM-204")
    assert "feed good cannot be read: SMM-204" in smm(shop.home, "status").stdout
    findings = {f["subject"]: f for f in _json(shop, "doctor", code=1)}
    assert findings["feed good"]["status"] == "problem"
    assert "SMM-204" in findings["feed good"]["message"]
    assert "valeu" in findings["feed good"]["message"]
    assert findings["landing"]["status"] == "warning"
    assert "good?" in findings["landing"]["hint"]


def test_nothing_is_written_after_the_last_word(tmp_path: Path) -> None:
    """A whole process, since DuckDB reports leaks of its own when one ends that met an error beside its connection."""
    shop = Instance(tmp_path, {"bad": 'mapping = "followers_jsonl.yml"'})
    mapping = tmp_path / "followers_jsonl.yml"
    wrong = "metric_date: {expr: day, time: {format: dd.mm.yyyy}}"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("metric_date: day", wrong), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", "from smm_pipeline.cli import main; main()", "doctor"],
        cwd=PROJECT_ROOT,
        env=os.environ | {HOME_VARIABLE: str(shop.home), PERSON_KEY_VARIABLE: TEST_KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SMM-204" in ended.stdout
    assert (ended.returncode, ended.stderr) == (1, "")


def test_doctor_misses_a_calendar(shop: Instance) -> None:
    """Without one the rule of due purchases knows no holiday; a feed that fills the contract ends the warning."""
    findings = {f["subject"]: f for f in _json(shop, "doctor")}
    assert findings["calendar"]["status"] == "warning"
    assert "rules.paydays (1, 10, 25)" in findings["calendar"]["message"]
    assert "fills calendar_day with calendar_date, kind (holiday, payday) and name" in findings["calendar"]["hint"]
    mapping = "format: {kind: csv}\nsource_system: sheet\ncolumns: [d, k, n]\n"
    mapping += "tables: {calendar_day: {columns: {calendar_date: d, kind: k, name: n}}}\n"
    (shop.home / "days.yml").write_text(mapping, encoding="utf-8")
    with (shop.home / "smm.toml").open("a", encoding="utf-8") as file:
        file.write('\n[feeds.days]\nmapping = "days.yml"\n')
    assert "calendar" not in {f["subject"] for f in _json(shop, "doctor")}


def test_a_day_without_data_is_a_mistake(shop: Instance) -> None:
    """The answer names the days that have data."""
    shop.deliver("good", "a.jsonl", GOOD)
    failed = smm(shop.home, "run", "--date", "2030-01-01")
    assert failed.returncode == 1
    assert "SMM-501: there is no data on 2030-01-01" in failed.stderr
    assert "first day with data is 2026-03-01, the last 2026-03-01" in failed.stderr


def test_a_warning_of_a_check_has_a_name() -> None:
    """Table, check and rows; windows of days are summed up."""

    def verdict(rows: int) -> Verdict:
        return Verdict("few_gaps", "query", "warning", "failed", None, rows, 9, "")

    summary = RunSummary("r", built=[BuildResult("kpi.t", ("all",), 9, 0.1, (verdict(2), verdict(3)), "built")])
    assert "  warning: kpi.t: few_gaps, 5 rows" in run_text(summary).splitlines()
    assert "2 evaluated, 1 warning\n" in run_text(summary)
    assert run_dict(summary)["warnings"] == [{"table": "kpi.t", "check": "few_gaps", "rows": 5}]


def test_one_thing_is_told_in_the_singular(shop: Instance) -> None:
    """Ingest, status and doctor speak of one delivery with one record on one day, then of two."""
    shop.deliver("good", "a.jsonl", GOOD)
    ran = smm(shop.home, "ingest").stdout
    assert "good: 1 loaded delivery\n  1 record = 1 read" in ran
    assert "\n  1 row = 1 loaded" in ran
    status = smm(shop.home, "status").stdout
    assert "feed good: 1 delivery, 0 refused" in status
    assert "1 day waits to be built: 2026-03-01\n" in status
    doctor = smm(shop.home, "doctor").stdout
    assert "feed good: 1 file\n" in doctor
    assert "work database: 1 delivery\n" in doctor
    shop.deliver("good", "b.jsonl", GOOD.replace("03-01", "03-02"))
    assert "good: 1 loaded delivery\n" in smm(shop.home, "ingest").stdout
    status = smm(shop.home, "status").stdout
    assert "feed good: 2 deliveries, 0 refused" in status
    assert "2 days wait to be built: 2026-03-01, 2026-03-02\n" in status


def test_many_days_that_wait_are_a_number_and_not_a_range() -> None:
    """Five are listed; six days of nine months are not the nine months between them."""
    days = [f"2026-{month:02}-28" for month in range(2, 8)]
    assert _waiting(days[:5]) == ("5 days wait to be built: 2026-02-28, 2026-03-28, 2026-04-28, 2026-05-28, 2026-06-28")
    assert _waiting(days) == "6 days wait to be built, the first 2026-02-28, the last 2026-07-28"
    assert _waiting([]) == "everything is built"


def test_what_may_not_be_read_is_found(shop: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed folder looks empty, and a closed file is one of many. The refusal is the test's own: root may all."""
    system_access, closed = os.access, set[str]()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name not in closed and system_access(path, mode))
    shop.deliver("good", "a.jsonl", GOOD)
    shop.deliver("good", "march/b.jsonl", GOOD)

    def found(subject: str) -> list[tuple[str, str]]:
        return [(f.status, f.message) for f in doctor(shop.home) if f.subject == subject]

    landing = shop.home / "landing"
    assert found("feed good") == [("ok", "2 files")]
    closed.add("a.jsonl")
    told = "1 file or folder may not be read, e.g."
    assert found("feed good") == [("problem", f"{told} {landing / 'good' / 'a.jsonl'}")]
    closed.clear()
    closed.add("march")
    assert found("feed good") == [("problem", f"{told} {landing / 'good' / 'march'}")]
    results = {r.file_path: r for r in shop.ingest()}
    assert results["a.jsonl"].status == "loaded"
    assert results["march/"].error is not None
    assert (results["march/"].error.code, results["march/"].error.where) == ("SMM-209", str(landing / "good" / "march"))
    closed.add("landing")
    assert found("landing") == [("problem", f"{landing} may not be read")]
    assert found("feed good") == []


def test_waiting_for_another_process_is_said_once(shop: Instance) -> None:
    """The command names the holder and the patience on standard error."""
    with duckdb.connect(str(shop.home / "warehouse.duckdb")):
        waited = smm(shop.home, "status", SMM_WAREHOUSE__LOCK_TIMEOUT_SECONDS="1")
    assert waited.returncode == 1
    assert waited.stderr.count("holds the work database; waiting up to 1 s") == 1
    assert "SMM-301" in waited.stderr


def test_ctrl_c_is_told_and_has_its_exit_code(shop: Instance) -> None:
    """Here while it waits for another process."""
    # A test run in the background of a shell hands on that SIGINT is ignored, and Python then lets it be.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = f"{listening}; from smm_pipeline.cli import main; main()"
    program = [sys.executable, "-c", command, "ingest", "--home", str(shop.home)]
    with (
        duckdb.connect(str(shop.home / "warehouse.duckdb")),
        subprocess.Popen(program, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True) as waiting,
    ):
        assert waiting.stderr is not None
        assert "waiting up to 120 s" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        assert "interrupted; what was committed stays" in waiting.stderr.read()
    assert waiting.returncode == 130


def test_a_name_of_a_file_does_nothing_to_the_terminal(shop: Instance) -> None:
    """What would clear the screen or turn the writing round is shown as Python writes it."""
    shop.deliver("good", "a\x1b[2J\u202eb.jsonl", "[]\n" + UNREADABLE)
    shop.deliver("good", "c\x9b2J.jsonl", "<html>")
    told = smm(shop.home, "ingest")
    refused = smm(shop.home, "rejects", "list")
    shown = told.stdout + told.stderr + refused.stdout
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    assert r"a\x1b[2J\u202eb.jsonl line 1" in refused.stdout
    assert r"refused good/c\x9b2J.jsonl" in told.stdout


def test_a_name_of_a_file_forges_no_line(shop: Instance) -> None:
    """A line break in a name is shown as Python writes it: on the terminal, in errors and in what is kept."""
    forged = "SMM-000: all is well"
    shop.deliver("good", f"a\n{forged}\r\u2028.jsonl", "[]\n" + UNREADABLE)
    path = shop.deliver("good", f"b\n{forged}.jsonl", "<html>")
    checked = smm(shop.home, "check", str(path), "--feed", "good")
    missing = smm(shop.home, "check", str(path) + "\nx", "--feed", "good")
    told, again = smm(shop.home, "ingest"), smm(shop.home, "status")
    refused = smm(shop.home, "rejects", "list")
    for shown in (checked, missing, told, again, refused):
        lines = (shown.stdout + shown.stderr).split("\n")
        assert not [line for line in lines if line.startswith(forged)]
    assert rf"refused good/b\n{forged}.jsonl" in told.stdout
    assert rf"where: b\n{forged}.jsonl" in checked.stdout
    assert rf"a\n{forged}\r\u2028.jsonl line 1" in refused.stdout
