"""The real `smm` command in a process of its own, without importing and reading the project each time.

Belongs here: running one command and what it wrote and ended with. Does not belong here: instances and assertions.

Most of a command on a small instance is the import of Great Expectations and the reading of sql/, and the tests run
some hundred commands. So each test process keeps a fork server that has done both (tests/command_server.py); a command
is a fork of it with its own environment, output and end. The tests of the README and of two runs at once start whole
interpreters.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smm_pipeline.settings import HOME_VARIABLE, PERSON_KEY_VARIABLE, PROJECT_ROOT

TEST_KEY = "test-key-of-at-least-32-bytes-0123456789"
TIMEOUT_SECONDS = 300
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.command_server"])


def smm(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `smm` on an instance; what it wrote, and its exit code or, below zero, the signal that ended it."""
    env = {**os.environ, HOME_VARIABLE: str(home), PERSON_KEY_VARIABLE: TEST_KEY, **environment}
    with tempfile.TemporaryDirectory() as folder:
        written = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _SERVER.Process(target=_command, args=(list(arguments), env, [str(path) for path in written]))
        process.start()
        process.join(TIMEOUT_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["smm", *arguments], TIMEOUT_SECONDS)
        said = [path.read_text(encoding="utf-8") if path.exists() else "" for path in written]
    return subprocess.CompletedProcess(["smm", *arguments], process.exitcode, *said)


def _command(arguments: list[str], environment: dict[str, str], written: list[str]) -> None:
    """In the fork: become the command. Its SystemExit is the exit code of the process."""
    for descriptor, path in zip((1, 2), written, strict=True):
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(target, descriptor)
        os.close(target)
    os.chdir(PROJECT_ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["smm", *arguments]
    from smm_pipeline.cli import main

    main()
