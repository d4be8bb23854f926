"""What every command accepts, and what is told to somebody who typed one wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from smm_pipeline import __version__
from smm_pipeline.cli.arguments import Group
from smm_pipeline.cli.commands import app
from tests.commands import smm

GROUP = get_command(app)
assert isinstance(GROUP, Group)


@pytest.mark.parametrize("command", sorted(GROUP.commands))
def test_every_command_shows_json_in_its_help(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "--json" in shown.output


def test_json_may_stand_before_and_after_the_command(tmp_path: Path) -> None:
    answers = [smm(tmp_path, *words) for words in (["--json", "status"], ["status", "--json"])]
    assert [a.returncode for a in answers] == [1, 1]
    assert [json.loads(a.stdout)["error"]["code"] for a in answers] == ["SMM-101", "SMM-101"]


@pytest.mark.parametrize(
    ("words", "what", "where"),
    [
        (["run", "--bogus"], "No such option: --bogus", "smm run"),
        (["run", "--date", "May"], "'--date': 'May' does not match", "smm run"),
        (["ui", "--port", "x"], "'--port'", "smm ui"),
        (["statsu"], "No such command 'statsu'. Did you mean 'status'?", "smm"),
        (["classify"], "Missing argument 'file'", "smm classify"),
        (["status", "--home", ""], "expected a folder, got an empty text", "smm status"),
    ],
)
def test_a_command_typed_wrongly_has_a_code_and_a_next_step(
    tmp_path: Path, words: list[str], what: str, where: str
) -> None:
    """Exit code 2 for people and for programs, which get JSON wherever --json stands."""
    told = smm(tmp_path, *words)
    assert told.returncode == 2
    assert told.stderr.startswith("SMM-501: ")
    assert what in told.stderr
    assert f"\n  where: {where}\n  what to do: {where} --help" in told.stderr
    for as_json in (["--json", *words], [*words, "--json"]):
        answer = smm(tmp_path, *as_json)
        assert answer.returncode == 2
        error = json.loads(answer.stdout)["error"]
        assert (error["code"], error["where"]) == ("SMM-501", where)
        assert what in error["what"]
        assert "Traceback" not in answer.stderr


def test_the_version_is_an_option_and_a_command(tmp_path: Path) -> None:
    for words in (["--version"], ["version"]):
        assert smm(tmp_path, *words).stdout == f"{__version__}\n"
        assert json.loads(smm(tmp_path, *words, "--json").stdout) == {"version": __version__}


def test_the_bare_name_shows_the_help(tmp_path: Path) -> None:
    shown = smm(tmp_path)
    assert shown.returncode == 2
    assert "Usage: smm [OPTIONS] COMMAND" in shown.stderr
