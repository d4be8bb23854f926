"""What the package imports is declared, and what is declared is used; the locks name no index and have every hash."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from smm_pipeline.settings import PROJECT_ROOT

# Run as a program, or imported by a package that we use: pandas is what Great Expectations and altair work on.
USED_WITHOUT_IMPORT = {"dagster-webserver", "pandas", "vl-convert-python"}
LOCKS = ("requirements.lock", "requirements-dev.lock")


def _declared() -> set[str]:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.split(r"[<>=!~ \[;]", requirement)[0] for requirement in project["dependencies"]}


def _imported() -> set[str]:
    names = set()
    for path in (PROJECT_ROOT / "smm_pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    owners = packages_distributions()
    outside = names - sys.stdlib_module_names - {"smm_pipeline"}
    return {owner.lower().replace("_", "-") for name in outside for owner in owners.get(name, [f"unknown {name}"])}


def test_every_import_is_declared() -> None:
    assert sorted(_imported() - _declared()) == []


def test_every_declared_package_is_used() -> None:
    assert sorted(_declared() - _imported() - USED_WITHOUT_IMPORT) == []


def test_every_declared_package_has_its_reason() -> None:
    reasons = (PROJECT_ROOT / "DECISIONS.md").read_text(encoding="utf-8").lower()
    assert not [name for name in _declared() if not re.search(rf"\b{re.escape(name)}\b", reasons)]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_is_hashed_and_names_no_index(name: str) -> None:
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[\w.-]+(\[[\w,]+\])?==", entry) and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_dev_lock_contains_the_run_lock() -> None:
    """So that tests run on exactly what users get."""
    run, dev = (_pins(name) for name in LOCKS)
    assert run <= dev


def _pins(name: str) -> set[str]:
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
    return set(re.findall(r"^[\w.-]+(?:\[[\w,]+\])?==[^ ;]+", text, re.MULTILINE))
