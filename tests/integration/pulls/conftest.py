"""What tests of pulls share: one API on the loopback address for a whole module.

Belongs here: fixtures. Does not belong here: answers of vendors; they stand in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api_server import Api, Reply, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def api(server: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    # A proxy of the machine must not stand between a test and its own server.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.script(Reply({}, 404))
    return server
