"""Deliveries twice, restated, in any order, in one batch or many: the raw tables come out the same."""

from __future__ import annotations

import itertools
import json
from datetime import date
from pathlib import Path

import pytest

from smm_pipeline.ingest import RECORDS, Counts
from smm_pipeline.ingest import run as ingest_run
from smm_pipeline.ingest.landing import raw_path
from smm_pipeline.settings import load_settings
from tests.ingest_fixture import Instance

FEEDS = {"members": "mapping = \"followers_jsonl.yml\"\nextracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"}
CURRENT = "select community_id, metric_date, value from raw.community_day where _is_current order by all"


def _line(value: int, community: str = "c1", day: str = "2026-03-01") -> str:
    return json.dumps({"community": community, "day": day, "followers": value}) + "\n"


def _delivery(hour: int) -> str:
    return f"f{hour}_x20260302T{hour:02d}0000Z.jsonl"


def test_the_same_delivery_twice_changes_nothing(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", _delivery(1), _line(10))
    [first] = shop.ingest()
    before = shop.rows("select * from raw.community_day"), shop.rows("select * from meta.partition_state order by all")
    shop.deliver("members", "copy_of_it.jsonl", _line(10))
    [second] = shop.ingest()
    assert (first.status, second.status) == ("loaded", "duplicate")
    assert first.counts == {RECORDS: Counts(1, 1), "raw.community_day": Counts(1, 1)}
    after = shop.rows("select * from raw.community_day"), shop.rows("select * from meta.partition_state order by all")
    assert after == before
    assert shop.ingest() == []


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_a_restated_metric_ends_at_the_last_value_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    """10 at one o'clock, 12 at two, 10 again at three: 10 holds, whichever file comes first."""
    values = {1: 10, 2: 12, 3: 10}
    shop = Instance(tmp_path, FEEDS)
    for hour in order:
        # The remark makes the bytes of the first and the third file differ.
        shop.deliver("members", _delivery(hour), _line(values[hour]) + _line(hour, community="other"))
        shop.ingest()
    assert shop.rows(CURRENT + " limit 1") == [("c1", date(2026, 3, 1), 10)]
    told = "hour(_version_ts), hour(_first_ts), _is_current, _is_restated"
    versions = shop.rows(f"select value, {told} from raw.community_day where community_id = 'c1' order by value")
    assert versions == [(10, 3, 1, True, True), (12, 2, 1, False, True)]
    assert shop.rows("select value, hour(_first_ts), _is_restated from raw.community_day where not _is_restated") == []


def test_a_value_that_came_back_has_its_last_time_and_the_deliveries_have_all(tmp_path: Path) -> None:
    """10, 12, 10 again: after each what is newest holds; that 10 held before 12 only the raw store still tells."""
    shop = Instance(tmp_path, FEEDS)
    after = []
    for hour, value in ((1, 10), (2, 12), (3, 10)):
        shop.deliver("members", _delivery(hour), _line(value) + _line(hour, community="other"))
        shop.ingest()
        after += shop.rows(CURRENT + " limit 1")
    assert [value for _, _, value in after] == [10, 12, 10]
    history = "select value, hour(_version_ts) from raw.community_day where community_id = 'c1' order by 2"
    assert shop.rows(history) == [(12, 2), (10, 3)]
    kept = shop.rows("select feed, delivery_id from meta.delivery where status = 'loaded' order by file_path")
    store = load_settings(shop.home).raw_store
    told = [json.loads(raw_path(store, *delivery).read_text().splitlines()[0])["followers"] for delivery in kept]
    assert told == [10, 12, 10]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_the_very_bytes_again_at_a_later_time_hold_again(tmp_path: Path, order: tuple[int, ...]) -> None:
    """As before, but the first and the third file are the same bytes under two names."""
    shop = Instance(tmp_path, FEEDS)
    for hour in order:
        shop.deliver("members", _delivery(hour), _line({1: 10, 2: 12, 3: 10}[hour]) + "{broken\n")
        shop.ingest()
    assert shop.rows(CURRENT) == [("c1", date(2026, 3, 1), 10)]
    assert shop.rows("select value, hour(_version_ts) from raw.community_day order by value") == [(10, 3), (12, 2)]
    assert shop.rows("select status, count(*) from meta.delivery group by all order by all") == [
        ("duplicate", 1),
        ("loaded", 2),
    ]
    assert len(shop.rejects()) == 2
    assert shop.ingest() == []


def test_an_undated_copy_says_nothing_of_when_its_values_held(tmp_path: Path) -> None:
    """10 at one o'clock, 12 at two, a copy of the first file made today, 10 again at three: 10 holds."""
    shop = Instance(tmp_path, FEEDS)
    for name, value in ((_delivery(1), 10), (_delivery(2), 12), ("copy.jsonl", 10), (_delivery(3), 10)):
        shop.deliver("members", name, _line(value))
        shop.ingest()
    assert shop.rows(CURRENT) == [("c1", date(2026, 3, 1), 10)]


def test_fates_say_what_became_of_each_row(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", _delivery(2), _line(12) + _line(12) + _line(7, community="c2"))
    [newer] = shop.ingest()
    shop.deliver("members", _delivery(1), _line(10) + _line(7, community="c2"))
    [older] = shop.ingest()
    assert newer.counts["raw.community_day"] == Counts(rows_in=3, loaded=2, duplicate=1)
    assert older.counts["raw.community_day"] == Counts(rows_in=2, superseded=1, duplicate=1)
    assert shop.rows(CURRENT) == [("c1", date(2026, 3, 1), 12), ("c2", date(2026, 3, 1), 7)]


def test_one_batch_and_many_give_the_same_tables_and_fates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty deliveries over few keys, so that versions and repetitions abound."""
    contents, fates = [], []
    for name, files in (("one", 64), ("many", 1), ("some", 7)):
        monkeypatch.setattr(ingest_run, "BATCH_FILES", files)
        shop = Instance(tmp_path / name, FEEDS)
        for n in range(30):
            lines = [_line((n * 7 + k * n) % 4, community=f"c{k}", day=f"2026-03-0{1 + n % 2}") for k in range(3)]
            shop.deliver("members", f"f_x202603{2 + n // 24:02d}T{n % 24:02d}0000Z.jsonl", "".join(lines) + "\n" * n)
        shop.ingest()
        contents.append(shop.content("raw.community_day"))
        fates.append(shop.rows("select * from meta.delivery_count order by all"))
    assert contents[0] == contents[1] == contents[2]
    assert fates[0] == fates[1] == fates[2]


def test_only_days_whose_current_rows_changed_are_bumped(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    state = (
        "select partition_key, version from meta.partition_state where table_name = 'raw.community_day' order by all"
    )
    shop.deliver("members", _delivery(2), _line(12) + _line(5, day="2026-03-02"))
    shop.ingest()
    first = dict(shop.rows(state))
    shop.deliver("members", _delivery(1), _line(10))
    shop.ingest()
    second = dict(shop.rows(state))
    assert second["2026-03-01"] > first["2026-03-01"], "the key was known earlier, and it was restated"
    shop.deliver("members", f"another_{_delivery(1)}", _line(11))
    shop.ingest()
    assert dict(shop.rows(state)) == second, "one more older version is history, nothing that people see has changed"
    shop.deliver("members", _delivery(3), _line(13))
    shop.ingest()
    third = dict(shop.rows(state))
    assert third["2026-03-02"] == first["2026-03-02"]
    assert third["2026-03-01"] > second["2026-03-01"]


def test_conservation_holds_in_the_books(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    broken = (
        _line(1) + "{broken\n" + _line(-1, community="") + '{"community": "c9", "day": "2026-02-30", "followers": 3}\n'
    )
    shop.deliver("members", _delivery(1), broken)
    [result] = shop.ingest()
    assert result.counts == {RECORDS: Counts(4, 3, rejected=1), "raw.community_day": Counts(3, 1, rejected=2)}
    assert shop.rejects() == [
        (RECORDS, 2, ["broken_json"]),
        ("raw.community_day", 3, ["missing:community_id"]),
        ("raw.community_day", 4, ["bad_date:metric_date"]),
    ]
