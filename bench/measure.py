"""Running one step in a process of its own and measuring it.

Belongs here: the child process, its wall time, CPU time and peak memory. Does not belong here: what a step does.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULT_MARK = "bench-result:"


@dataclass(frozen=True)
class Measured:
    """One step: seconds of wall and CPU without the imports, peak resident bytes of its process, and its answer."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    answer: Mapping[str, Any]


def in_child(step: str, *arguments: str) -> Measured:
    """Run `python -m bench.steps STEP ARGUMENTS` and read back what it measured of itself.

    Raises:
        subprocess.CalledProcessError: when the step fails; its own words are on standard error.
    """
    command = [sys.executable, "-m", "bench.steps", step, *arguments]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    line = next(line for line in reversed(output.splitlines()) if line.startswith(RESULT_MARK))
    return Measured(**json.loads(line.removeprefix(RESULT_MARK)))


def report(work: Callable[[], Mapping[str, Any]]) -> None:
    """Do the work of a step in this process and print the measurement for `in_child`."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    answer = work()
    measured = Measured(time.perf_counter() - wall, _cpu_seconds() - cpu, _peak_bytes(), answer)
    print(RESULT_MARK + json.dumps(asdict(measured)), flush=True)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_bytes() -> int:
    """Peak resident size; Linux keeps it per program, which getrusage does not: it starts at the parent's."""
    status = Path("/proc/self/status")
    if status.is_file():
        peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if peak:
            return int(peak[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
