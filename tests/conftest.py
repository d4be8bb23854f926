"""What holds for every process that tests.

Belongs here: how such a process ends, and how properties are tried. Does not belong here: fixtures; they stand in the
modules that need them.
"""

from __future__ import annotations

from hypothesis import settings

from smm_pipeline.cli.output import end_quietly

# The same examples each time: a test that fails fails for everybody. Times belong in `make bench`.
settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")


def pytest_configure() -> None:
    """Let pytest's own line be the last one: DuckDB would report leaks of its binding after it."""
    end_quietly()
