"""A feed from its vendor's API to its rows: windows, marks, crashes, quotas, shifting pages, pages without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.ingest.pulled import keep_page
from smm_pipeline.pulls import PullResult, run
from smm_pipeline.warehouse.failpoints import VARIABLE, FailpointError
from tests.api_server import Api, FakeClock, Reply
from tests.pulled_shop import CANARY, VARIABLES, PulledShop

DAYS = "select day(calendar_date), country from raw.calendar_day where _is_current order by all"
NUMBERED = """
auth: {kind: basic}
request: {path: /days, query: {changed: "{since}"}}
pages: {kind: number, parameter: page, count_header: X-Pages, size: 100}
total: header X-Total
window: {kind: changes, format: iso_utc, first_days: 365}
"""
LINKED = """
auth: {kind: header, name: X-Token}
request: {path: /days, query: {changed: "{since}"}}
records_at: $.days
pages: {kind: link}
window: {kind: changes, first_days: 60}
"""

DAILY = """
auth: {kind: header}
request: {path: /days, query: {day: "{since}"}}
window: {kind: days, format: date, first_days: 9, slice_days: 1}
"""


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shop(api: Api, tmp_path: Path) -> PulledShop:
    return PulledShop(tmp_path, api, described=NUMBERED, path="/v1")


def day(number: int, country: str = "UA") -> dict[str, object]:
    """A record: a day of March."""
    return {"id": number, "country": country}


def pages(*contents: list[dict[str, object]], total: int | None = None) -> list[Reply]:
    """Pages with their headers."""
    counted = str(sum(map(len, contents)) if total is None else total)
    return [Reply(content, headers={"X-Pages": str(len(contents)), "X-Total": counted}) for content in contents]


def told(result: PullResult) -> tuple[str, int]:
    """Code of what ended a pull early, and how many pages came before."""
    return (result.error.code if result.error else ""), result.pages


def test_pages_are_kept_raw_loaded_and_the_next_pull_asks_for_changes(shop: PulledShop, api: Api) -> None:
    """The first pull asks for a year, the second for what changed since ten minutes before the first began."""
    api.script(*pages([day(1), day(2)], [day(3, "PL")]))
    result, loaded = shop.pull()
    assert (result.pages, result.records, result.warnings, result.error) == (2, 3, [], None)
    assert [d.status for d in loaded] == ["loaded", "loaded"]
    assert shop.rows(DAYS) == [(1, "UA"), (2, "UA"), (3, "PL")]
    times = ("20260310T060004.000000Z", "20260310T060007.000000Z")
    assert shop.stored() == [f"pulled/{times[0]}-00001.json", f"pulled/{times[1]}-00002.json"]
    assert [c.path for c in api.calls] == ["/v1/days", "/v1/days"]
    assert api.seen == [{"changed": "2025-03-10T06:00:01", "page": page} for page in ("1", "2")]
    api.script(*pages([day(2, "PL")]))
    shop.pull()
    assert api.seen[0]["changed"] == "2026-03-10T05:50:01"
    assert shop.rows(DAYS) == [(1, "UA"), (2, "PL"), (3, "PL")]
    assert (shop.mark()["is_done"], shop.mark()["records"], shop.mark()["total"]) == (True, 1, 1)


def test_a_quota_keeps_what_came_and_the_next_pull_goes_on_with_that_page(shop: PulledShop, api: Api) -> None:
    """The window stays that of the first pull, so nothing that changed in between is left out."""
    first, second, third = pages([day(1)], [day(2)], [day(3)])
    api.script(first, second, Reply({}, 429, {"Retry-After": "90000"}))
    result, _ = shop.pull()
    assert told(result) == ("SMM-313", 2)
    assert [d for d, _ in shop.rows(DAYS)] == [1, 2]
    assert (shop.mark()["place"], shop.mark()["is_done"]) == (3, False)
    since = api.seen[0]["changed"]
    api.script(third)
    result, _ = shop.pull()
    assert (result.error, result.pages) == (None, 1)
    assert (api.seen[0]["page"], api.seen[0]["changed"]) == ("3", since)
    assert [d for d, _ in shop.rows(DAYS)] == [1, 2, 3]
    [(tried, code)] = shop.rows("select pages, error_code from meta.pull_attempt")
    assert (tried, code) == (1, None)


def test_a_pull_that_goes_on_within_the_same_second_moves_the_mark(shop: PulledShop, api: Api) -> None:
    """The page that goes on is numbered from 1 again; it is the newer one all the same."""
    first, second, third = pages([day(1)], [day(2)], [day(3)])
    shop.clock = FakeClock(tick=0.01, step=0.01)
    api.script(first, second, Reply({}, 429, {"Retry-After": "90000"}))
    shop.pull()
    api.script(third)
    shop.pull()
    assert len({name[: len("pulled/20260310T060000")] for name in shop.stored()}) == 1
    assert (shop.mark()["is_done"], shop.mark()["records"]) == (True, 3)


@pytest.mark.parametrize("place", ["ingest.after_raw_store", "ingest.before_commit", "ingest.after_commit"])
def test_a_crash_pulls_nothing_twice_and_loses_nothing(
    place: str, shop: PulledShop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever loading dies, both pages are in the raw store: the next pull loads them and asks for what is new."""
    api.script(*pages([day(1)], [day(2)]))
    # The first visit is that of the look for pages of an earlier run, where there is one.
    monkeypatch.setenv(VARIABLE, f"{place}:raise:{2 if place == 'ingest.after_raw_store' else 1}")
    with pytest.raises(FailpointError):
        shop.pull()
    monkeypatch.delenv(VARIABLE)
    api.script(*pages([day(3)]))
    result, _ = shop.pull()
    assert (result.pages, len(api.calls), api.seen[0]["page"]) == (1, 1, "1")
    assert api.seen[0]["changed"] == "2026-03-10T05:50:01"
    assert [d for d, _ in shop.rows(DAYS)] == [1, 2, 3]
    assert shop.rows("select count(*) from raw.calendar_day") == [(3,)]


def test_a_crash_between_two_pages_goes_on_with_the_second(
    shop: PulledShop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pages([day(1)], [day(2)])

    def killed(*_: object, number: int, **__: object) -> None:
        if number == 2:
            raise KeyboardInterrupt
        keep_page(*_, number=number, **__)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(run, "keep_page", killed)
    api.script(first, second)
    with pytest.raises(KeyboardInterrupt):
        shop.pull()
    monkeypatch.setattr(run, "keep_page", keep_page)
    api.script(second)
    shop.pull()
    assert api.seen == [{**api.seen[0], "page": "2"}]
    assert [d for d, _ in shop.rows(DAYS)] == [1, 2]


def test_a_lost_work_database_finds_its_place_in_the_raw_store(shop: PulledShop, api: Api) -> None:
    api.script(*pages([day(1)]))
    shop.pull()
    (shop.home / "warehouse.duckdb").unlink()
    api.script(*pages([day(2)]))
    shop.pull()
    assert api.seen[0]["changed"] == "2026-03-10T05:50:01"
    assert [d for d, _ in shop.rows(DAYS)] == [1, 2]


def test_pages_that_shift_are_one_record_each_and_too_few_are_asked_for_again(shop: PulledShop, api: Api) -> None:
    """A record on two pages is one; too few are a warning, and asked for once more, not for ever."""
    api.script(*pages([day(1), day(2)], [day(2), day(3)]))
    result, _ = shop.pull()
    assert (result.records, result.warnings) == (4, [])
    assert [d for d, _ in shop.rows(DAYS)] == [1, 2, 3]
    api.script(*pages([day(4)], total=2))
    result, _ = shop.pull()
    assert result.warnings == ["records that came: 1 of 2 that the source counts; the next pull asks for them again"]
    since = api.seen[0]["changed"]
    result, _ = shop.pull()
    assert (api.seen[-1]["changed"], result.warnings) == (since, ["records that came: 1 of 2 that the source counts"])
    shop.pull()
    assert api.seen[-1]["changed"] > since


def test_pages_that_lead_in_circles_end_with_an_error(tmp_path: Path, api: Api) -> None:
    """A cursor that was read before, and a page whose bytes are those of the page before: kept, told, begun anew."""
    shop = PulledShop(tmp_path, api, described=LINKED)
    circle = Reply({"days": []}, headers={"Link": f'<{api.url}/days?page_info=A>; rel="next"'})
    api.script(circle)
    result, _ = shop.pull()
    assert told(result) == ("SMM-315", 2)
    assert "leads back to one that was read" in str(result.error)
    assert shop.mark()["place"] is None
    api.script(Reply({"days": []}))
    result, _ = shop.pull()
    assert (result.error, "changed" in api.seen[0]) == (None, True)


def test_the_same_page_for_ever_ends_with_an_error(shop: PulledShop, api: Api) -> None:
    """A shop behind a cache that takes no notice of the page's number."""
    [page] = pages([day(1)])
    api.script(Reply(page.content, headers={"X-Pages": "9", "X-Total": "1"}))
    result, _ = shop.pull()
    assert told(result) == ("SMM-315", 2)


def _next(api: Api, number: int) -> dict[str, str]:
    """A header that leads on."""
    return {"Link": f'<{api.url}/days?page_info={number + 1}>; rel="next"'}


def test_empty_pages_are_followed_to_a_cap(tmp_path: Path, api: Api) -> None:
    """Three empty pages before a full one are nothing odd, 21 in a row are."""
    shop = PulledShop(tmp_path, api, described=LINKED)
    empty = [Reply({"days": [], "page": n}, headers=_next(api, n)) for n in range(30)]
    api.script(*empty[:3], Reply({"days": [day(1)]}))
    result, _ = shop.pull()
    assert (result.error, result.pages, result.records) == (None, 4, 1)
    api.script(*empty[3:])
    result, _ = shop.pull()
    assert told(result) == ("SMM-315", 21)
    assert "21 pages in a row are empty" in str(result.error)


def test_a_pull_of_too_many_pages_ends_and_the_next_goes_on(tmp_path: Path, api: Api) -> None:
    shop = PulledShop(tmp_path, api, described=NUMBERED, pull="max_pages = 2")
    api.script(*pages([day(1)], [day(2)], [day(3)]))
    result, _ = shop.pull()
    assert told(result) == ("SMM-315", 2)
    result, _ = shop.pull()
    assert (result.error, [d for d, _ in shop.rows(DAYS)]) == (None, [1, 2, 3])


def test_pages_are_counted_over_all_windows(tmp_path: Path, api: Api) -> None:
    """Nine days of a page each, two pages a pull: the last pull, of one page, is the one that ends well."""
    shop = PulledShop(tmp_path, api, described=DAILY, pull="max_pages = 2")
    api.script(Reply({}))
    api.answer = lambda call: Reply([day(int(call.query["day"][-2:]))])
    results = [shop.pull()[0] for _ in range(5)]
    assert [told(result) for result in results] == [("SMM-315", 2)] * 4 + [("", 1)]
    assert [d for d, _ in shop.rows(DAYS)] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_pages_end_at_the_midnight_of_the_feeds_zone(tmp_path: Path, api: Api) -> None:
    """The 7th begins in Kyiv at 22:00 UTC of the 6th: the first page is of that day, the second of the one before."""
    newest_first = "auth: {kind: header}\nrequest: {path: /days}\nwindow: {kind: days, lag_days: 0, slice_days: 99}\n"
    newest_first += "pages: {kind: offset, parameter: from, size: 2, time_at: $.at}\n"
    shop = PulledShop(tmp_path, api, described=newest_first, pull="first_day = 2026-03-07", zone="Europe/Kyiv")
    of_7th = [{**day(1), "at": "2026-03-06T22:30:00Z"}, {**day(2), "at": "2026-03-07T00:10:00"}]
    of_6th = [{**day(3), "at": "2026-03-06T21:50:00Z"}, {**day(4), "at": "2026-03-06T23:50:00"}]
    api.script(Reply(of_7th), Reply(of_6th), Reply([]))
    result, _ = shop.pull()
    assert (result.error, result.pages, len(api.calls)) == (None, 2, 2)


def test_changes_are_asked_for_by_the_day_of_the_feeds_zone(tmp_path: Path, api: Api) -> None:
    """A day back from 06:00 UTC of the 10th is 23:00 of the 8th in Los Angeles."""
    described = NUMBERED.replace("format: iso_utc, first_days: 365", "format: date, first_days: 1")
    shop = PulledShop(tmp_path, api, described=described, zone="America/Los_Angeles")
    api.script(*pages([day(1)]))
    shop.pull()
    assert api.seen[0]["changed"] == "2026-03-08"


def test_a_place_that_the_vendor_has_forgotten_begins_the_span_anew(tmp_path: Path, api: Api) -> None:
    """A cursor kept overnight is refused for ever: one try with it, then the first page, whose own error is told."""
    shop = PulledShop(tmp_path, api, described=LINKED)
    gone = Reply({"error": "this cursor is no longer known"}, 400)
    api.script(Reply({"days": [day(1)]}, headers=_next(api, 1)), gone)
    assert told(shop.pull()[0]) == ("SMM-316", 1)
    assert told(shop.pull()[0]) == ("SMM-316", 0)
    api.script(gone, Reply({"days": [day(1), day(2)]}))
    result, _ = shop.pull()
    assert (result.error, result.pages, result.records) == (None, 1, 2)
    assert ["page_info" in call for call in api.seen] == [True, False]
    assert (shop.rows(DAYS), shop.mark()["is_done"]) == ([(1, "UA"), (2, "UA")], True)


def test_a_link_to_another_host_is_not_kept_for_ever(tmp_path: Path, api: Api) -> None:
    """Refused when it comes; the next pull does not try it again and again, but begins with the first page."""
    shop = PulledShop(tmp_path, api, described=LINKED)
    api.script(Reply({"days": [day(1)]}, headers={"Link": '<https://evil.example/days?page_info=2>; rel="next"'}))
    assert told(shop.pull()[0]) == ("SMM-317", 1)
    api.script(Reply({"days": [day(1), day(2)]}))
    assert told(shop.pull()[0]) == ("", 1)
    assert shop.rows(DAYS) == [(1, "UA"), (2, "UA")]


def test_what_is_asked_anew_is_read_from_its_beginning(shop: PulledShop, api: Api) -> None:
    """Another address, or another first day; a description that was improved goes on where it was."""
    api.script(*pages([day(1)]))
    shop.pull()
    config, described = shop.home / "smm.toml", shop.home / "api.yml"
    described.write_text(NUMBERED.replace("/days", "/days-of-version-2"), encoding="utf-8")
    shop.pull()
    config.write_text(config.read_text(encoding="utf-8").replace("/v1", "/v2"), encoding="utf-8")
    shop.pull()
    config.write_text(config.read_text(encoding="utf-8") + "\nfirst_day = 2024-01-01\n", encoding="utf-8")
    shop.pull()
    assert [(call.path, call.query["changed"][:10]) for call in api.calls] == [
        ("/v1/days", "2025-03-10"),
        ("/v1/days-of-version-2", "2026-03-10"),
        ("/v2/days-of-version-2", "2025-03-10"),
        ("/v2/days-of-version-2", "2024-01-01"),
    ]


def test_no_secret_is_written_anywhere(tmp_path: Path, api: Api) -> None:
    """The vendor repeats the token in its pages, their next address and its errors; the pages lose nothing else."""
    shop = PulledShop(tmp_path, api, "meta_posts", pull='account = "77"')
    post = {"id": "77_1", "message": f"x {CANARY} y", "created_time": "2026-03-01T10:00:00+0000"}
    after = {"cursors": {"after": "A"}, "next": f"{api.url}/77/posts?access_token=canary-token%2F4711&after=A"}
    failure = {"error": {"code": 190, "message": f"Error validating access token {CANARY}"}}
    api.script(Reply({"data": [post], "paging": after}), Reply(failure, 400))
    result, _ = shop.pull()
    assert result.error is not None
    assert result.error.code == "SMM-312"
    assert [c.query["access_token"] for c in api.calls] == [CANARY, CANARY]
    written = shop.written()
    assert b"canary" not in written
    assert b"access_token=(token)&after=A" in written
    assert shop.rows("select post_text from raw.community_post") == [("x (token) y",)]
    [(message,)] = shop.rows("select error_message from meta.pull_attempt")
    assert "renew the token" in message


def test_a_token_in_the_link_to_the_next_page_is_not_kept(tmp_path: Path, api: Api) -> None:
    """The link becomes the mark, in the books and in the raw store; the next pull follows it with the token."""
    described = "auth: {kind: query, name: key}\nrequest: {path: /days}\npages: {kind: link}\n"
    shop = PulledShop(tmp_path, api, described=described)
    link = {"Link": f'<{api.url}/days?page=2&key=canary-token%2F4711>; rel="next"'}
    api.script(Reply([day(1)], headers=link), Reply({}, 401))
    assert told(shop.pull()[0]) == ("SMM-312", 1)
    assert b"canary" not in shop.written()
    api.script(Reply([day(2)]))
    assert told(shop.pull()[0]) == ("", 1)
    assert api.seen == [{"page": "2", "key": CANARY}]


def test_one_source_that_fails_does_not_stop_the_others(tmp_path: Path, api: Api) -> None:
    shop = PulledShop(tmp_path, api, described=NUMBERED)
    with (tmp_path / "smm.toml").open("a", encoding="utf-8") as config:
        config.write('\n[feeds.bad]\nvendor = "shopify_orders"\n[feeds.bad.pull]\ntoken_env = "MISSING_TOKEN"\n')
        config.write(f'base_url = "{api.url}"\n')
    api.script(*pages([day(1)]))
    (tmp_path / "landing" / "feed").mkdir(parents=True)
    (tmp_path / "landing" / "feed" / "link.json").symlink_to(tmp_path / "smm.toml")
    results, deliveries = shop.pull_all()
    assert [d.status for d in deliveries] == ["loaded"], "the link is told by the ingest of all feeds alone"
    assert [(r.feed, r.error and r.error.code) for r in results] == [("feed", None), ("bad", "SMM-103")]
    assert [d for d, _ in shop.rows(DAYS)] == [1]
    with pytest.raises(SmmError, match="there is no feed 'fede'") as caught:
        shop.pull_all("fede")
    assert (caught.value.code, caught.value.hint) == ("SMM-206", "did you mean feed?")
