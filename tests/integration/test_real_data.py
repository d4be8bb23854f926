"""The whole job on real exports: from landing to the serving file, against figures worked out apart from the pipeline.

The samples lie beside the repository in shared/data and are never part of it; without them the tests are skipped.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from smm_pipeline import pipeline
from smm_pipeline.attribution import Model
from smm_pipeline.settings import PERSON_KEY_VARIABLE, load_settings
from tests.commands import TEST_KEY
from tests.ingest_fixture import SHARED_DATA, Instance

pytestmark = pytest.mark.skipif(
    not SHARED_DATA.is_dir(),
    reason=f"THE REAL SAMPLES ARE MISSING: {SHARED_DATA} does not exist; the job did not run on real input",
)
# SOURCE.md of ga360_merch_store, in the names of the default channel group: visits, revenue in USD without duplicates.
CHANNELS = {
    "Organic Search": (5955, Decimal("5222.36")),
    "Direct": (2703, Decimal("11432.05")),
    "Referral": (2179, Decimal("59415.01")),
    "Organic Social": (479, Decimal("316.80")),
    "Paid Search": (378, Decimal("1214.25")),
    "Affiliates": (136, None),
    "Display": (89, Decimal("2774.11")),
    "Unassigned": (1, None),
}
FEEDS = {
    "ga360": 'mapping = "ga360_sessions.yml"\ntime_zone = "America/Los_Angeles"',
    "retail": 'mapping = "uci_orders.yml"\ntime_zone = "Europe/London"',
    "page_days": 'mapping = "fivetran_page_days.yml"',
    "page_posts": 'mapping = "fivetran_page_posts.yml"',
    "media": 'mapping = "fivetran_media.yml"',
    "mentions": 'vendor = "youscan"\nconstants = { monitor_id = "7", brand = "YouScan" }',
    "telegram": 'vendor = "telegram_export"',
    "web": 'vendor = "ga4"',
}
FILES = {
    "ga360": ["web_analytics/ga360_merch_store/analytics_2017-05.parquet"],
    "page_days": ["community_metrics/facebook_pages_fivetran/facebook_pages_daily_page_metrics_total_data.csv"],
    "page_posts": ["community_metrics/facebook_pages_fivetran/facebook_pages_post_history_data.csv"],
    "media": ["community_metrics/instagram_fivetran/instagram_business_media_history_data.csv"],
    "mentions": ["mentions/youscan_api/mentions_response_example.json"],
    "telegram": ["community_metrics/telegram_desktop_export/result.json"],
    "web": ["web_analytics/ga4/velir_event_rows.jsonl"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One instance on which the whole job ran once over all samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PERSON_KEY_VARIABLE, TEST_KEY)
        shop = Instance(tmp_path_factory.mktemp("real"), FEEDS, time_zone="Europe/London", currency="GBP")
        for feed, names in FILES.items():
            for name in names:
                shop.deliver_copy(feed, SHARED_DATA / name)
        for path in sorted((SHARED_DATA / "orders" / "uci_online_retail").glob("*.csv")):
            shop.deliver_copy("retail", path)
        summary = pipeline.run(load_settings(shop.home), shop.catalog)
        assert [str(d.error) for d in summary.refused] == []
        assert [(r.table, [v.check_id for v in r.blocking]) for r in summary.failed] == []
        yield shop.home


def test_merchandise_store_visits_and_revenue_per_channel(home: Path) -> None:
    """Google's own channel names the visit where nothing else is known; exact duplicates are gone."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select channel, count(*), round(sum(vendor_revenue_amount), 2) from core.fct_session "
            "where source_system = 'ga360' group by channel"
        ).fetchall()
        social = con.execute(
            "select sum(sessions), round(sum(vendor_revenue_amount), 2) from kpi.kpi_daily_social_traffic"
        ).fetchone()
    assert {channel: (visits, revenue) for channel, visits, revenue in rows} == CHANNELS
    assert social == (479, Decimal("316.80"))


def test_online_retail_reconciles_to_the_cent_every_day(home: Path) -> None:
    """Order book per day and refunds per day, against plain Python over the same files."""
    sales: dict[date, Decimal] = defaultdict(Decimal)
    refunds: dict[date, Decimal] = defaultdict(Decimal)
    orders: dict[date, set[str]] = defaultdict(set)
    for path in sorted((SHARED_DATA / "orders" / "uci_online_retail").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                day = date.fromisoformat(row["InvoiceDate"][:10])
                amount = Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])
                if row["InvoiceNo"].startswith("C"):
                    refunds[day] -= amount
                else:
                    sales[day] += amount
                    orders[day].add(row["InvoiceNo"])
    with duckdb.connect(str(home / "serving" / "smm.duckdb"), read_only=True) as con:
        found = con.execute(
            "select date_local, sum(orders), sum(gross_revenue_amount), sum(refund_on_refund_day_amount) "
            "from kpi.kpi_daily_benefit group by 1 order by 1"
        ).fetchall()
        credited = con.execute(
            "select model, sum(credited_revenue_amount) from kpi.kpi_daily_attribution group by 1"
        ).fetchall()
    days = sorted(sales.keys() | refunds.keys())
    assert found == [(day, len(orders[day]), sales[day], refunds[day]) for day in days]
    # A cancellation does not say which order it cancels, so no order's net is touched and credit equals the sales.
    assert {amount for _, amount in credited} == {sum(sales.values())}
    assert len(credited) == len(Model)


def test_nothing_is_lost(home: Path) -> None:
    """Every record of every sample has exactly one fate; only Telegram's service messages are refused."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        records = dict(
            con.execute(
                "select feed, sum(rows_in) from meta.delivery_count where table_name = '(records)' group by feed"
            ).fetchall()
        )
        unbalanced = con.execute(
            "select * from meta.delivery_count where rows_in <> loaded + duplicate + superseded + rejected"
        ).fetchall()
        reasons = con.execute("select distinct feed, unnest(reasons) from quality.rejects").fetchall()
    assert records == {
        "ga360": 352_365,
        "retail": 26_732,
        "page_days": 6,
        "page_posts": 100,
        "media": 100,
        "mentions": 1,
        "telegram": 12,
        "web": 1,
    }
    assert unbalanced == []
    assert reasons == [("telegram", "skipped:service_message")]
