"""The house rules that a machine can hold: documented modules, short files, nothing of one machine or one moment."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from smm_pipeline.settings import PROJECT_ROOT

MAX_LINES = 350
CODE = {".py", ".sql"}
DATA = {".lock", ".csv", ".gz", ".zip", ".parquet", ".xlsx", ".svg", ".png", ".js", ".log"}
CORPUS = "tests/corpus/"  # deliveries in their vendors' shapes, broken ones among them
# Each pattern is written so that it does not match itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.$~{}/:-])/(?:work|home|root|Users|opt|mnt)/\w",
    "a temporary path (tests take tmp_path)": r"(?<![\w.$~{}/-])/[t]mp/",
    "an index address": r"--(?:extra-)?index-ur[l]|[p]ypi\.org|[f]iles\.pythonhosted\.org|--find-link[s]",
    "an unfinished note": r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b",
    "a silenced linter without a reason": r"#\s*(?:noq[a]|type:\s*ignor[e])(?::\s*[A-Z0-9, ]+|\[[\w, -]+\])?\s*$",
    "a wait by the clock": r"\btime\.slee[p]\(",
}


def _tracked() -> list[Path]:
    """Files of the project: what git knows, or everything that is not hidden where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode == 0:
        files = [PROJECT_ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        files = [p for p in PROJECT_ROOT.rglob("*") if not p.relative_to(PROJECT_ROOT).parts[0].startswith(".")]
    return sorted(p for p in files if p.is_file() and p.suffix not in DATA and CORPUS not in p.as_posix())


FILES = _tracked()


def _name(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT))


def test_every_module_says_what_belongs_in_it() -> None:
    modules = [p for p in FILES if p.suffix == ".py" and p.read_text(encoding="utf-8").strip()]
    silent = [_name(p) for p in modules if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    assert not silent


def test_package_modules_say_what_does_not_belong_in_them() -> None:
    limit = re.compile(r"\b(?:not|nothing|only|no)\b", re.IGNORECASE)
    silent = []
    for path in FILES:
        if path.suffix == ".py" and path.name != "__init__.py" and _name(path).startswith("smm_pipeline/"):
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            if not limit.search(docstring):
                silent.append(_name(path))
    assert not silent


def test_no_file_is_long() -> None:
    lengths = {_name(p): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES if p.suffix in CODE}
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_LINES}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{_name(path)}:{number}: {line.strip()[:120]}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line) and (what != "a wait by the clock" or _name(path).startswith("tests/"))
    ]
    assert not found, f"{what}:\n" + "\n".join(found)


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{_name(page)}: {target}"
        for page in FILES
        if page.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken
