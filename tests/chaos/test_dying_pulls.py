"""Pulls that die: the next one ends where a pull that was never killed ends, and asks again only for what was not kept.

kill -9 at every failpoint of a pull and of the loading of its pages, then an ordinary pull.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from smm_pipeline.warehouse.failpoints import FAILPOINTS
from tests.api_server import Api, Call, Reply, serving
from tests.commands import smm
from tests.pulled_shop import VARIABLES, PulledShop

DESCRIBED = """
auth: {kind: header}
request: {path: /days, query: {changed: "{since}"}}
pages: {kind: number, parameter: page, count_header: X-Pages}
window: {kind: changes, first_days: 60}
"""
PAGES = {str(n): Reply([{"id": n, "country": "UA"}], headers={"X-Pages": "3"}) for n in (1, 2, 3)}
# Which visit kills, and the pages that are asked for after it: the bytes of page 2 without their mark are as if they
# had never come. The loading dies when all pages are marked, so that only what changed since is asked for.
DEATHS = {
    "pull.before_mark": (2, ["2", "3"]),
    "pull.after_mark": (2, ["3"]),
    "ingest.after_raw_store": (2, ["1"]),
    "ingest.before_commit": (1, ["1"]),
    "ingest.after_commit": (1, ["1"]),
}


@pytest.mark.parametrize("name", [name for name in FAILPOINTS if name.startswith(("pull.", "ingest."))])
def test_a_killed_pull_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    """Every record is there once, every page was kept once, and no page that was kept is asked for again."""
    visit, asked_after = DEATHS[name]
    with serving() as api:
        api.answer = lambda call: _page(api, call)
        shop = PulledShop(tmp_path, api, described=DESCRIBED)
        killed = _pull(shop, SMM_FAILPOINT=f"{name}:kill9:{visit}")
        assert killed == -signal.SIGKILL
        asked_before = [call.query["page"] for call in api.calls]
        assert asked_before == (["1", "2"] if name.startswith("pull.") else ["1", "2", "3"])
        assert _pull(shop) == 0
        asked = [call.query["page"] for call in api.calls][len(asked_before) :]
        assert asked == asked_after
        is_same_span = api.calls[-1].query["changed"] == api.calls[0].query["changed"]
        assert is_same_span == name.startswith("pull.")
    assert shop.rows("select day(calendar_date), _is_current from raw.calendar_day order by all") == [
        (1, True),
        (2, True),
        (3, True),
    ]
    counts = "select sum(rows_in), sum(loaded) from meta.delivery_count where table_name = 'raw.calendar_day'"
    assert shop.rows(counts) == [(3, 3)]
    kept = [path.read_bytes() for path in (tmp_path / "raw" / "feed").glob("??/*")]
    assert sorted(body for body in kept if body != b"[]") == sorted(page.body for page in PAGES.values())
    assert shop.mark()["is_done"]


def _page(api: Api, call: Call) -> Reply:
    """A page of the span that the first call asked for; nothing has changed since."""
    is_first_span = call.query["changed"] == api.calls[0].query["changed"]
    return PAGES[call.query["page"]] if is_first_span else Reply([], headers={"X-Pages": "1"})


def _pull(shop: PulledShop, **environment: str) -> int:
    """Run `smm pull` in a process of its own, without a proxy between it and the test's server."""
    return smm(shop.home, "pull", NO_PROXY="127.0.0.1", **VARIABLES, **environment).returncode
