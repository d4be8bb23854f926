"""The project's own catalog, read once in each process that tests: reading it takes half a second.

Belongs here: that, also for the forks of tests/commands.py, which import this module first. Does not belong here:
catalogs of other projects.
"""

from __future__ import annotations

from functools import cache

from smm_pipeline import catalog

project_catalog = cache(catalog.load_catalog)


def read_ahead() -> None:
    """Make every later `load_catalog()` of this process, and of its forks, find the catalog read."""
    project_catalog()
    catalog.load_catalog = project_catalog
