"""Makes .venv from a hashed lock file; runs on a bare Python, before anything is installed.

Belongs here: creating the environment, installing exactly what a lock names, making the project importable,
and the stamp that lets the next call return at once. Does not belong here: choosing versions (`make lock`)
and whatever needs a package from the lock.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
PIP: tuple[str | Path, ...] = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
MINIMUM = (3, 11)  # requires-python of pyproject.toml


def main() -> int:
    """Bring .venv to the wanted profile; `dev` contains `run`, and a dev environment is never cut back."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("profile", choices=LOCKS)
    wanted = parser.parse_args().profile
    if sys.version_info < MINIMUM:
        return _refuse(f"Python {_version()} is too old; give a newer one: make PYTHON=python3.11")
    installed = _read_stamp()
    if any(installed == _stamp(profile) for profile in ("dev", wanted)):
        return 0
    profile = "dev" if installed.startswith("dev ") else wanted
    try:
        _make_venv()
        _install(LOCKS[profile])
        _run(PYTHON, "-m", "compileall", "-q", ROOT / "smm_pipeline")
    except subprocess.CalledProcessError as error:
        return _refuse(f"this command failed: {' '.join(map(str, error.cmd))}")
    _stamp_file().write_text(_stamp(profile), encoding="utf-8")
    return 0


def _version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _stamp(profile: str) -> str:
    content = LOCKS[profile].read_bytes() + (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()
    return f"{profile} {hashlib.sha256(content).hexdigest()}"


def _stamp_file() -> Path:
    return VENV / "setup.stamp"


def _read_stamp() -> str:
    return _stamp_file().read_text(encoding="utf-8") if _stamp_file().is_file() else ""


def _make_venv() -> None:
    if PYTHON.exists():
        return
    print(f"setup: making {VENV.name} with Python {_version()}", flush=True)
    try:
        _run(sys.executable, "-m", "venv", VENV)
    except subprocess.CalledProcessError:
        print("setup: on Debian and Ubuntu first run: apt-get install python3-venv", file=sys.stderr)
        raise


def _install(lock: Path) -> None:
    """Install the lock and then the project itself, which downloads nothing.

    uv is several times faster than pip, but does not read pip's configuration: where only pip knows the way
    to the packages (a company mirror in pip.conf), pip does it.
    """
    print(f"setup: installing {lock.name} (once; a minute or two)", flush=True)
    here = ("--quiet", "--python", PYTHON)
    if _have_uv(lock) and _succeeds(UV, "pip", "sync", *here, "--require-hashes", "--compile-bytecode", lock):
        return _run(UV, "pip", "install", *here, *_project())
    print("setup: uv does not reach the packages, going on with pip", flush=True)
    _run(*PIP, "--require-hashes", "--compile", "--requirement", lock)
    return _run(*PIP, *_project())


def _project() -> tuple[str | Path, ...]:
    """Arguments that make the checkout importable; the build backend comes from the lock."""
    return "--no-deps", "--no-build-isolation", "--editable", ROOT


def _have_uv(lock: Path) -> bool:
    """Install the uv that the lock names, checked by the same hashes."""
    if UV.exists():
        return True
    match = re.search(r"^uv==(?:.*\\\n)*.*", lock.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        return False
    requirement = VENV / "uv.txt"
    requirement.write_text(match.group() + "\n", encoding="utf-8")
    return _succeeds(*PIP, "--require-hashes", "--no-deps", "--requirement", requirement)


def _succeeds(*command: str | Path) -> bool:
    try:
        _run(*command)
    except subprocess.CalledProcessError:
        return False
    return True


def _run(*command: str | Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"}}
    subprocess.run(command, check=True, env=environment, cwd=ROOT)


def _refuse(reason: str) -> int:
    print(f"setup: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
