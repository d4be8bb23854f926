"""The work database that tests of links fill.

Belongs here: fixtures of several tests of this folder. Does not belong here: how it is filled and asked (filled.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
