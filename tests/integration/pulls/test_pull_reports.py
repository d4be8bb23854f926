"""Reports that a vendor makes to order, as Metrica's Logs API: ordered once, awaited, fetched in parts, cleaned up."""

from __future__ import annotations

from pathlib import Path

import pytest

from smm_pipeline.pulls import PullResult
from smm_pipeline.pulls.sources import VENDORS
from tests.api_server import Api, Reply
from tests.pulled_shop import CANARY, VARIABLES, PulledShop

REPORT = "/counter/9/logrequest"
ORDER, POLL, CLEAN = ("POST", f"{REPORT}s"), ("GET", f"{REPORT}/31"), ("POST", f"{REPORT}/31/clean")


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def metrica(home: Path, api: Api, first_day: str = "2026-03-07", *lines: str) -> PulledShop:
    """A shop whose feed is pulled from Metrica, its days from the first to 9 March."""
    pull = ['vendor = "metrica_visits"', 'account = "9"', f"first_day = {first_day}", *lines]
    return PulledShop(home, api, mapping="pulled_lines.yml", pull="\n".join(pull))


def code(result: PullResult) -> str:
    """Code of what ended the pull early."""
    return result.error.code if result.error else ""


def called(api: Api) -> list[tuple[str, str]]:
    """What was asked of the source, in turn."""
    return [(call.method, call.path) for call in api.calls]


def fetched(number: int) -> tuple[str, str]:
    """The call for a part."""
    return "GET", f"{REPORT}/31/part/{number}/download"


def report(status: str, parts: int = 0) -> Reply:
    """An answer about a report of Metrica."""
    listed = [{"part_number": n, "size": 5} for n in range(parts)]
    return Reply({"log_request": {"request_id": 31, "status": status, "parts": listed}})


def part(day: str) -> Reply:
    """One part of it."""
    return Reply(f"day\tcountry\n{day}\tUA\n".encode(), headers={"Content-Type": "text/tab-separated-values"})


def test_metrica(tmp_path: Path, api: Api) -> None:
    """Ordered, awaited, fetched in parts, cleaned up; cut in between, the next pull goes on with that report."""
    shop = metrica(tmp_path, api)
    api.script(report("created"), report("created"), report("processed", 2), part("2026-03-07"), Reply({}, 420))
    result, _ = shop.pull()
    assert (code(result), result.pages, 20 in shop.clock.waits) == ("SMM-316", 1, True)
    assert (shop.mark()["place"], shop.mark()["is_done"]) == ({"job": "31", "done": 1}, False)
    api.script(report("processed", 2), part("2026-03-08"), report("cleaned_by_user"))
    result, _ = shop.pull()
    assert (code(result), result.pages, result.records, shop.mark()["is_done"]) == ("", 1, None, True)
    assert called(api) == [POLL, fetched(1), CLEAN]
    assert shop.rows("select count(*) from raw.calendar_day") == [(2,)]
    api.script(report("created"), report("processing_failed"))
    assert code(shop.pull()[0]) == "SMM-316"
    assert {k: api.seen[0][k] for k in ("date1", "date2", "source")} == {
        "date1": "2026-03-07", "date2": "2026-03-09", "source": "visits",
    }  # fmt: skip
    assert api.calls[0].headers["authorization"] == f"OAuth {CANARY}"


def test_an_order_is_kept_when_the_deadline_ends_the_wait(tmp_path: Path, api: Api) -> None:
    """The report goes on being made meanwhile: the next pull asks for it by its number, and orders none."""
    shop = metrica(tmp_path, api, "2026-03-07", "deadline_minutes = 1")
    api.script(report("created"))
    result, _ = shop.pull()
    assert (code(result), result.pages, called(api)[:2]) == ("SMM-311", 0, [ORDER, POLL])
    assert (shop.mark()["place"], shop.mark()["since"]) == ({"job": "31", "done": 0}, "2026-03-07")
    api.script(report("processed", 1), part("2026-03-07"), report("cleaned_by_user"))
    assert code(shop.pull()[0]) == ""
    assert called(api) == [POLL, fetched(0), CLEAN]
    assert (shop.mark()["place"], shop.mark()["is_done"], shop.mark()["until"]) == (None, True, "2026-03-09")


def test_an_order_that_is_gone_is_made_anew(tmp_path: Path, api: Api) -> None:
    shop = metrica(tmp_path, api, "2026-03-07", "deadline_minutes = 1")
    api.script(report("created"))
    shop.pull()
    api.script(report("canceled"), report("created"), report("processed", 1), part("2026-03-07"), Reply({}))
    assert code(shop.pull()[0]) == ""
    assert called(api) == [POLL, ORDER, POLL, fetched(0), CLEAN]


def test_days_whose_report_failed_are_those_that_are_due_at_the_next_pull(tmp_path: Path, api: Api) -> None:
    """Whoever asks for fewer days at once, as the error advises, is not held to the span that failed."""
    described = (VENDORS / "metrica_visits.yml").read_text(encoding="utf-8")
    pull = 'account = "9"\nfirst_day = 2026-03-07'
    shop = PulledShop(tmp_path, api, mapping="pulled_lines.yml", described=described, pull=pull)
    api.script(report("created"), report("processing_failed"))
    assert code(shop.pull()[0]) == "SMM-316"
    (shop.home / "api.yml").write_text(described.replace("slice_days: 31", "slice_days: 2"), encoding="utf-8")
    api.script(report("created"), report("processed"), Reply({}), report("created"), report("processed"), Reply({}))
    assert code(shop.pull()[0]) == ""
    assert [(call["date1"], call["date2"]) for call in api.seen if call] == [
        ("2026-03-07", "2026-03-08"), ("2026-03-09", "2026-03-09"),
    ]  # fmt: skip


def test_days_without_a_row_are_read(tmp_path: Path, api: Api) -> None:
    """A report of no parts is cleaned up too, and the next pull asks for the days after it and those restated."""
    shop = metrica(tmp_path, api)
    api.script(report("created"), report("processed"), Reply({}))
    assert (code(shop.pull()[0]), called(api)) == ("", [ORDER, POLL, CLEAN])
    assert (shop.mark()["place"], shop.mark()["is_done"], shop.mark()["until"]) == (None, True, "2026-03-09")


def test_a_report_is_cleaned_up_where_max_pages_ends_the_pull_with_it(tmp_path: Path, api: Api) -> None:
    """1 February to 9 March are two windows of at most 31 days."""
    shop = metrica(tmp_path, api, "2026-02-01", "max_pages = 1")
    answers = [report("created"), report("processed", 1), part("2026-03-07"), Reply({})]
    for expected in ("SMM-315", ""):
        api.script(*answers)
        assert code(shop.pull()[0]) == expected
        assert called(api) == [ORDER, POLL, fetched(0), CLEAN]
