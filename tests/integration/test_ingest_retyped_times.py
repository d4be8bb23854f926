"""A source that changes how it writes times: what is declared is read, anything else is a reject that says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ingest_fixture import Instance

# The same minute of three days as seconds, as milliseconds and as ISO 8601: one delivery of each.
AS_SECONDS, AS_MILLISECONDS, AS_ISO = 1772359200, 1772445600000, "2026-03-03T10:00:00Z"
INSTANTS = ("2026-03-01 10:00:00", "2026-03-02 10:00:00", "2026-03-03 10:00:00")
POSTS = (
    "select post_id, strftime(published_ts at time zone 'UTC', '%Y-%m-%d %H:%M:%S') from raw.community_post order by 1"
)
MAPPING = """
format: {kind: jsonl, structure: {post: VARCHAR, at: VARCHAR}}
source_system: test
tables:
  community_post:
    columns:
      network: {const: telegram}
      community_id: {const: c}
      post_id: post
      published_ts: {expr: at, time: {format: FORMAT}}
"""


@pytest.mark.parametrize(
    ("declared", "read", "reasons"),
    [
        ("unix_s", 0, ["bad_time:published_ts", "bad_time:published_ts"]),
        ("unix_ms", 1, ["bad_time:published_ts", "bad_time:published_ts"]),
        ("iso", 2, ["bad_time:published_ts", "bad_time:published_ts"]),
    ],
)
def test_a_time_retyped_between_deliveries_is_read_as_declared_or_rejected(
    tmp_path: Path, declared: str, read: int, reasons: list[str]
) -> None:
    """Seconds taken for milliseconds lie in 1970, the others past the year 9999: neither is a time."""
    shop = Instance(tmp_path, {"posts": 'mapping = "m.yml"'})
    (tmp_path / "m.yml").write_text(MAPPING.replace("FORMAT", declared), encoding="utf-8")
    for n, at in enumerate((AS_SECONDS, AS_MILLISECONDS, AS_ISO)):
        shop.deliver("posts", f"{n}.jsonl", json.dumps({"post": str(n), "at": at}) + "\n")
        assert [result.status for result in shop.ingest()] == ["loaded"]
    assert shop.rows(POSTS) == [(str(read), INSTANTS[read])]
    assert [rejected for _, _, [rejected] in shop.rejects()] == sorted(reasons)


def test_a_time_that_need_not_be_there_is_held_to_its_unit_too(tmp_path: Path) -> None:
    """As LinkedIn's lastModifiedAt: in seconds it would lie in 1970; 0 is how programs write that there is none."""
    shop = Instance(tmp_path, {"posts": 'mapping = "m.yml"'})
    edited = "      updated_ts: {expr: edited, time: {format: unix_ms}}\n"
    mapping = MAPPING.replace("at: VARCHAR", "at: VARCHAR, edited: VARCHAR").replace("FORMAT", "unix_ms") + edited
    (tmp_path / "m.yml").write_text(mapping, encoding="utf-8")
    posts = {"a": AS_MILLISECONDS, "b": AS_SECONDS, "c": 0, "d": None}
    lines = [json.dumps({"post": name, "at": AS_MILLISECONDS, "edited": at}) + "\n" for name, at in posts.items()]
    shop.deliver("posts", "posts.jsonl", "".join(lines))
    assert [result.status for result in shop.ingest()] == ["loaded"]
    assert shop.rows(POSTS.replace("published_ts", "updated_ts")) == [("a", INSTANTS[1]), ("c", None), ("d", None)]
    assert [reasons for _, _, reasons in shop.rejects()] == [["bad_time:updated_ts"]]


def test_a_shipped_vendor_that_retypes_its_times_leaves_no_post_without_one(tmp_path: Path) -> None:
    """TikTok's create_time is declared as seconds; with a limit of rejects the delivery is refused whole."""
    feed = 'vendor = "tiktok_business"\nconstants.community_id = "c"'
    shop = Instance(tmp_path, {"lax": feed, "strict": f"{feed}\nmax_reject_share = 0.01"})
    statuses = []
    for n, at in enumerate((AS_SECONDS, AS_MILLISECONDS, AS_ISO)):
        videos = {"code": 0, "data": {"videos": [{"item_id": str(n), "create_time": at, "video_views": 5}]}}
        for name in ("lax", "strict"):
            shop.deliver(name, f"{n}.json", json.dumps(videos))
        statuses += [(r.feed, r.status, r.error and r.error.code) for r in shop.ingest()]
    assert statuses == [
        ("lax", "loaded", None),
        ("strict", "loaded", None),
        ("lax", "loaded", None),
        ("strict", "failed", "SMM-207"),
        ("lax", "loaded", None),
        ("strict", "failed", "SMM-207"),
    ]
    assert set(shop.rows(POSTS)) == {("0", INSTANTS[0])}
    assert shop.rows("select reasons from quality.rejects where feed = 'lax' ") == [(["bad_time:published_ts"],)] * 2
