"""What holds for every process that tests.

Belongs here: how such a process ends. Does not belong here: fixtures; they stand in the modules that need them.
"""

from __future__ import annotations

from smm_pipeline.cli.output import end_quietly


def pytest_configure() -> None:
    """Let pytest's own line be the last one: DuckDB would report leaks of its binding after it."""
    end_quietly()
