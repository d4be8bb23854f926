"""Imported by the fork server of tests/commands.py alone: what a command imports and reads, once for all of them."""

from __future__ import annotations

from importlib import import_module

from tests.project_catalog import read_ahead

read_ahead()
for _name in ("smm_pipeline.cli", "smm_pipeline.pipeline", "great_expectations"):
    import_module(_name)
