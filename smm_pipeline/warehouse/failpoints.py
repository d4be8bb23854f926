"""Named places at which a test can kill, fail or hold a run.

Belongs here: the register of failpoints and what SMM_FAILPOINT does there. They are inert unless that variable names
them, so production code pays one dictionary look-up. Crash tests are parametrised over `FAILPOINTS`: a new stage
without a crash test cannot exist. Does not belong here: what a crash must leave behind; that is what the tests say.
"""

from __future__ import annotations

import os
import signal
import threading

FAILPOINTS: tuple[str, ...] = (
    "pull.before_mark",
    "pull.after_mark",
    "ingest.after_raw_store",
    "ingest.before_commit",
    "ingest.after_commit",
    "build.before_commit",
    "build.after_commit",
    "publish.after_build",
    "publish.before_replace",
    "publish.after_replace",
)
VARIABLE = "SMM_FAILPOINT"
# Several tables are built at a time.
_COUNTING = threading.Lock()


class FailpointError(RuntimeError):
    """Raised at a failpoint armed with `raise`."""


def failpoint(name: str) -> None:
    """Do what SMM_FAILPOINT=name:action[:count] asks for at this place.

    Actions are `kill9` (the process ends at once, as by kill -9) and `raise`. With a count the action happens at the
    count-th visit.
    """
    armed = os.environ.get(VARIABLE)
    if not armed:
        return
    if name not in FAILPOINTS:
        raise KeyError(f"unregistered failpoint {name}")
    target, _, rest = armed.partition(":")
    action, _, count = rest.partition(":")
    if target != name:
        return
    with _COUNTING:
        _, _, left = os.environ[VARIABLE].rpartition(":") if count else ("", "", "1")
        if int(left) > 1:
            os.environ[VARIABLE] = f"{target}:{action}:{int(left) - 1}"
            return
    if action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FailpointError(name)
