"""The command line: exit codes, errors without tracebacks, JSON for programs."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.cli.output import fail
from tests.commands import smm


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


def test_what_an_unexpected_error_quotes_names_no_person(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a fault of the database alone may repeat the value that it stumbled over."""
    for error in (
        ValueError("no number: 'olha@buyer.example'"),
        duckdb.ConversionException("from 'olha@buyer.example'"),
    ):
        with pytest.raises(SystemExit):
            fail(error)
    told = capsys.readouterr().err
    assert (told.count("SMM-901: "), "SMM-901: ValueError: no number: '(...)'" in told, "olha" in told) == (
        2,
        True,
        False,
    )


def test_days_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """--from without --to is a mistake, not a guess."""
    home = tmp_path / "instance"
    smm(home, "init")
    for days in (
        ("--from", "2026-03-01"),
        ("--date", "2026-03-01", "--from", "2026-03-01", "--to", "2026-03-02"),
        ("--from", "2026-03-02", "--to", "2026-03-01"),
    ):
        failed = smm(home, "run", *days)
        assert failed.returncode == 2
        assert "SMM-501" in failed.stderr


def test_what_cannot_be_written_has_a_code(tmp_path: Path) -> None:
    """A file in place of a folder, at every command that writes; not a word of damage or of a bug."""
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    for arguments in (["init"], ["demo", "--days", "3", "--scale", "0.005"]):
        for home in (taken, taken / "below"):
            failed = smm(home, *arguments)
            assert failed.returncode == 1
            assert "SMM-107: not writable: " in failed.stderr
            assert f"where: {taken}" in failed.stderr
            assert "move it away" in failed.stderr
    home = tmp_path / "instance"
    smm(home, "init")
    (home / "warehouse.duckdb").mkdir()
    for command in ("run", "ingest", "status", "publish"):
        failed = smm(home, command)
        assert f"SMM-107: not writable: Is a directory\n  where: {home / 'warehouse.duckdb'}" in failed.stderr
    assert taken.read_text(encoding="utf-8") == "mine"


def test_a_goal_of_nothing_is_told_by_the_run_and_by_doctor(tmp_path: Path) -> None:
    """The short name of a class is something; nobody knows a nowhere, and there is a word near to the third."""
    home = tmp_path / "instance"
    smm(home, "init")
    with (home / "smm.toml").open("a", encoding="utf-8") as file:
        for name, scope in (("Word", "D1"), ("Lost", "nowhere"), ("Typo", "telegramm")):
            file.write(f"\n[[goals]]\nname = '{name}'\nkpi = 'kpi_daily_benefit.orders'\nscope = '{scope}'\n")
            file.write("target = 5\ndue_on = 2030-06-30\n")
    ran = smm(home, "run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "warning: kpi.kpi_goal_progress: scope_is_known, 2 rows" in ran.stdout
    checked = smm(home, "--json", "doctor")
    assert checked.returncode == 0, checked.stdout
    found = {f["subject"]: f for f in json.loads(checked.stdout) if f["subject"].startswith("goal ")}
    assert {name: finding["status"] for name, finding in found.items()} == {
        "goal Lost": "warning",
        "goal Typo": "warning",
    }
    assert "its scope nowhere is no network, community, class" in found["goal Lost"]["message"]
    assert found["goal Typo"]["hint"].startswith("did you mean telegram")


def test_doctor_tries_to_write(tmp_path: Path) -> None:
    """It names the folder before a run meets it, and leaves nothing behind."""
    home = tmp_path / "instance"
    smm(home, "init")
    assert "ok       folders: writable" in smm(home, "doctor").stdout
    assert list((home / "raw").iterdir()) == []
    (home / "raw").rmdir()
    (home / "raw").write_text("", encoding="utf-8")
    checked = smm(home, "doctor")
    assert checked.returncode == 1
    assert f"PROBLEM  folders: SMM-107: not writable: Not a directory ({home / 'raw'}" in checked.stdout


def test_an_empty_instance_runs_and_status_writes_nothing(tmp_path: Path) -> None:
    """No feed, no data: the run publishes empty tables and status has nothing to build.

    Status makes no work database where there is none and writes into none; only changed seeds are loaded.
    """
    home = tmp_path / "instance"
    smm(home, "init")
    assert "no data yet" in smm(home, "status").stdout
    assert not (home / "warehouse.duckdb").exists()
    ran = smm(home, "run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no new deliveries" in ran.stdout
    before = (home / "warehouse.duckdb").read_bytes()
    assert "everything is built" in smm(home, "status").stdout
    assert (home / "warehouse.duckdb").read_bytes() == before
    assert smm(home, "status", SMM_SHOP__OWN_HOSTS='["other.example"]').returncode == 0
    spam = smm(home, "status", SMM_SHOP__OWN_HOSTS='["other.example"]', SMM_CHANNELS__SPAM_HOSTS='["Spam.example"]')
    assert spam.returncode == 0, spam.stderr
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select * from seeds.shop_host where host = 'other.example'").fetchall()
        assert con.execute("select source, category from seeds.shop_source").fetchall() == [("spam.example", "spam")]


def test_status_names_the_feeds_that_are_silent_now(tmp_path: Path) -> None:
    """Those of the newest day that is known; a silence that is over is none."""
    home = tmp_path / "instance"
    smm(home, "init")
    assert smm(home, "run").returncode == 0
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute(
            "insert into kpi.data_quality values ('2026-03-09', 'feed:shop', 'silent_share', 1, 1, 1), "
            "('2026-03-10', 'feed:shop', 'silent_share', 0, 1, 0), ('2026-03-10', 'feed:web', 'silent_share', 1, 1, 1)"
        )
    assert json.loads(smm(home, "--json", "status").stdout)["silent_feeds"] == ["web"]
    assert "feed web: warning: daily until now, and nothing for four days or more" in smm(home, "status").stdout
    with (home / "smm.toml").open("a", encoding="utf-8") as config:
        config.write('\n[feeds.web]\nvendor = "ga4"\nsilence = "error"\nconstants = {property_id = "1"}\n')
    assert json.loads(smm(home, "--json", "status").stdout)["silent_feeds_needed"] == ["web"]
    assert "feed web: error: daily until now, and nothing for four days or more" in smm(home, "status").stdout


def test_a_run_ends_with_4_where_a_silence_is_an_error_and_publishes_all_the_same(tmp_path: Path) -> None:
    """Five deliveries of a feed, one a day until the fifth of March."""
    home = tmp_path / "instance"
    smm(home, "init")
    with (home / "smm.toml").open("a", encoding="utf-8") as config:
        config.write('\n[feeds.web]\nvendor = "ga4"\nsilence = "error"\nconstants = {property_id = "1"}\n')
    quiet = smm(home, "run")
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute(
            "insert into meta.delivery by name select 'web' as feed, n::varchar as delivery_id, 'x' as file_path, "
            "1 as byte_count, timestamptz '2026-03-01 12:00:00+00' + n * interval 1 day as extracted_ts, '' as run_id, "
            "'' as mapping_hash, 'loaded' as status, [] as warnings, now() as recorded_at from range(5) t(n)"
        )
    ran = smm(home, "run")
    assert ran.returncode == 4
    assert "SMM-403: feed web has been silent since 2026-03-05, and smm.toml calls that an error" in ran.stdout
    assert f"serving file: {home / 'serving' / 'smm.duckdb'}" in ran.stdout
    assert json.loads(smm(home, "run", "--json").stdout)["silent"][0]["code"] == "SMM-403"
    warned = smm(home, "run", SMM_FEEDS__WEB__SILENCE="warn")
    assert (warned.returncode, "SMM-403" in warned.stdout) == (0, False)


def test_a_missing_key_is_named_and_made_as_long_as_there_is_no_data(tmp_path: Path) -> None:
    """The error names the file; init makes it; once there is a work database a new key would make strangers of all."""
    home = tmp_path / "instance"
    smm(home, "init", SMM_PERSON_KEY="")
    (home / ".env").unlink()
    failed = smm(home, "run", SMM_PERSON_KEY="")
    assert failed.returncode == 1
    assert f"where: {home / '.env'}" in failed.stderr
    assert not (home / "warehouse.duckdb").exists()
    made = smm(home, "init", SMM_PERSON_KEY="")
    assert made.returncode == 0, made.stderr
    assert str(home / ".env") in made.stdout
    assert smm(home, "ingest", SMM_PERSON_KEY="").returncode == 0
    (home / ".env").unlink()
    refused = smm(home, "init", SMM_PERSON_KEY="")
    assert refused.returncode == 1
    assert "SMM-103" in refused.stderr
    assert "put it back from its backup" in refused.stderr
    assert not (home / ".env").exists()


def test_another_key_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    """Under another key the same persons would be strangers; the old key goes on, and an empty database takes any."""
    home = tmp_path / "instance"
    smm(home, "init")
    assert smm(home, "ingest").returncode == 0
    other = "another-key-of-at-least-32-bytes-0123456789"
    refused = smm(home, "run", SMM_PERSON_KEY=other)
    assert refused.returncode == 1
    assert "SMM-103: the person key is not the one that the work database was made with" in refused.stderr
    found = {f["subject"]: f["status"] for f in json.loads(smm(home, "--json", "doctor", SMM_PERSON_KEY=other).stdout)}
    assert found["person key"] == "problem"
    assert smm(home, "ingest").returncode == 0
    (home / "warehouse.duckdb").unlink()
    assert smm(home, "ingest", SMM_PERSON_KEY=other).returncode == 0
