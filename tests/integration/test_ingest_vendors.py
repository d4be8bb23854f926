"""Shipped vendors on small files in the vendors' shapes (tests/fixtures/<vendor>); values worked out by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

from smm_pipeline.settings import PROJECT_ROOT
from tests.ingest_fixture import Instance

FIXTURES = PROJECT_ROOT / "tests" / "fixtures"
# 2026-03-01 22:00 UTC is midnight in Kyiv.
EVENING = datetime(2026, 3, 1, 21, 45, tzinfo=UTC).timestamp()


def shop_with(home: Path, vendor: str, *files: str, constants: str = "", mtime: float | None = None) -> Instance:
    shop = Instance(home, {"feed": f'vendor = "{vendor}"\nconstants = {{ {constants} }}'})
    for name in files:
        shop.deliver("feed", Path(name).name, (FIXTURES / name).read_bytes(), mtime=mtime)
    return shop


def test_telegram_export_and_views(tmp_path: Path) -> None:
    export = shop_with(tmp_path / "e", "telegram_export", "telegram/result.json")
    export.ingest()
    rows = export.rows(
        "select community_id, post_id, post_date_local, updated_ts::varchar, post_type, post_text, link_urls, "
        "is_reshare from raw.community_post order by post_id"
    )
    links = "https://shop.example/blog/lamps https://shop.example/product/sku1"
    text = "Lamps: https://shop.example/product/sku1 more #lamps"
    assert rows == [
        ("1001", "5", date(2026, 3, 1), "2026-03-02 08:00:00+00", "photo", text, links, False),
        ("1001", "6", date(2026, 3, 2), None, "text", "[not a list]", None, True),
    ]
    views = shop_with(tmp_path / "v", "telegram_views", "telegram/views.json", mtime=EVENING + 10 * 86400)
    views.ingest()
    day = "select metric_date, metric, value, _version_ts::varchar from raw.community_day"
    assert views.rows(day) == [(date(2026, 3, 1), "followers", 500, "2026-03-01 21:45:00+00")]
    counters = (
        "select post_id, snapshot_date, views, likes, comments, shares from raw.community_post_snapshot order by 1"
    )
    assert views.rows(counters) == [
        ("5", date(2026, 3, 1), 120, 7, 1, 2),
        ("6", date(2026, 3, 1), 10, None, None, None),
    ]


def test_telegram_counters_of_previews_are_rounded(tmp_path: Path) -> None:
    post = {
        "id": "1",
        "views": "1.2K",
        "forwards": "3,4M",
        "comments": "12",
        "reactions": [{"count": "1K"}, {"count": 5}],
    }
    odd = {"id": "2", "views": "many"}
    page = {"channel_id": "c", "taken_at": "2026-03-02T10:00:00Z", "members_count": "15.6K", "posts": [post, odd]}
    shop = Instance(tmp_path, {"feed": 'vendor = "telegram_views"'})
    shop.deliver("feed", "views.json", json.dumps(page))
    shop.ingest()
    counters = "select views, shares, comments, likes from raw.community_post_snapshot"
    assert shop.rows(counters) == [(1200, 3_400_000, 12, 1005)]
    assert shop.rows("select value from raw.community_day") == [(15600,)]
    assert shop.rows("select reasons from quality.rejects") == [(["bad_number:views"],)]
