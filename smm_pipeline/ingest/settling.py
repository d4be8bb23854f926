"""Files of landing/ that are still being written.

Belongs here: telling a file that grows from one that is whole, by looking twice. Does not belong here: what a delivery
is (landing.py), and files that say themselves that they are unfinished, by name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from smm_pipeline.ingest.landing import landing_files
from smm_pipeline.settings import Settings

_log = logging.getLogger(__name__)


def growing_files(settings: Settings, feeds: Iterable[str]) -> frozenset[Path]:
    """Files that somebody writes right now; they are whole at a later run.

    Only where a file changed within the last `landing_settle_seconds` is there a wait, of at most so long, and a second
    look. A file from a machine whose clock is ahead is young for ever: it counts as whole when it does not change.
    """
    settle = settings.landing_settle_seconds
    if not settle:
        return frozenset()
    seen = {
        path: (info.st_size, info.st_mtime_ns)
        for feed in feeds
        for path, info in landing_files(settings.landing / feed, settings.feeds[feed])
    }
    now = time.time()
    ages = {path: age for path, (_, changed) in seen.items() if (age := now - changed / 1e9) < settle}
    if not ages:
        return frozenset()
    time.sleep(max(settle - max(age, 0) for age in ages.values()))
    growing = frozenset(path for path in ages if _state(path) != seen[path])
    if growing:
        names = ", ".join(sorted(repr(path.name) for path in growing))
        _log.warning("left for the next run, because somebody is writing them: %s", names)
    return growing


def _state(path: Path) -> tuple[int, int] | None:
    try:
        info = path.lstat()
    except OSError:
        return None
    return info.st_size, info.st_mtime_ns
