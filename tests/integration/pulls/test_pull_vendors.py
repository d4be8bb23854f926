"""Each shipped description of an API, against answers in its vendor's shape: what is asked, what ends it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import ANY

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import vendor_names
from smm_pipeline.pulls import PullResult, pull_vendors
from smm_pipeline.pulls.client import Client
from smm_pipeline.pulls.reading import read_pages
from smm_pipeline.pulls.secrets import read_secrets
from smm_pipeline.pulls.sources import VENDORS, load_source, parse_spec
from smm_pipeline.settings import load_settings
from tests.api_server import Api, Reply
from tests.pulled_shop import CANARY, VARIABLES, PulledShop

# 1 February 2026 and 10 March 2026, the day of the tests' clock, at midnight in UTC and in California.
MARCH_10, PACIFIC = 1773100800, {"2026-03-07": 1772870400, "2026-03-09": 1773039600, "2026-03-10": 1773126000}
FIRST = "first_day = 2026-03-07"


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def pulled(home: Path, api: Api, vendor: str, *lines: str) -> PullResult:
    """What a vendor's description makes of the answers, without loading anything."""
    return read(PulledShop(home, api, pull="\n".join([f'vendor = "{vendor}"', *lines])))


def read(shop: PulledShop) -> PullResult:
    """The pages of a shop's feed, read and thrown away."""
    settings, result = load_settings(shop.home), PullResult("feed")
    pull = settings.feeds["feed"].pull
    assert pull is not None
    source = load_source("feed", pull, settings)
    with Client("feed", source.spec, pull, read_secrets("feed", pull), shop.clock) as client:
        try:
            for page in read_pages(source, client, shop.clock, None):
                result.pages, result.records = result.pages + 1, (result.records or 0) + page.records
        except SmmError as error:
            result.error = error
    return result


def code(result: PullResult) -> str:
    """Code of what ended the pull early."""
    return result.error.code if result.error else ""


def test_every_description_is_right_and_says_what_it_is() -> None:
    """Each begins with a comment about source and token; a pull finds its mapping under the same name, or names it."""
    of_other_mappings = {"instagram_insights", "instagram_stories", "tgstat_posts", "youscan_restated"}
    assert set(pull_vendors()) - set(vendor_names()) <= of_other_mappings
    for vendor in pull_vendors():
        parse_spec(VENDORS / f"{vendor}.yml")
        assert (VENDORS / f"{vendor}.yml").read_text(encoding="utf-8").startswith("# ")


def test_woocommerce(tmp_path: Path, api: Api) -> None:
    """Pages by number to X-WP-TotalPages, key and secret as Basic, changes since an instant in UTC without a Z."""
    headers = {"X-WP-TotalPages": "2", "X-WP-Total": "101"}
    api.script(Reply([{"id": 1}] * 100, headers=headers), Reply([{"id": 2}], headers=headers))
    result = pulled(tmp_path, api, "woocommerce_orders", FIRST)
    assert (code(result), result.pages, result.records) == ("", 2, 101)
    assert {call.path for call in api.calls} == {"/orders"}
    assert {call.headers["authorization"][:6] for call in api.calls} == {"Basic "}
    assert api.seen[1] == {
        "per_page": "100", "orderby": "id", "order": "asc", "status": "any", "dates_are_gmt": "true",
        "modified_after": "2026-03-07T00:00:00", "page": "2",
    }  # fmt: skip
    for vendor, path, since in (("refunds", "/refunds", "after"), ("products", "/products", "modified_after")):
        api.script(Reply([], headers={"X-WP-TotalPages": "0", "X-WP-Total": "0"}))
        assert code(pulled(tmp_path / vendor, api, f"woocommerce_{vendor}", FIRST)) == ""
        assert [(c.path, c.query[since]) for c in api.calls] == [(path, "2026-03-07T00:00:00")]
    # What was thrown into the trash is in no other answer, and is asked for by a feed of its own.
    api.script(Reply([], headers={"X-WP-TotalPages": "0"}))
    assert code(pulled(tmp_path / "trash", api, "woocommerce_orders", 'parameters = { status = "trash" }')) == ""
    assert api.seen[-1]["status"] == "trash"
    api.script(Reply({"code": "woocommerce_rest_cannot_view", "message": "Sorry", "data": {"status": 401}}, 401))
    assert code(pulled(tmp_path / "e", api, "woocommerce_orders")) == "SMM-312"


@pytest.mark.parametrize(
    ("vendor", "path", "query"),
    [
        ("shopify_products", "/products.json", {"limit": "250", "updated_at_min": "2026-03-07T00:00:00Z"}),
        (
            "youscan_restated", "/topics/5/mentions",
            {"from": "2026-03-07T00:00:00Z", "to": "2026-03-10T00:00:00Z", "size": "1000", "orderBy": "seqAsc"},
        ),
        (
            "instagram_insights", "/5/insights",
            {"period": "day", "metric_type": "total_value", "since": str(PACIFIC["2026-03-07"]),
             "until": str(PACIFIC["2026-03-07"] + 86400), "access_token": CANARY,
             "metric": "reach,views,total_interactions,profile_views,website_clicks"},
        ),
        (
            "metrica_hits", "/counter/5/logrequests",
            {"date1": "2026-03-07", "date2": "2026-03-09", "source": "hits", "fields": ANY},
        ),
    ],
)  # fmt: skip
def test_the_first_call_of_those_like_another(
    tmp_path: Path, api: Api, vendor: str, path: str, query: dict[str, object]
) -> None:
    """What differs from the description that it is like is where it asks, and for what."""
    api.script(Reply({}))
    pulled(tmp_path, api, vendor, FIRST, 'account = "5"')
    assert (api.calls[0].path, api.calls[0].query) == (path, query)


def test_shopify(tmp_path: Path, api: Api) -> None:
    """The next page is a link whose address takes nothing else; 40 calls, then two a second."""
    link = f'<{api.url}/admin/api/x/orders.json?limit=250&page_info=abc>; rel="next"'
    back = f'<{api.url}/admin/api/x/orders.json?limit=250&page_info=zzz>; rel="previous"'
    api.script(Reply({"orders": [{}]}, headers={"Link": link}), Reply({"orders": []}, headers={"Link": back}))
    assert code(pulled(tmp_path, api, "shopify_orders", FIRST)) == ""
    assert api.seen[0] == {
        "status": "any", "limit": "250", "order": "updated_at asc", "updated_at_min": "2026-03-07T00:00:00Z",
    }  # fmt: skip
    assert api.seen[1:] == [{"limit": "250", "page_info": "abc"}]
    assert [call.headers["x-shopify-access-token"] for call in api.calls] == [CANARY, CANARY]


def test_matomo(tmp_path: Path, api: Api) -> None:
    """The token in the body, offsets by 500, and failures that come as 200."""
    api.script(Reply([{"id": 1}] * 500), Reply([{"id": 2}] * 3))
    assert code(pulled(tmp_path, api, "matomo", FIRST, 'account = "5"')) == ""
    assert [(c.method, c.query) for c in api.calls] == [("POST", {}), ("POST", {})]
    assert [c.form["filter_offset"] for c in api.calls] == ["0", "500"]
    assert api.calls[0].form == {
        "module": "API", "method": "Live.getLastVisitsDetails", "format": "json", "idSite": "5", "filter_limit": "500",
        "minTimestamp": str(MARCH_10 - 3 * 86400), "filter_offset": "0", "token_auth": CANARY,
    }  # fmt: skip
    for message, expected in (("Unable to authenticate with the provided token.", "SMM-312"), ("oops", "SMM-316")):
        api.script(Reply({"result": "error", "message": message}))
        assert code(pulled(tmp_path / expected, api, "matomo", 'account = "5"')) == expected


def test_meta(tmp_path: Path, api: Api) -> None:
    """Insights by Pacific days and no paging through time; posts and media by cursors while there is a next; quotas."""
    api.script(Reply({"data": [], "paging": {"next": "https://graph.facebook.com/for-ever"}}))
    assert code(pulled(tmp_path / "a", api, "meta_page_insights", FIRST, 'account = "77"')) == ""
    [call] = api.calls
    assert (call.path, call.query["since"], call.query["until"]) == (
        "/77/insights", str(PACIFIC["2026-03-07"]), str(PACIFIC["2026-03-09"]),
    )  # fmt: skip
    after = {"cursors": {"after": "A", "before": "B"}, "next": "https://graph.facebook.com/x?access_token=t"}
    last = {"cursors": {"after": "Z", "before": "A"}}
    api.script(Reply({"data": [{}], "paging": after}), Reply({"data": [{}], "paging": last}))
    assert code(pulled(tmp_path / "b", api, "instagram_media", FIRST, 'account = "88"')) == ""
    assert [(c.path, c.query.get("after")) for c in api.calls] == [("/88/media", None), ("/88/media", "A")]
    assert "insights.metric(views,reach,saved,shares,total_interactions)" in api.calls[0].query["fields"]
    for number, expected, calls in ((190, "SMM-312", 1), (17, "SMM-313", 6), (100, "SMM-316", 1)):
        api.script(Reply({"error": {"code": number, "message": "m"}}, 400))
        result = pulled(tmp_path / str(number), api, "meta_posts", 'account = "77"')
        assert (code(result), len(api.calls)) == (expected, calls)
    # Limits of a Page and of an Instagram account have numbers of their own, and one of them comes as 403.
    for vendor, number in (
        ("meta_posts", 80001), ("meta_page_insights", 80001), ("instagram_media", 80002), ("instagram_stories", 80002),
        ("instagram_insights", 80002),
    ):  # fmt: skip
        api.script(Reply({"error": {"code": number, "message": "There have been too many calls"}}, 403))
        assert code(pulled(tmp_path / f"quota of {vendor}", api, vendor, 'account = "77"')) == "SMM-313"


def test_instagram_stories(tmp_path: Path, api: Api) -> None:
    """Those of the last 24 hours, whatever was read before, loaded as media are; the list of media has none."""
    told = {"media_product_type": "STORY", "media_type": "IMAGE", "owner": {"id": "88"}, "permalink": "https://ig/1"}
    insights = {"data": [{"name": "views", "values": [{"value": 30}]}]}
    story = {"id": "1", "timestamp": "2026-03-10T05:00:00+0000", "insights": insights, **told}
    shop = PulledShop(tmp_path, api, "instagram_media", pull='vendor = "instagram_stories"\naccount = "88"')
    api.script(Reply({"data": [story]}))
    for _ in range(2):
        assert code(shop.pull()[0]) == ""
    assert {call.path for call in api.calls} == {"/88/stories"}
    assert "insights.metric(views,reach,shares,total_interactions)" in api.calls[1].query["fields"]
    assert set(api.calls[1].query) == {"fields", "limit", "access_token"}
    found = "select post_id, community_id, post_type, views from raw.community_post join raw.community_post_snapshot s "
    assert shop.rows(found + "using (post_id, community_id) where s._is_current") == [("1", "88", "story", 30)]


def test_a_story_that_hardly_anybody_saw_is_no_fault_of_the_token(tmp_path: Path, api: Api) -> None:
    """Meta gives a missing right the same number; a small account asks without insights."""
    lines = 'vendor = "instagram_stories"\naccount = "88"'
    few = "(#10) Not enough viewers for the media to show insights"
    api.script(Reply({"error": {"code": 10, "message": few}}, 400))
    result = PulledShop(tmp_path / "few", api, "instagram_media", pull=lines).pull()[0]
    assert code(result) == "SMM-316"
    assert few in str(result.error)
    api.script(Reply({"error": {"code": 10, "message": "(#10) Application does not have permission"}}, 400))
    assert code(PulledShop(tmp_path / "right", api, "instagram_media", pull=lines).pull()[0]) == "SMM-312"
    api.script(Reply({"data": []}))
    lines += '\nparameters = { insights = "" }'
    assert code(PulledShop(tmp_path / "alone", api, "instagram_media", pull=lines).pull()[0]) == ""
    assert api.calls[-1].query["fields"].endswith("like_count,comments_count")


def test_youscan(tmp_path: Path, api: Api) -> None:
    """By sequence number, kept from pull to pull; the total is that of what waits."""
    mentions = [{"id": f"m{n}", "seq": n} for n in range(1, 1003)]
    api.script(
        Reply({"total": 1002, "lastSeq": 1002, "mentions": mentions[:1000]}),
        Reply({"total": 2, "lastSeq": 1002, "mentions": mentions[1000:]}),
        Reply({"total": 0, "lastSeq": 1002, "mentions": []}),
    )
    lines = 'account = "55"\nparameters = { from = "2026-01-01T00:00Z" }'
    shop = PulledShop(tmp_path, api, pull='vendor = "youscan"\n' + lines)
    results = [shop.pull()[0] for _ in range(3)]
    assert [(code(r), r.pages, r.records, r.warnings) for r in results] == [
        ("", 2, 1002, []), ("", 1, 0, []), ("", 1, 0, []),
    ]  # fmt: skip
    assert [call.query.get("sinceSeq") for call in api.calls] == [None, "1000", "1002", "1002"]
    assert api.calls[0].path == "/topics/55/mentions"
    assert api.calls[0].query == {"from": "2026-01-01T00:00Z", "size": "1000", "orderBy": "seqAsc"}


def test_brand24(tmp_path: Path, api: Api) -> None:
    """By cursor while there is more, empty pages too; the last page's cursor leads nowhere; failures in words."""
    mention = {
        "date": "2026-03-07",
        "time": "10:00",
        "source": "https://news.example/a",
        "category": "news",
        "sentiment": 0,
    }

    def answer(mentions: int, *, cursor: str, more: bool) -> Reply:
        told = {"results": [mention] * mentions, "has_more_mentions": more, "cursor": cursor}
        return Reply({"status": "success", "message": told})

    api.script(answer(500, cursor="A", more=True), answer(0, cursor="B", more=True), answer(2, cursor="C", more=False))
    result = pulled(tmp_path, api, "brand24_api", FIRST, 'account = "55"')
    assert (code(result), result.pages, result.records) == ("", 3, 502)
    days = {"date_from": "2026-03-07", "date_to": "2026-03-10", "limit": "500"}
    assert [c.query for c in api.calls] == [days, {**days, "cursor": "A"}, {**days, "cursor": "B"}]
    assert {(c.path, c.headers["x-api-key"]) for c in api.calls} == {("/project/55/mentions", CANARY)}
    for status, expected, calls in ((401, "SMM-312", 1), (400, "SMM-316", 1), (429, "SMM-313", 6), (500, "SMM-311", 6)):
        api.script(Reply({"status": "fail", "message": "Account does not exist", "code": status}, status))
        result = pulled(tmp_path / str(status), api, "brand24_api", 'account = "55"')
        assert (code(result), len(api.calls)) == (expected, calls)
        assert "Account does not exist" in str(result.error)
    api.script(Reply({"status": "fail", "message": "date_from is invalid", "code": 400}))
    assert code(pulled(tmp_path / "as 200", api, "brand24_api", 'account = "55"')) == "SMM-316"


def test_vk(tmp_path: Path, api: Api) -> None:
    """Failures as 200: too many a second is tried again, a token is not; pages end with the window or the last post.

    Posts that were deleted leave gaps: a page shorter than asked for is not the last.
    """
    old, new = {"id": 1, "date": MARCH_10 - 90 * 86400}, {"id": 2, "date": MARCH_10}
    api.script(
        Reply({"error": {"error_code": 6, "error_msg": "Too many requests per second"}}),
        Reply({"response": {"count": 900, "items": [{**old, "is_pinned": 1}] + [new] * 97}}),
        Reply({"response": {"count": 900, "items": [old] * 100}}),
    )
    assert code(pulled(tmp_path, api, "vk_wall", FIRST, 'account = "7"')) == ""
    assert [c.form["offset"] for c in api.calls] == ["0", "0", "100"]
    api.script(*(Reply({"response": {"count": 101, "items": [new] * size}}) for size in (98, 1)))
    assert code(pulled(tmp_path / "few", api, "vk_wall", FIRST, 'account = "7"')) == ""
    assert [c.form["offset"] for c in api.calls] == ["0", "100"]
    assert {c.form["count"] for c in api.calls} == {"100"}
    assert (api.calls[0].path, api.calls[0].form["owner_id"], api.calls[0].query) == ("/wall.get", "-7", {})
    for number, expected, calls in ((5, "SMM-312", 1), (29, "SMM-313", 6), (6, "SMM-311", 6)):
        api.script(Reply({"error": {"error_code": number, "error_msg": "m"}}))
        result = pulled(tmp_path / str(number), api, "vk_stats", 'account = "7"')
        assert (code(result), len(api.calls)) == (expected, calls)


def google(home: Path, api: Api, vendor: str, account: str) -> PulledShop:
    """A shop whose token is renewed by the tests' server in place of Google's."""
    text = (VENDORS / f"{vendor}.yml").read_text(encoding="utf-8")
    described = text.replace("https://oauth2.googleapis.com", api.url)
    lines = ["first_day = 2026-03-06", f'account = "{account}"', 'client_id = "app"']
    return PulledShop(home, api, described=described, pull="\n".join(lines))


def test_search_console(tmp_path: Path, api: Api) -> None:
    """A day a call up to three days ago, the property quoted in the path, rows from startRow on, a renewed token."""
    row = {"keys": ["2026-03-06", "q", "p", "ukr", "MOBILE"], "clicks": 1, "impressions": 2, "position": 1.5}
    token = Reply({"access_token": "short-lived", "expires_in": 3599})
    api.script(token, Reply({"rows": [row] * 25000}), Reply({"responseAggregationType": "byPage"}))
    shop = google(tmp_path, api, "gsc_api", "https://shop.example/")
    result = read(shop)
    assert (code(result), result.pages, result.records) == ("", 2, 25000)
    assert api.calls[0].form == {
        "grant_type": "refresh_token", "refresh_token": CANARY, "client_id": "app",
        "client_secret": VARIABLES["API_SECRET"],
    }  # fmt: skip
    first, second = (call.body for call in api.calls[1:])
    assert (first["startDate"], first["endDate"], first["startRow"], second["startRow"]) == (
        "2026-03-06", "2026-03-06", 0, 25000,
    )  # fmt: skip
    assert (first["rowLimit"], first["type"], first["dimensions"]) == (
        25000, "web", ["date", "query", "page", "country", "device"],
    )  # fmt: skip
    assert api.calls[1].path == "/sites/https%3A%2F%2Fshop.example%2F/searchAnalytics/query"
    assert api.calls[1].headers["authorization"] == "Bearer short-lived"


def test_national_bank(tmp_path: Path, api: Api) -> None:
    """Anybody may ask, a day a call to today; a day without rates is empty, and an error is told as one."""
    rate = {"r030": 840, "rate": 41.2345, "cc": "USD", "exchangedate": "10.03.2026"}
    api.script(Reply([rate]), Reply([]), Reply([rate]))
    shop = PulledShop(tmp_path, api, pull='vendor = "nbu_rates"\nfirst_day = 2026-03-08')
    config = shop.home / "smm.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("token_env =", "#"), encoding="utf-8")
    result = read(shop)
    assert (code(result), result.pages, result.records) == ("", 3, 2)
    assert [call.path for call in api.calls] == ["/statdirectory/exchange"] * 3
    assert api.seen == [{"date": f"202603{day}", "json": ""} for day in ("08", "09", "10")]
    assert not [call for call in api.calls if "authorization" in call.headers]
    api.script(Reply([{"message": "Wrong parameters format"}]))
    assert code(read(shop)) == "SMM-316"


def test_youtube(tmp_path: Path, api: Api) -> None:
    """Days to the day before yesterday; a quota of the day is told as such, though Google sends it as 403."""
    api.script(Reply({"access_token": "short-lived"}), Reply({"rows": [["2026-03-07", 5]]}))
    shop = google(tmp_path, api, "youtube_analytics", "UC1")
    assert code(read(shop)) == ""
    assert {k: api.seen[1][k] for k in ("ids", "startDate", "endDate", "dimensions")} == {
        "ids": "channel==UC1", "startDate": "2026-03-06", "endDate": "2026-03-07", "dimensions": "day",
    }  # fmt: skip
    quota = {"error": {"code": 403, "message": "m", "errors": [{"reason": "quotaExceeded"}]}}
    api.script(Reply({"access_token": "short-lived"}), Reply(quota, 403))
    assert code(read(shop)) == "SMM-313"


def test_tgstat(tmp_path: Path, api: Api) -> None:
    api.script(Reply({"status": "ok", "response": [{"period": "2026-03-07", "participants_count": 5}]}))
    assert code(pulled(tmp_path, api, "tgstat", FIRST, 'account = "@lamps"')) == ""
    assert (api.calls[0].path, api.seen[0]) == (
        "/channels/subscribers",
        {"channelId": "@lamps", "group": "day", "token": CANARY,
         "startDate": str(MARCH_10 - 3 * 86400), "endDate": str(MARCH_10)},
    )  # fmt: skip
    for error, expected in (("empty_token", "SMM-312"), ("Token is blocked", "SMM-312"), ("no channel", "SMM-316")):
        api.script(Reply({"status": "error", "error": error}))
        assert code(pulled(tmp_path / error, api, "tgstat", 'account = "@lamps"')) == expected
