"""Real exports load with every record accounted for, and agree with what their own documentation says.

The samples lie beside the repository in shared/data and are never part of it; without them the tests are skipped.
"""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from smm_pipeline.ingest import RECORDS
from tests.ingest_fixture import SHARED_DATA, Instance

pytestmark = pytest.mark.skipif(
    not SHARED_DATA.is_dir(),
    reason=f"THE REAL SAMPLES ARE MISSING: {SHARED_DATA} does not exist; nothing real was tested",
)
# SOURCE.md of ga360_merch_store: visits, revenue in USD after exact duplicates are removed.
CHANNELS = {
    "Organic Search": (5955, Decimal("5222.36")),
    "Direct": (2703, Decimal("11432.05")),
    "Referral": (2179, Decimal("59415.01")),
    "Social": (479, Decimal("316.80")),
    "Paid Search": (378, Decimal("1214.25")),
    "Affiliates": (136, None),
    "Display": (89, Decimal("2774.11")),
    "(Other)": (1, None),
}


def test_merchandise_store_visits_and_revenue_per_channel(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"ga360": 'mapping = "ga360_sessions.yml"'}, time_zone="America/Los_Angeles")
    shop.deliver_copy("ga360", SHARED_DATA / "web_analytics" / "ga360_merch_store" / "analytics_2017-05.parquet")
    [result] = shop.ingest()
    assert result.rejected == 0
    assert result.counts[RECORDS].loaded == 352_365
    assert result.counts["raw.web_session"].rows_in == 352_365
    assert result.counts["raw.web_session_item"].rows_in == 1_240
    visits = shop.rows(
        "select s.vendor_channel, count(*), round(sum(i.revenue), 2) from raw.web_session s left join "
        "(select session_id, sum(revenue_amount) as revenue from raw.web_session_item where _is_current group by 1) i "
        "using (session_id) where s._is_current group by all"
    )
    assert {channel: (count, revenue) for channel, count, revenue in visits} == CHANNELS


def test_online_retail_reconciles_to_the_cent(tmp_path: Path) -> None:
    """Against plain Python over the same files: every line counts, repeated ones too."""
    files = sorted((SHARED_DATA / "orders" / "uci_online_retail").glob("*.csv"))
    assert len(files) == 10
    lines: Counter[str] = Counter()
    amounts: dict[str, Decimal] = {"sale": Decimal(0), "refund": Decimal(0)}
    for path in files:
        with path.open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                kind = "refund" if row["InvoiceNo"].startswith("C") else "sale"
                lines[kind] += 1
                amounts[kind] += Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])
    shop = Instance(
        tmp_path, {"retail": 'mapping = "uci_orders.yml"\ntime_zone = "Europe/London"'}, time_zone="Europe/London"
    )
    for path in files:
        shop.deliver_copy("retail", path)
    results = shop.ingest()
    assert sum(r.rejected for r in results) == 0
    assert shop.rows(
        "select count(*), sum(quantity * unit_price_amount) from raw.shop_order_line where _is_current"
    ) == [(lines["sale"], amounts["sale"])]
    assert shop.rows("select count(*), -sum(refund_amount) from raw.shop_refund_line where _is_current") == [
        (lines["refund"], amounts["refund"])
    ]
    assert shop.rows("select count(*) from raw.shop_order where _is_current") == [(1080,)]
    assert shop.rows("select count(*) from raw.shop_refund where _is_current") == [(150,)]


def test_facebook_and_instagram_seeds(tmp_path: Path) -> None:
    shop = Instance(
        tmp_path,
        {name: f'mapping = "fivetran_{name}.yml"' for name in ("page_days", "page_posts", "media")},
    )
    facebook = SHARED_DATA / "community_metrics" / "facebook_pages_fivetran"
    shop.deliver_copy("page_days", facebook / "facebook_pages_daily_page_metrics_total_data.csv")
    shop.deliver_copy("page_posts", facebook / "facebook_pages_post_history_data.csv")
    instagram = SHARED_DATA / "community_metrics" / "instagram_fivetran"
    shop.deliver_copy("media", instagram / "instagram_business_media_history_data.csv")
    results = {r.feed: r for r in shop.ingest()}
    assert [str(r.error) for r in results.values() if r.error] == []
    assert {name: (r.status, r.rejected, r.counts[RECORDS].loaded) for name, r in results.items()} == {
        "page_days": ("loaded", 0, 6),
        "page_posts": ("loaded", 0, 100),
        "media": ("loaded", 0, 100),
    }
    assert shop.rows(
        "select value from raw.community_day where metric = 'views' and metric_date = '2020-04-10' and _is_current"
    ) == [(6696,)]
    assert shop.rows(
        "select network, count(*) from raw.community_post where _is_current group by all order by all"
    ) == [
        ("facebook", 99),
        ("instagram", 3),
    ]


def test_telegram_export(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"telegram": 'vendor = "telegram_export"'})
    shop.deliver_copy("telegram", SHARED_DATA / "community_metrics" / "telegram_desktop_export" / "result.json")
    [result] = shop.ingest()
    assert (result.counts[RECORDS].rows_in, result.counts[RECORDS].loaded, result.counts[RECORDS].rejected) == (
        12,
        8,
        4,
    )
    assert {tuple(r[2]) for r in shop.rejects()} == {("skipped:service_message",)}
    # A private group: its members write messages, and none of them is a post of the community.
    messages = shop.rows("select message_id, sent_ts::varchar from raw.community_message order by 1")
    assert (len(messages), messages[0]) == (8, ("426597", "2022-03-16 17:24:40+00"))
    assert shop.rows(
        "select (select count(*) from raw.community_post), (select count(*) from raw.member_activity)"
    ) == [(0, 8)]
