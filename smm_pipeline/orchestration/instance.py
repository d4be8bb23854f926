"""The Dagster instance of a shop and its processes.

Belongs here: the folder SMM_HOME/dagster with its dagster.yaml, what the code location does without an instance, and
`start_ui`, which runs webserver and daemon until told to stop. Does not belong here: what Dagster runs.
"""

from __future__ import annotations

import fcntl
import importlib.resources
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import IO

import yaml

from smm_pipeline.errors import SmmError
from smm_pipeline.settings import HOME_VARIABLE, PROJECT_ROOT, Settings, Shop, instance_home, load_settings

HOST = "127.0.0.1"
DAGSTER_HOME = "DAGSTER_HOME"
READY_SECONDS = 120
STOP_SECONDS = 30
ERROR_CHARACTERS = 160
LOG_BYTES = 20_000_000


def settings_or_placeholder() -> Settings:
    """Settings of the instance; without one, a placeholder with which the graph can be looked at but not run.

    Raises:
        SmmError: SMM-102 when smm.toml exists and is wrong.
    """
    try:
        return load_settings()
    except SmmError as error:
        if error.code != "SMM-101":
            raise
        return Settings(home=instance_home(), shop=Shop(name="no instance", time_zone="UTC", currency="USD"))


def missing_instance(settings: Settings) -> str:
    """Why nothing can run, or an empty text."""
    path = settings.home / "smm.toml"
    return "" if path.is_file() else f"there is no {path}; run: smm init, or set {HOME_VARIABLE}, then reload"


def prepare_dagster_home(home: Path) -> Path:
    """Create SMM_HOME/dagster with the shipped dagster.yaml; a file that exists is the user's and stays."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "dagster.yaml"
    if not target.exists():
        shipped = importlib.resources.files("smm_pipeline.orchestration") / "dagster.yaml"
        target.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def create_storage(folder: Path) -> None:
    """Create Dagster's own databases in its folder, where they are missing.

    Webserver and daemon start together, and each would create them: on a new instance one of the two then finds half
    of the other's tables and ends.

    Raises:
        SmmError: SMM-601 when dagster.yaml is wrong.
    """
    # A second of imports that `smm init`, which needs only the folder, does not pay.
    import dagster as dg

    try:
        with _dagster_home(folder), dg.DagsterInstance.from_config(str(folder)):
            pass
    except (dg.DagsterError, yaml.YAMLError) as error:
        # Dagster lists all that it would have taken, on one line of thousands of characters.
        lines = [line.strip()[:ERROR_CHARACTERS] for line in str(error).splitlines()]
        where = str(folder / "dagster.yaml")
        raise SmmError("SMM-601", f"Dagster refuses its settings: {' '.join(lines)}", where=where) from error


@contextmanager
def _dagster_home(folder: Path) -> Iterator[None]:
    """Let dagster.yaml name its folder, as it does in the processes that are started."""
    before = os.environ.get(DAGSTER_HOME)
    os.environ[DAGSTER_HOME] = str(folder)
    try:
        yield
    finally:
        del os.environ[DAGSTER_HOME]
        if before is not None:
            os.environ[DAGSTER_HOME] = before


def start_ui(
    settings: Settings, port: int, *, read_only: bool = False, announce: Callable[[str], object] = print
) -> None:
    """Run the webserver on loopback, and the daemon, until SIGINT or SIGTERM; then end both.

    Args:
        settings: of the instance; its folder gets dagster/.
        port: of the webserver on 127.0.0.1; it has no login, so it is never bound to another address.
        read_only: without daemon, and the webserver refuses every change.
        announce: told the address once the webserver answers.

    Raises:
        SmmError: SMM-601 when the port is taken, another daemon serves the instance, or one of them does not start
            or ends by itself.
    """
    folder = prepare_dagster_home(settings.home)
    with nullcontext() if read_only else _only_daemon(folder) as lock:
        _require_free(port)
        create_storage(folder)
        _serve(settings.home, folder, port, lock, announce)


def _serve(home: Path, folder: Path, port: int, lock: int | None, announce: Callable[[str], object]) -> None:
    """Run the servers; without the daemon's lock without the daemon."""
    environment = os.environ | {
        DAGSTER_HOME: str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        HOME_VARIABLE: str(home),
    }
    workspace = ["-w", str(PROJECT_ROOT / "workspace.yaml")]
    commands = [["dagster_webserver", "-h", HOST, "-p", str(port), *workspace]]
    if lock is None:
        commands[0].append("--read-only")
    else:
        commands.append(["dagster._daemon", "run", *workspace])
    address = f"http://{HOST}:{port}"
    with _stop_signals() as stop, _processes(commands, environment, folder, lock) as processes:
        if _wait_until_ready(address, processes, folder, stop):
            announce(f"Dagster: {address}  (logs: {folder / 'logs'}; Ctrl-C ends it)")
        while not stop.wait(0.5):
            _check_alive(processes, folder)


@contextmanager
def _only_daemon(folder: Path) -> Iterator[int]:
    """Hold the folder for the one daemon it may have: with two, every schedule and sensor would fire twice.

    The daemon inherits the lock and holds it for as long as it lives, whatever becomes of this process; the operating
    system frees it however the holder dies.
    """
    path = folder / "daemon.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SmmError(
                "SMM-601",
                f"Dagster already runs for this instance, in the processes {path.read_text().strip() or '(starting)'}",
                where=str(folder),
                hint="use the one that runs, or end it; a second look without a daemon is: smm ui --read-only --port N",
            ) from None
        os.truncate(lock, 0)
        yield lock
    finally:
        os.close(lock)


def _require_free(port: int) -> None:
    """Refuse a port that another server holds: its answers would be taken for our own web server's."""
    with socket.socket() as test:
        # As the web server binds: a port that only waits out its last connections is free.
        test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            test.bind((HOST, port))
        except OSError as error:
            raise SmmError(
                "SMM-601",
                f"the port {port} cannot be had: {error.strerror}",
                where=f"{HOST}:{port}",
                hint="choose another with --port",
            ) from error


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT, SIGTERM and the end of the terminal set, the last unless nohup has it ignored."""
    stop = threading.Event()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def handler(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield stop
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


@contextmanager
def _processes(
    commands: list[list[str]], environment: dict[str, str], folder: Path, lock: int | None
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The commands as children, each in a session of its own so that a Ctrl-C reaches them once, through us."""
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    with ExitStack() as open_files:
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for command in commands:
                log = open_files.enter_context(_log(logs / f"{command[0]}.log"))
                # The working directory comes first on their sys.path; this folder holds no modules.
                process = subprocess.Popen(
                    [sys.executable, "-m", *command],
                    env=environment,
                    cwd=folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=() if lock is None else (lock,),
                )
                processes.append(process)
            if lock is not None:
                os.write(lock, " ".join(str(process.pid) for process in processes).encode())
            yield processes
        finally:
            _end(processes)


def _log(path: Path) -> IO[bytes]:
    """A log to append to: a read-only web server may write beside the daemon's. A large one makes room at a start."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask every process to end; then end what is left of its session: code servers and runs."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        number = signal.SIGTERM
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            number = signal.SIGKILL
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait()


def _wait_until_ready(
    address: str, processes: list[subprocess.Popen[bytes]], folder: Path, stop: threading.Event
) -> bool:
    """True once the webserver answers, False when told to stop before."""
    deadline = time.monotonic() + READY_SECONDS
    # A proxy of the machine knows nothing of its loopback.
    own = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while not stop.wait(0.3):
        _check_alive(processes, folder)
        try:
            with own.open(f"{address}/server_info", timeout=5):
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            if time.monotonic() > deadline:
                raise SmmError(
                    "SMM-601", f"the webserver did not answer within {READY_SECONDS} s", where=address
                ) from None
    return False


def _check_alive(processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    for process in processes:
        if (code := process.poll()) is not None:
            module = str(list(process.args)[2]) if isinstance(process.args, list) else str(process.args)
            raise SmmError(
                "SMM-601",
                f"{module} ended with exit code {code}",
                where=str(folder / "logs" / f"{module}.log"),
                hint="its last lines say why",
            )
