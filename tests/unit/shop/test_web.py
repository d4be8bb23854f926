"""GA4 files: recounted from what was written, independently of the code that counted while writing."""

from __future__ import annotations

from .conftest import Shop


def one(shop: Shop, sql: str) -> int:
    row = shop.web.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


def test_events_and_purchases_agree_with_the_facts(shop: Shop) -> None:
    assert one(shop, "select count(*) from event") == shop.facts.events
    assert one(shop, "select count(*) from event where name = 'purchase'") == shop.notes["purchase_events"]


def test_every_measured_web_order_has_its_purchase(shop: Shop) -> None:
    wanted = {
        row["order_number"] for row in shop.truth if row["sales_channel"] == "web" and row["why_not"] != "ad_blocker"
    }
    rows = shop.web.execute("select order_number, revenue from event where name = 'purchase'").fetchall()
    assert {number for number, _ in rows} == wanted
    totals = {row["order_number"]: float(row["total_amount"]) for row in shop.truth}
    assert all(abs(totals[number] - revenue) < 0.005 for number, revenue in rows)
    assert len(rows) - len(wanted) == shop.notes["duplicate_purchase_events"] > 0


def test_the_vendor_key_tells_all_events_apart(shop: Shop) -> None:
    key = "visitor, ts, name, batch_page_id, batch_ordering_id"
    assert one(shop, f"select count(*) from (select distinct {key} from event)") == shop.facts.events


def test_doubled_rows_and_files_are_there(shop: Shop) -> None:
    contents = [path.read_bytes() for path in shop.files("web")]
    assert len(contents) - len(set(contents)) == shop.notes["redelivered_files"] == 3
    originals = "from delivered where not contains(filename, '_copy_')"
    doubled = one(
        shop, f"select (select count(*) {originals}) - (select count(*) from (select distinct * {originals}))"
    )
    assert doubled == shop.notes["doubled_rows"] > 0


def test_late_events_come_two_days_after_their_day(shop: Shop) -> None:
    """Late files hold only rows that the day's first file lacks, under the day's own name."""
    late = one(
        shop,
        """
        with file as (
            select
                filename,
                regexp_extract(filename, 'events_(\\d{8})(?:_copy)?_x(\\d{8})', ['day', 'taken']) as part
            from (select distinct filename from delivered)
        )
        select count(*) from delivered as d inner join file as f on f.filename = d.filename
        where strptime(f.part.taken, '%Y%m%d') - strptime(f.part.day, '%Y%m%d') = interval 3 day
        """,
    )
    assert late == shop.notes["late_rows"] > 0


def test_sessions_cross_midnight(shop: Shop) -> None:
    crossing = """
        select count(*) from (
            select visitor, session from event where session is not null
            group by visitor, session having count(distinct event_date) > 1
        )
    """
    hidden = shop.notes["midnight_sessions"] - one(shop, crossing)
    assert 0 <= hidden <= shop.notes["midnight_sessions"] // 3  # without consent a session cannot be told
    assert one(shop, "select count(distinct event_date) from event") == 75


def test_refused_consent_bots_and_self_referrals_are_there(shop: Shop) -> None:
    assert one(shop, "select count(*) from event where visitor is null") > 0
    assert one(shop, "select count(*) from event where visitor is null and session is not null") == 0
    assert one(shop, "select count(*) from event where browser = 'HeadlessChrome'") > 0
    entry = "from event where name = 'session_start' and referrer like"
    for referrer in (
        "https://www.domivka.example/%",
        "https://t.me/",
        "android-app://%",
        "https://l.facebook.com/",
        "https://chatgpt.com/",
    ):
        assert one(shop, f"select count(*) {entry} '{referrer}'") > 0, referrer
    assert one(shop, "select count(*) from event where name = 'purchase' and referrer like '%liqpay.ua/'") > 0


def test_both_file_formats_hold_rows(shop: Shop) -> None:
    suffixes = {path.suffix for path in shop.files("web")}
    assert suffixes == {".gz", ".parquet"}
    assert one(shop, "select count(distinct right(filename, 3)) from delivered") == 2
