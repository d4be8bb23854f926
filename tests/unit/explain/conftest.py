"""The work databases that tests of links fill: rows of their own, or a case of the SQL that they name.

Belongs here: fixtures of several tests of this folder. Does not belong here: how they are filled and asked (filled.py,
cases.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.unit.explain.cases import Case
from tests.unit.explain.filled import Filled, filled


@pytest.fixture(scope="module")
def empty_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("filled") / "instance") as found:
        yield found


@pytest.fixture
def work(empty_work: Filled) -> Iterator[Filled]:
    """What a test puts into it is gone after the test."""
    empty_work.con.begin()
    yield empty_work
    empty_work.con.rollback()


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    home = tmp_path_factory.mktemp("case")
    with duckdb.connect(str(home / "case.duckdb")) as con:
        yield Case(con, request.param, home)
