"""Counters of posts that are asked for by id: which ids, how many at once, what is refused, and going on."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

import pytest

from tests.api_server import Api, Call, Reply
from tests.pulled_shop import CANARY, VARIABLES, PulledShop

MARCH_1 = 1772359200
VIEWS = "select cast(post_id as int), views from raw.community_post_snapshot where _is_current order by all"


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def shop_with(home: Path, api: Api, vendor: str, posts_vendor: str, pull: str) -> PulledShop:
    """A shop whose second feed brings the posts."""
    shop = PulledShop(home, api, vendor, pull=pull)
    with (home / "smm.toml").open("a", encoding="utf-8") as config:
        config.write(f'\n[feeds.feed.constants]\ncommunity_id = "7"\n[feeds.posts]\nvendor = "{posts_vendor}"\n')
    return shop


def channel(home: Path, api: Api, *posts: int) -> PulledShop:
    """A shop with a Telegram channel of these posts, one each day."""
    shop = shop_with(home, api, "tgstat", "telegram_export", 'vendor = "tgstat_posts"\naccount = "lamps"')
    messages = [
        {
            "id": n,
            "type": "message",
            "date_unixtime": str(MARCH_1 + n * 86400),
            "date": "2026-03-01T10:00:00",
            "text": "x",
        }
        for n in posts
    ]
    known = {"name": "Lamps", "type": "public_channel", "id": 7, "messages": messages}
    shop.deliver("posts", "result.json", json.dumps(known))
    shop.ingest()
    return shop


def stats(refused: Collection[int] = (), *, quota_at: int | None = None) -> Callable[[Call], Reply]:
    """TGStat's answers: of post n 10 n views; some posts are gone, and at one the quota ends."""

    def answer(call: Call) -> Reply:
        number = int(call.query["postId"].rpartition("/")[2])
        if number == quota_at:
            return Reply({"status": "error", "error": "quota_requests_reached"}, headers={"Retry-After": "90000"})
        if number in refused:
            return Reply({"status": "error", "error": "post_not_found"})
        return Reply({"status": "ok", "response": {"viewsCount": number * 10, "sharesCount": 1}})

    return answer


def asked(api: Api) -> list[int]:
    """The posts that were asked for, in order."""
    return [int(call.query["postId"].rpartition("/")[2]) for call in api.calls]


def test_vk_takes_thirty_posts_in_a_call(tmp_path: Path, api: Api) -> None:
    """The newest posts of this community first; those of another are not asked for."""
    shop = shop_with(tmp_path, api, "vk_reach", "vk_wall", 'account = "7"')
    posts = [{"id": n, "owner_id": -7, "date": MARCH_1 + n, "text": "x", "post_type": "post"} for n in range(1, 32)]
    foreign = {"id": 99, "owner_id": -8, "date": MARCH_1, "text": "x", "post_type": "post"}
    shop.deliver("posts", "wall.json", json.dumps({"response": {"items": [*posts, foreign]}}))
    shop.ingest()
    reach = [{"post_id": n, "reach_total": n * 100, "links": n} for n in range(31, 1, -1)]
    api.script(Reply({"response": reach}), Reply({"response": []}))
    result, loaded = shop.pull()
    assert (result.error, result.pages, result.records, result.warnings) == (None, 2, 30, [])
    assert [call.form["post_ids"] for call in api.calls] == [",".join(str(n) for n in range(31, 1, -1)), "1"]
    assert (api.calls[0].path, api.calls[0].form["owner_id"], api.calls[0].form["access_token"]) == (
        "/stats.getPostReach", "-7", CANARY,
    )  # fmt: skip
    assert [delivery.status for delivery in loaded] == ["loaded", "loaded"]
    # 2 + 3 + ... + 31 = 495
    sums = "select count(*), sum(reach), sum(link_clicks), max(snapshot_date) from raw.community_post_snapshot"
    assert shop.rows(f"{sums} where source_system = 'vk_reach'") == [(30, 49500, 495, date(2026, 3, 10))]


def test_an_answer_that_does_not_say_of_what_it_is_gets_the_question(tmp_path: Path, api: Api) -> None:
    """One post a call, newest first; one that is gone is told, and the others are read."""
    shop = channel(tmp_path, api, 5, 6, 7)
    api.script(Reply({}))
    api.answer = stats({6})
    result, _ = shop.pull()
    assert asked(api) == [7, 6, 5]
    assert api.calls[0].query == {"postId": "https://t.me/lamps/7", "group": "day", "token": CANARY}
    assert (result.error, result.pages) == (None, 2)
    assert result.warnings == [
        "calls that were refused: 1 of 3, the last one so: the source answered with an error: post_not_found"
    ]
    assert shop.rows(VIEWS) == [(5, 50), (7, 70)]
    kept = [path.read_bytes() for path in (tmp_path / "raw" / "feed").glob("??/*")]
    # The same counters on the next day are readings of that day.
    shop.clock.wait(86400)
    shop.pull()
    days = "select cast(post_id as int), day(snapshot_date), views from raw.community_post_snapshot where _is_current"
    assert sorted(shop.rows(days)) == [(5, 10, 50), (5, 11, 50), (7, 10, 70), (7, 11, 70)]
    assert b'{"postId":"https://t.me/lamps/7","status": "ok", "response": {"viewsCount": 70, "sharesCount": 1}}' in kept


def test_a_pull_that_ended_goes_on_with_the_next_post(tmp_path: Path, api: Api) -> None:
    """Also when a new post has come in between; a place behind which nothing answers is not kept for ever."""
    shop = channel(tmp_path, api, 5, 6, 7)
    api.script(Reply({}))
    api.answer = stats(quota_at=6)
    result, _ = shop.pull()
    assert (result.error and result.error.code, asked(api)) == ("SMM-313", [7, *[6] * len(asked(api)[1:])])
    assert shop.mark()["place"] == "7"
    api.script(Reply({}))
    api.answer = stats({5})
    result, _ = shop.pull()
    assert (asked(api), result.pages, len(result.warnings)) == ([6, 5], 1, 1)
    api.script(Reply({}))
    api.answer = stats({5})
    assert (shop.pull()[0].pages, asked(api)) == (2, [5, 7, 6, 5])
    api.script(Reply({}))
    api.answer = stats()
    assert (shop.pull()[0].pages, asked(api), shop.mark()["is_done"]) == (1, [5], True)
    assert shop.rows(VIEWS) == [(5, 50), (6, 60), (7, 70)]


def test_where_nothing_is_known_all_is_refused_or_no_object_comes(tmp_path: Path, api: Api) -> None:
    shop = channel(tmp_path / "none", api)
    api.script(Reply({}))
    result, _ = shop.pull()
    assert (result.error, result.pages, api.calls) == (None, 0, [])
    assert result.warnings == [
        "no posts of telegram community 7 are known yet: another feed brings them, and the next pull asks for them"
    ]
    shop = channel(tmp_path / "refused", api, *range(1, 9))
    api.answer = stats(range(1, 9))
    result, _ = shop.pull()
    assert (result.error and result.error.code, len(api.calls)) == ("SMM-316", 5)
    api.script(Reply([1]))
    result, _ = shop.pull()
    assert (result.error and result.error.code, result.pages) == ("SMM-314", 0), "no place for the question"
