"""The linters pass; the commands stand in the Makefile, once."""

from __future__ import annotations

import subprocess

import pytest

from smm_pipeline.settings import PROJECT_ROOT


@pytest.mark.timeout(240)
@pytest.mark.parametrize("target", ["lint-ruff", "lint-mypy", "lint-imports", "lint-sql"])
def test_linter_passes(target: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", target], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
