"""One daemon per instance, whatever becomes of the command that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.orchestration.instance import _only_daemon, _wait_until_ready
from smm_pipeline.settings import PROJECT_ROOT
from tests.api_server import Reply, serving

# Starts a server in the daemon's place, as start_ui does, and then waits to be killed.
STARTER = """
import os, sys
from pathlib import Path
from smm_pipeline.orchestration.instance import _only_daemon, _processes
folder, server = Path(sys.argv[1]), ["http.server", "0", "--bind", "127.0.0.1"]
with _only_daemon(folder) as lock, _processes([server], dict(os.environ), folder, lock) as started:
    print(started[0].pid, flush=True)
    sys.stdin.read()
"""


def test_a_daemon_that_outlives_its_command_keeps_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        daemon = int(starter.stdout.readline())
        starter.kill()
    try:
        with pytest.raises(SmmError) as caught, _only_daemon(tmp_path):
            pass
        assert caught.value.code == "SMM-601"
        assert str(daemon) in caught.value.what
    finally:
        os.kill(daemon, signal.SIGKILL)
    wait_until_free(tmp_path)


def test_a_proxy_of_the_machine_does_not_stand_before_its_own_webserver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy takes every call, and answers none of them well."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving() as webserver, serving() as proxy:
        webserver.script(Reply({"dagster_version": "1"}))
        monkeypatch.setenv("http_proxy", proxy.url)
        assert _wait_until_ready(webserver.url, [], tmp_path, threading.Event())
    assert (len(webserver.calls), proxy.calls) == (1, [])


def wait_until_free(folder: Path, seconds: float = 30) -> None:
    """Until the system has taken the dead process's lock away."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while True:
        try:
            with _only_daemon(folder):
                return
        except SmmError:
            assert time.monotonic() < deadline, "the lock outlives its holder"
            pause.wait(0.1)
