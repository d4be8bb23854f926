"""`smm feeds`: what it says of each feed, on books and tables written by hand."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.cli.feeds import feeds_text, list_feeds
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.feed_states import _verdict
from tests.commands import smm
from tests.ingest_fixture import Instance
from tests.project_catalog import project_catalog

GOOD = '{"community": "c", "day": "2026-03-01", "followers": "7", "tags": []}\n'
BAD_DAY = '{"community": "c", "day": "2026-02-31", "followers": "7", "tags": []}\n'
# Half past one at night on the 12th in Kyiv, which is still the 11th in UTC.
NOW = datetime(2026, 3, 11, 23, 30, tzinfo=UTC)

# Three days behind and not silent; on the newest day; silent; two orders of which one has its visit (a third does not
# count, a fourth is too old); three visits, one of them of no known channel.
BUILT = """
insert into core.fct_feed_day values
    ('good', '2026-03-01'), ('good', '2026-03-07'), ('shop', '2026-03-10'), ('gone', '2026-01-05');
insert into kpi.data_quality values
    ('2026-03-09', 'feed:good', 'silent_share', 1, 1, 1), ('2026-03-10', 'feed:good', 'silent_share', 0, 1, 0),
    ('2026-03-10', 'feed:shop', 'silent_share', 0, 1, 0), ('2026-03-10', 'feed:gone', 'silent_share', 1, 1, 1);
insert into meta.delivery by name
select
    feed, feed as delivery_id, 'x' as file_path, 1 as byte_count, made as extracted_ts, '' as mapping_hash,
    status, [] as warnings, '' as run_id, timestamptz '2026-03-11 04:00:00+00' as recorded_at
from (values
    ('shop', timestamptz '2026-03-11 03:00:00+00', 'loaded'), ('gone', timestamptz '2026-01-06 03:00:00+00', 'loaded'),
    ('refused', timestamptz '2026-01-06 03:00:00+00', 'failed')
) as t(feed, made, status);
insert into raw.shop_order by name
select 'woo' as source_system, 's' as store_id, n as order_id, feed as _feed, n <> '9' as _is_current
from (values ('1', 'shop'), ('2', 'shop'), ('3', 'shop'), ('4', 'shop'), ('9', 'shop'), ('5', 'gone'), ('6', 'gone'))
    as t(n, feed);
insert into core.fct_order by name
select 'woo|s|' || n as order_key, day as order_date_local, n <> '3' as is_countable
from (values ('1', date '2026-03-10'), ('2', date '2026-02-09'), ('3', date '2026-03-10'), ('4', date '2026-02-08'),
    ('5', date '2026-01-05'), ('6', date '2025-12-06')) as t(n, day);
insert into meta.pull_attempt by name
select 'shop' as feed, now() as tried_at, 0 as pages, [] as warnings, 'SMM-312' as error_code, 'r' as run_id,
    'SMM-312: the source does not take the token\n  what to do: renew it' as error_message;
insert into core.brg_order_session by name
select 'woo|s|' || n as order_key, method, method <> 'customer_window' as is_chosen
from (values ('1', 'order_ref'), ('1', 'customer_window'), ('2', 'order_attribution')) as t(n, method);
insert into raw.web_session by name
select 'ga' as source_system, 'p' as property_id, n as session_id, 'good' as _feed from (values ('1'), ('2')) as t(n);
insert into core.fct_session by name
select n as session_key, 'session' as visit_kind, 'ga' as source_system, 'p' as property_id,
    date '2026-03-10' as session_date_local, channel
from (values ('1', 'Direct'), ('2', 'Unassigned'), ('3', 'Email')) as t(n, channel);
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """Two configured feeds, one of them with a wrong mapping, and books of others."""
    home = tmp_path_factory.mktemp("shop")
    made = Instance(home, {"good": 'mapping = "skipping.yml"', "odd": 'mapping = "odd.yml"'})
    text = (home / "followers_jsonl.yml").read_text(encoding="utf-8")
    skip = "skip: [{where: \"community = 'test'\", reason: test_community}]\n"
    (home / "skipping.yml").write_text(text + skip, encoding="utf-8")
    (home / "odd.yml").write_text(text.replace("tables:", "tabels:"), encoding="utf-8")
    made.deliver("good", "a.jsonl", GOOD + BAD_DAY + GOOD.replace('"c"', '"test"'), mtime=1_772_500_000)
    made.ingest()
    made.deliver("good", "b.jsonl", GOOD)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute(BUILT)
    return made


def test_each_feed_tells_what_it_fills_and_how_it_stands(shop: Instance) -> None:
    told = list_feeds(load_settings(shop.home), project_catalog(), now=NOW)
    assert (told["newest_day"], told["days_since"]) == (date(2026, 3, 10), 2)
    feeds = {feed["feed"]: feed for feed in told["feeds"]}
    assert list(feeds) == ["gone", "good", "odd", "refused", "shop"]
    good = feeds["good"]
    assert good["mapping"] == "skipping.yml"
    assert good["contracts"] == ["community_day"]
    assert (good["files_waiting"], good["deliveries_loaded"], good["deliveries_failed"]) == (1, 1, 0)
    assert good["last_extracted_at"].timestamp() == 1_772_500_000
    assert good["last_day"] == date(2026, 3, 7)
    assert good["reject_reasons"] == {"bad_date:metric_date": 1}
    assert good["skip_reasons"] == {"test_community": 1}
    assert good["matched"] == [{"of": "visits", "joined": 2, "total": 3, "share": 0.6667}]
    assert feeds["shop"]["matched"] == [{"of": "orders", "joined": 1, "total": 2, "share": 0.5}]
    assert (feeds["shop"]["pull_error"], good["pull_error"]) == ("SMM-312: the source does not take the token", None)
    # Of its own last days, though others are two months ahead: one order, the other is a day too old.
    assert feeds["gone"]["matched"] == [{"of": "orders", "joined": 0, "total": 1, "share": 0.0}]
    assert {name: feed["freshness"] for name, feed in feeds.items()} == {
        "gone": "silent",
        "good": "late",
        "odd": "never",
        "refused": "never",
        "shop": "fresh",
    }
    assert feeds["odd"]["fault"]["code"] == "SMM-204"
    assert not feeds["gone"]["configured"]


def test_the_list_is_text_for_people_and_json_for_programs(shop: Instance) -> None:
    text = feeds_text(list_feeds(load_settings(shop.home), project_catalog(), now=NOW)).splitlines()
    assert text[0] == "newest day of any feed: 2026-03-10, 2 days ago"
    assert "feed gone (not in smm.toml any more): no contract known" in text
    start = text.index("feed good (skipping.yml): community_day")
    assert text[start + 1 : start + 3] == [
        "  late: it gives every day, and other feeds are two or three days ahead",
        "  1 delivery loaded, 0 refused, 1 file waiting",
    ]
    assert "  66.7% of 3 visits have a known channel (its last 30 days)" in text
    assert "  skipped on purpose: test_community 1" in text
    answer = json.loads(smm(shop.home, "feeds", "--json").stdout)
    assert [feed["feed"] for feed in answer["feeds"]] == ["gone", "good", "odd", "refused", "shop"]
    assert answer["newest_day"] == "2026-03-10"


def test_it_is_told_when_all_feeds_are_silent(shop: Instance) -> None:
    """Beside each other they all look as they did on their last day."""
    lines = [
        feeds_text(list_feeds(load_settings(shop.home), project_catalog(), now=NOW + timedelta(days=d))).splitlines()[0]
        for d in (1, 2)
    ]
    assert lines == [
        "newest day of any feed: 2026-03-10, 3 days ago",
        "newest day of any feed: 2026-03-10, 4 days ago: all feeds are silent, and each is told as it was then",
    ]


def test_a_silence_is_an_error_where_the_settings_say_so(shop: Instance, tmp_path: Path) -> None:
    """As of today, so that it is told too where all feeds stop; one that never came has not fallen silent."""
    home = tmp_path / "shop"
    shutil.copytree(shop.home, home)
    config = (home / "smm.toml").read_text(encoding="utf-8")
    config += '\nsilence = "error"\n[feeds.shop]\nmapping = "followers_jsonl.yml"\nsilence = "error"\n'
    (home / "smm.toml").write_text(config, encoding="utf-8")

    def errors(days: int) -> dict[str, str]:
        told = list_feeds(load_settings(home), project_catalog(), now=NOW + timedelta(days=days))
        return {f["feed"]: f["silence_error"]["what"] for f in told["feeds"] if f["silence_error"]}

    # The shop's last day is the 10th, and it is the 12th in Kyiv: after three days without anything, from the 14th on.
    assert errors(1) == {}
    assert errors(2) == {"shop": "feed shop has been silent since 2026-03-10, and smm.toml calls that an error"}
    ran = smm(home, "feeds")
    assert ran.returncode == 4
    assert "  SMM-403: feed shop has been silent since 2026-03-10, and smm.toml calls that an error" in ran.stdout
    # Of the source's word on the 13th, in Kyiv, that there was nothing.
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute(
            "insert into meta.delivery select * replace ('none' as delivery_id, "
            "timestamptz '2026-03-12 23:00:00+00' as extracted_ts) from meta.delivery where feed = 'shop';"
            "insert into meta.delivery_count values ('shop', 'none', '(records)', 0, 0, 0, 0, 0)"
        )
    assert errors(4) == {}
    assert errors(5).keys() == {"shop"}


def test_a_silence_is_a_warning_unless_the_settings_say_otherwise(shop: Instance) -> None:
    """The feed `good` is silent as of today, and nothing fails."""
    assert smm(shop.home, "feeds").returncode == 0


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    shown = smm(Instance(tmp_path, {}).home, "feeds")
    assert shown.stdout == "no feed is configured: add [feeds.NAME] sections to smm.toml\n"
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_the_verdict_of_each_case() -> None:
    newest = date(2026, 3, 10)
    assert _verdict(0, newest, newest, is_silent=False) == "never"
    assert _verdict(1, None, newest, is_silent=None) == "unknown"
    assert _verdict(1, date(2026, 1, 1), newest, is_silent=None) == "irregular"
    assert _verdict(1, date(2026, 3, 6), newest, is_silent=True) == "silent"
    assert _verdict(1, date(2026, 3, 8), newest, is_silent=False) == "late"
    assert _verdict(1, date(2026, 3, 9), newest, is_silent=False) == "fresh"
