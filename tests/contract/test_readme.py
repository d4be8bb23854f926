"""The README's commands work: those of `smm` are run here as written, those of make by CI and by other tests."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from smm_pipeline.settings import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 100


def _commands() -> list[str]:
    """Lines of the README's shell blocks."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) < MOST_LINES


def test_smm_commands_run_as_written(tmp_path: Path) -> None:
    """One after the other in an empty folder, as a reader would type them."""
    commands = [shlex.split(line) for line in _commands() if line.startswith("smm ")]
    assert {"init", "run", "status"} <= {words[1] for words in commands}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SMM_")}
    for words in commands:
        program = [sys.executable, "-c", "from smm_pipeline.cli import main; main()", *words[1:]]
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [line for line in _commands() if line.startswith("make ")])
def test_make_commands_are_run_by_a_test_or_by_ci(command: str) -> None:
    runners = [PROJECT_ROOT / ".ci" / "run", *(PROJECT_ROOT / "tests").rglob("*.py")]
    runners.remove(Path(__file__).resolve())
    target = command.split()[1]
    as_words = re.compile(rf"make {target}\b|\"make\"[^\n]*\"{target}\"|\[[^\n\]]*\"{target}\"")
    assert any(as_words.search(path.read_text(encoding="utf-8")) for path in runners), f"nothing runs: {command}"


def test_every_make_command_named_in_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [*PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("docs/*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8"))}
    assert named <= targets


def test_no_other_kind_of_command_is_shown() -> None:
    assert not [line for line in _commands() if not line.startswith(("make ", "smm "))]
