"""The raw store alone makes the work database again, whatever became of landing/."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from smm_pipeline import pipeline
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest.arrivals import LIST_NAME
from smm_pipeline.settings import PROJECT_ROOT, load_settings
from tests.ingest_fixture import Instance

CORPUS = PROJECT_ROOT / "tests" / "corpus" / "bad"
FEEDS = {"members": 'mapping = "followers_jsonl.yml"'}
DATED = {"members": "mapping = \"followers_jsonl.yml\"\nextracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"}
ROWS = "select * exclude (_loaded_at) from raw.community_day order by all"
# The list writes the time to the nanosecond.
FIRST, SECOND = 1_772_400_000.123456, 1_772_500_000.654321


def _line(value: int) -> str:
    return json.dumps({"community": "c1", "day": "2026-03-01", "followers": value}) + "\n"


def _lose(shop: Instance, *folders: str) -> None:
    for name in folders:
        shutil.rmtree(shop.home / name)
    for path in shop.home.glob("warehouse.duckdb*"):
        path.unlink()


def test_versions_under_one_name_come_back_in_their_order(tmp_path: Path) -> None:
    """The second file replaced the first in landing/, and the first holds the higher value."""
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", "daily.jsonl", _line(12), mtime=FIRST)
    shop.ingest()
    shop.deliver("members", "daily.jsonl", _line(10), mtime=SECOND)
    shop.ingest()
    before = shop.rows(ROWS)
    _lose(shop, "landing")
    assert [d.status for d in shop.ingest()] == ["loaded", "loaded"]
    assert shop.rows(ROWS) == before
    assert shop.rows("select value from raw.community_day where _is_current") == [(10,)]
    assert shop.ingest() == []


def test_copying_landing_without_its_times_changes_nothing(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", "b.jsonl", _line(12), mtime=FIRST)
    shop.deliver("members", "a.jsonl", _line(10), mtime=SECOND)
    shop.ingest()
    before = shop.rows(ROWS)
    _lose(shop)
    shop.deliver("members", "b.jsonl", _line(12), mtime=SECOND + 5)
    shop.deliver("members", "a.jsonl", _line(10), mtime=SECOND + 5)
    shop.ingest()
    assert shop.rows(ROWS) == before


def test_half_a_line_left_by_a_crash_hurts_nobody(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", "a.jsonl", _line(10), mtime=FIRST)
    shop.ingest()
    arrivals = shop.home / "raw" / "members" / LIST_NAME
    whole = arrivals.read_bytes()
    arrivals.write_bytes(whole + whole[:40])
    shop.deliver("members", "b.jsonl", _line(12), mtime=SECOND)
    shop.ingest()
    _lose(shop, "landing")
    assert sorted(d.file_path for d in shop.ingest()) == ["a.jsonl", "b.jsonl"]


def test_a_new_raw_store_outlives_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, list, and every folder in which something new stands, are told to be on the disk."""
    system_fsync, kept = os.fsync, set[int]()

    def noting(descriptor: int) -> None:
        kept.add(os.fstat(descriptor).st_ino)
        system_fsync(descriptor)

    shop = Instance(tmp_path / "shop", FEEDS)
    shop.deliver("members", "a.jsonl", _line(10))
    monkeypatch.setattr(os, "fsync", noting)
    [result] = shop.ingest()
    raw = shop.home / "raw" / "members"
    prefix = raw / result.delivery_id[:2]
    wanted = (shop.home, raw.parent, raw, prefix, prefix / result.delivery_id, raw / LIST_NAME)
    assert {path.stat().st_ino for path in wanted} <= kept


def test_a_refused_delivery_is_read_from_the_raw_store_when_its_mapping_is_mended(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"sheet": 'mapping = "orders_csv.yml"'})
    shop.deliver_copy("sheet", CORPUS / "missing_column.csv")
    assert [d.status for d in shop.ingest()] == ["failed"]
    shutil.rmtree(shop.home / "landing")
    assert shop.ingest() == []
    mapping = shop.home / "orders_csv.yml"
    mended = mapping.read_text(encoding="utf-8").replace("total", "Totals").replace("Totals_", "total_")
    mapping.write_text(mended, encoding="utf-8")
    assert [d.status for d in shop.ingest()] == ["loaded"]


def test_lost_bytes_are_told_once_and_loaded_when_put_back(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", "a.jsonl", _line(10))
    shop.ingest()
    _lose(shop, "landing")
    [stored] = [p for p in (shop.home / "raw" / "members").rglob("*") if p.is_file() and p.name != LIST_NAME]
    stored.unlink()
    [lost] = shop.ingest()
    assert lost.error is not None
    assert lost.error.code == "SMM-208"
    assert shop.ingest() == []
    shop.deliver("members", "a.jsonl", _line(10))
    assert [d.status for d in shop.ingest()] == ["loaded"]


def test_a_feed_is_read_again_with_its_corrected_mapping(tmp_path: Path) -> None:
    """What two feeds brought to one table ends as in an instance that never knew the wrong mapping."""
    feeds = {**FEEDS, "guests": 'mapping = "guests.yml"'}
    ends = []
    for folder, wrong in (("corrected", "metric: {const: reach}"), ("right", "")):
        shop = Instance(tmp_path / folder, feeds)
        right = (shop.home / "followers_jsonl.yml").read_text(encoding="utf-8")
        (shop.home / "guests.yml").write_text(right, encoding="utf-8")
        if wrong:
            text = right.replace("metric: {const: followers}", wrong)
            (shop.home / "followers_jsonl.yml").write_text(text, encoding="utf-8")
        shop.deliver("members", "a.jsonl", _line(10), mtime=FIRST)
        shop.deliver("guests", "b.jsonl", _line(10) + _line(11), mtime=SECOND)
        shop.ingest()
        if wrong:
            (shop.home / "followers_jsonl.yml").write_text(right, encoding="utf-8")
            assert shop.ingest() == []
            shutil.rmtree(shop.home / "landing")
            settings = load_settings(shop.home)
            summary = pipeline.ingest(settings, shop.catalog, again="members")
            assert sorted(d.feed for d in summary.deliveries) == ["guests", "members"]
        ends.append((shop.rows(ROWS), shop.rows("select * from meta.delivery_count order by all")))
    assert ends[0] == ends[1]


def test_a_feed_whose_bytes_are_gone_is_not_taken_out(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", "a.jsonl", _line(10))
    shop.ingest()
    [stored] = [p for p in (shop.home / "raw" / "members").rglob("*") if p.is_file() and p.name != LIST_NAME]
    stored.unlink()
    with pytest.raises(SmmError, match="SMM-208"):
        pipeline.ingest(load_settings(shop.home), shop.catalog, again="members")
    assert shop.rows("select count(*) from raw.community_day") == [(1,)]


def test_bytes_that_one_name_kept_from_being_read_are_loaded_under_the_other(tmp_path: Path) -> None:
    """The first name says gzip, the second tells the truth; the books, a rebuild and a second reading keep the row."""
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("members", "a.jsonl.gz", _line(10), mtime=FIRST)
    shop.deliver("members", "a.jsonl", _line(10), mtime=SECOND)
    assert {d.file_path: d.status for d in shop.ingest()} == {"a.jsonl.gz": "failed", "a.jsonl": "loaded"}
    before = shop.rows(ROWS)
    assert len(before) == 1
    assert shop.ingest() == []
    _lose(shop, "landing")
    shop.ingest()
    assert shop.rows(ROWS) == before
    pipeline.ingest(load_settings(shop.home), shop.catalog, again="members")
    assert shop.rows(ROWS) == before


def test_the_same_bytes_under_many_names_are_loaded_once(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    for number in range(3):
        shop.deliver("members", f"{number}.jsonl", _line(10), mtime=FIRST + number)
    assert sorted((d.file_path, d.status) for d in shop.ingest()) == [
        ("0.jsonl", "loaded"),
        ("1.jsonl", "duplicate"),
        ("2.jsonl", "duplicate"),
    ]
    assert shop.ingest() == []


def _settled(shop: Instance) -> list[tuple[object, ...]]:
    return shop.rows("select value, hour(_version_ts) from raw.community_day where _is_current")


def _map_followers(shop: Instance, expr: str) -> None:
    path = shop.home / "followers_jsonl.yml"
    path.write_text(re.sub("value: .*followers.*", f"value: {expr}", path.read_text()), encoding="utf-8")


def test_known_bytes_come_again_after_their_mapping_was_corrected(tmp_path: Path) -> None:
    """Refused as text at one o'clock; the same bytes at three are not loaded behind the back of the books."""
    shop = Instance(tmp_path, DATED)
    _map_followers(shop, "followers || 'x'")
    shop.deliver("members", "f_x20260302T010000Z.jsonl", _line(10))
    shop.ingest()
    _map_followers(shop, "followers")
    shop.deliver("members", "f_x20260302T030000Z.jsonl", _line(10))
    [again] = shop.ingest()
    assert (again.status, again.counts) == ("duplicate", {})
    [warning] = again.warnings
    assert warning.startswith("its bytes were read with an earlier mapping or other settings")
    assert warning.endswith("smm ingest --again members")
    assert shop.rows("select value from raw.community_day") == []
    assert shop.rejects() == [("raw.community_day", 1, ["bad_number:value"])]
    assert shop.ingest() == []
    pipeline.ingest(load_settings(shop.home), shop.catalog, again="members")
    assert (_settled(shop), shop.rejects()) == ([(10, 3)], [])


def test_a_value_that_came_back_under_another_mapping_holds_when_its_own_is_back(tmp_path: Path) -> None:
    """10 at one o'clock, 12 at two; with another mapping 10 again at three and, the mapping being restored, at last."""
    shop = Instance(tmp_path, DATED)
    for hour, value in ((1, 10), (2, 12)):
        shop.deliver("members", f"f_x20260302T0{hour}0000Z.jsonl", _line(value))
    shop.ingest()
    _map_followers(shop, "concat(followers)")
    shop.deliver("members", "f_x20260302T030000Z.jsonl", _line(10))
    shop.ingest()
    assert _settled(shop) == [(12, 2)]
    _map_followers(shop, "followers")
    assert [(d.status, d.warnings) for d in shop.ingest()] == [("duplicate", ())]
    assert _settled(shop) == [(10, 3)]
    assert shop.ingest() == []


def test_a_value_that_came_back_under_another_mapping_holds_once_the_feed_is_read_again(tmp_path: Path) -> None:
    shop = Instance(tmp_path, DATED)
    for hour, value in ((1, 10), (2, 12)):
        shop.deliver("members", f"f_x20260302T0{hour}0000Z.jsonl", _line(value))
    shop.ingest()
    _map_followers(shop, "followers || '0'")
    shop.deliver("members", "f_x20260302T030000Z.jsonl", _line(10))
    shop.ingest()
    pipeline.ingest(load_settings(shop.home), shop.catalog, again="members")
    assert _settled(shop) == [(100, 3)]
    assert shop.ingest() == []
