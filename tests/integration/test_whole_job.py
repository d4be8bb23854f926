"""The whole job on the demo shop: what must hold whatever order the world delivers in."""

from __future__ import annotations

import random
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from smm_pipeline import pipeline
from smm_pipeline.attribution import Model
from smm_pipeline.catalog import Catalog
from smm_pipeline.explain import Wanted, explain_figure, explain_order
from smm_pipeline.settings import PERSON_KEY_VARIABLE, load_settings
from smm_pipeline.warehouse.completeness import lineage
from smm_pipeline.warehouse.connection import connect
from tests.commands import TEST_KEY
from tests.instances import copy_instance, fingerprints, order_by_the_link_of_a_profile, small_shop
from tests.project_catalog import project_catalog


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The project's own catalog."""
    return project_catalog()


@pytest.fixture(scope="module", autouse=True)
def person_key() -> Iterator[None]:
    """One key for all instances, so that their pseudonyms can be compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PERSON_KEY_VARIABLE, TEST_KEY)
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deliveries of a small shop and of one order more, nothing built."""
    home = small_shop(tmp_path_factory.mktemp("shop"))
    return order_by_the_link_of_a_profile(home)


@pytest.fixture(scope="module")
def built(shop: Path, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same shop after one run over everything."""
    home = copy_instance(shop, tmp_path_factory.mktemp("built") / "home")
    summary = pipeline.run(load_settings(home), catalog)
    assert not summary.failed, [(r.table, [v.check_id for v in r.blocking]) for r in summary.failed]
    assert not summary.refused, [str(d.error) for d in summary.refused]
    return home


def test_classes_channels_and_order_book_agree_to_the_cent(built: Path) -> None:
    """Every day: sum over classes = sum over channels per model = the orders written by the shop's own books."""
    with duckdb.connect(str(built / "serving" / "smm.duckdb"), read_only=True) as con:
        classes = dict(
            con.execute(
                "select date_local, sum(net_revenue_amount) from kpi.kpi_daily_benefit "
                "group by 1 having sum(orders) > 0"
            ).fetchall()
        )
        channels: dict[str, dict[date, Decimal]] = defaultdict(dict)
        for model, day, amount in con.execute(
            "select model, date_local, sum(credited_revenue_amount) from kpi.kpi_daily_attribution group by 1, 2"
        ).fetchall():
            channels[model][day] = amount
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        book = dict(
            con.execute(
                "select order_date_local, sum(net_revenue_amount) from core.fct_order where is_countable group by 1"
            ).fetchall()
        )
    assert classes == book
    assert sorted(channels) == sorted(Model)
    for model, days in channels.items():
        assert days == book, model


def test_money_of_months_products_and_segments_is_that_of_the_daily_benefit(built: Path) -> None:
    """To the cent: by month and network in four tables, by product and day, and over all segments of a dimension."""
    sums = {
        "daily": "select cast(date_trunc('month', date_local) as date), network, sum(net_revenue_amount) "
        "from kpi.kpi_daily_benefit where network <> '(none)' and orders > 0 group by all",
        "monthly": "select month_start_date, network, credited_revenue_amount from kpi.kpi_monthly_return "
        "where model = 'benefit_touch' and level = 'network' and credited_orders > 0",
        "platform": "select month_start_date, network, net_revenue_amount from kpi.kpi_platform_choice "
        "where orders > 0",
        "product": "select cast(date_trunc('month', date_local) as date), network, sum(net_revenue_amount) "
        "from kpi.kpi_product_benefit where network <> '(none)' and orders > 0 group by all",
    }
    refunds = "select sum(refund_on_order_day_amount), sum(refund_on_refund_day_amount) from kpi."
    whole_month = " where level = 'shop' and model = 'benefit_touch'"
    with duckdb.connect(str(built / "serving" / "smm.duckdb"), read_only=True) as con:
        found = {name: sorted(con.execute(query).fetchall()) for name, query in sums.items()}
        given_back = con.execute(f"{refunds}kpi_daily_benefit").fetchall()
        given_back_by_month = con.execute(f"{refunds}kpi_monthly_return{whole_month}").fetchall()
        segments = con.execute(
            "select distinct sum(net_revenue_amount) from kpi.kpi_segment_benefit group by dimension"
        ).fetchall()
        book = con.execute("select sum(net_revenue_amount) from kpi.kpi_daily_benefit").fetchall()
    assert found["daily"]
    assert [name for name, rows in found.items() if rows != found["daily"]] == []
    assert given_back == given_back_by_month
    assert segments == book


@pytest.mark.parametrize(
    ("table", "figure", "behind"),
    [
        ("kpi_segment_benefit", "orders", "core.fct_order_benefit"),
        ("kpi_platform_choice", "orders", "core.fct_order_benefit"),
        ("kpi_platform_choice", "posts", "core.fct_post"),
        ("kpi_daily_benefit", "orders", "core.fct_order_benefit"),
        ("kpi_product_benefit", "orders", "core.fct_order_benefit"),
        ("kpi_product_benefit", "views", "core.fct_item_event"),
        ("kpi_daily_social_traffic", "sessions", "core.fct_session"),
        ("kpi_daily_share_of_voice", "mentions", "core.fct_mention"),
        ("kpi_daily_community_activity", "posts_28d", "core.fct_post"),
        ("kpi_daily_potential_customers", "people", "core.fct_potential_customer"),
        ("kpi_post_performance", "sessions", "core.fct_session"),
        ("kpi_daily_social_traffic", "orders", "core.fct_order"),
        ("kpi_daily_media_interest", "linked_sessions", "core.brg_session_mention"),
        ("kpi_events_newsletters", "orders", "core.fct_order"),
        ("kpi_events_newsletters", "sessions", "core.fct_session"),
        ("kpi_daily_order_match", "orders", "core.fct_order"),
        ("kpi_daily_recommendation", "recommendations", "core.fct_member_action"),
        ("kpi_daily_content_traffic", "sessions", "core.fct_session"),
        ("kpi_benefit_sensitivity", "orders", "core.fct_order_benefit"),
    ],
)
def test_as_many_rows_are_explained_as_are_counted(
    built: Path, catalog: Catalog, table: str, figure: str, behind: str
) -> None:
    """Of rows of the newest day or month that has any, told apart by their keys, exactly these are behind each."""
    settings, spec = load_settings(built), catalog[f"kpi.{table}"]
    key = [name for name in spec.key if name != spec.day_column]
    kinds = " and event_name = 'view_item'" if figure == "views" else ""
    with connect(settings, read_only=True) as con:
        rows = con.execute(
            f"select {', '.join(key)}, {spec.day_column}, {figure} from kpi.{table} where {figure} > 0 "
            f"qualify {spec.day_column} = max({spec.day_column}) over () order by all limit 8"
        ).fetchall()
        assert rows
        for *values, day, counted in rows:
            wanted = Wanted(f"{table}.{figure}", day, of=dict(zip(key, map(str, values), strict=True)))
            explained = explain_figure(con, catalog, settings, wanted)
            [part] = [part for part in explained["behind"] if part["table"] == behind]
            [(found,)] = con.execute(f'select count(*) from "behind_{behind}" where true{kinds}').fetchall()
            assert (found, part["is_exact"]) == (counted, True), values


def test_an_expected_level_is_explained_by_the_days_before(built: Path, catalog: Catalog) -> None:
    """As many direct visits are behind it as were counted on its day and the 56 before."""
    settings = load_settings(built)
    with connect(settings, read_only=True) as con:
        [(day, counted)] = con.execute(
            "select date_local, sum(observed_count) over (order by date_local range between interval 56 day preceding "
            "and current row) from kpi.kpi_daily_brand_demand where signal = 'direct_sessions' "
            "order by date_local desc limit 1"
        ).fetchall()
        wanted = Wanted("kpi_daily_brand_demand.expected_count", day, of={"signal": "direct_sessions"})
        explained = explain_figure(con, catalog, settings, wanted)
        [visits] = [part for part in explained["behind"] if part["table"] == "core.fct_session"]
    assert (visits["rows"], visits["is_exact"]) == (counted, True)


def test_the_visit_of_the_buying_stands_behind_an_order_that_no_touch_led_to(built: Path, catalog: Catalog) -> None:
    """With the event that told of it."""
    settings = load_settings(built)
    with connect(settings, read_only=True) as con:
        [(order_key, delivery, row)] = con.execute(
            "select b.order_key, e._delivery_id, e._source_row from core.fct_order_benefit as b "
            "inner join core.fct_order as o on o.order_key = b.order_key "
            "inner join raw.web_event as e on lower(e.order_ref) = o.order_ref "
            "where b.benefit_class = 'no_social_touch' and e._is_current order by all limit 1"
        ).fetchall()
        files = explain_order(con, catalog, settings, order_key)["files"]
    events = [file for file in files if file["table"] == "web_event" and file["delivery_id"] == delivery[:12]]
    assert [file["first_row"] <= row <= file["last_row"] for file in events] == [True]


def test_trackable_orders_get_the_class_that_caused_them(built: Path, shop: Path) -> None:
    """Every countable order that left a trace is given the class that the shop's simulation planted."""
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select t.cause, b.benefit_class, count(*) from read_csv(?, all_varchar = true) as t "
            "inner join core.fct_order as o on o.order_id = t.order_id and o.is_countable "
            "inner join core.fct_order_benefit as b on b.order_key = o.order_key "
            "where t.was_trackable = 'true' group by all order by all",
            [str(shop / "truth" / "orders.csv")],
        ).fetchall()
    assert {cause for cause, _, _ in rows} >= {"D1_recommendation", "D2_impulse", "no_social_touch"}
    assert [row for row in rows if row[0] != row[1]] == []


def test_trackable_orders_are_credited_to_the_post_that_caused_them(built: Path, shop: Path) -> None:
    """The touch that is named is of the community and the post that the shop's simulation planted."""
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select t.order_id, t.community_id, t.post_id, b.community_id, b.post_id "
            "from read_csv(?, all_varchar = true) as t "
            "inner join core.fct_order as o on o.order_id = t.order_id and o.is_countable "
            "inner join core.fct_order_benefit as b on b.order_key = o.order_key "
            "where t.was_trackable = 'true' and t.post_id is not null",
            [str(shop / "truth" / "orders.csv")],
        ).fetchall()
    assert len(rows) >= 5
    assert [row for row in rows if row[1:3] != row[3:5]] == []


def test_a_guessed_post_is_shown_with_the_benefit_and_not_given_the_order(built: Path) -> None:
    """Tags that name the community alone leave the post to a guess: the newest one, which has no order of its own."""
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        found = con.execute(
            "select t.post_method, b.community_id, b.post_id, p.orders from core.fct_order as o "
            "inner join core.fct_order_benefit as b on b.order_key = o.order_key "
            "inner join core.brg_order_touch as t on t.order_key = b.order_key and t.touch_id = b.touch_id "
            "inner join kpi.kpi_post_performance as p on p.post_id = b.post_id where o.order_id = '60000'"
        ).fetchall()
    assert found == [("newest", "104000000000001", "104000000000001_107", 0)]


def test_conservation_holds_for_every_delivery_and_table(built: Path) -> None:
    """Records in = loaded + duplicate + superseded + rejected, summed anew from the books."""
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        wrong = con.execute(
            "select * from meta.delivery_count where rows_in <> loaded + duplicate + superseded + rejected"
        ).fetchall()
        [(loaded,)] = con.execute("select sum(loaded) from meta.delivery_count").fetchall()
    assert wrong == []
    assert loaded > 1000


def test_each_day_of_a_kpi_table_says_whether_it_is_complete(built: Path, catalog: Catalog) -> None:
    """The days of the order book among them; in a shop whose feeds all come nothing is missed."""
    with duckdb.connect(str(built / "serving" / "smm.duckdb"), read_only=True) as con:
        states = con.execute(
            "select table_name, count(distinct date_local) from kpi._completeness group by 1"
        ).fetchall()
        assert {table for table, _ in states} == lineage(catalog).keys()
        # Six days, or the month that they are of.
        months = {table for table, days in states if days == 1}
        assert months == {"kpi_monthly_return", "kpi_platform_choice", "kpi_segment_benefit"}
        assert {days for table, days in states if table not in months} == {6}
        joined = "kpi.kpi_daily_benefit as k left join kpi._completeness as c using (date_local)"
        found = con.execute(
            f"select distinct c.state from {joined} where c.table_name = 'kpi_daily_benefit'"
        ).fetchall()
        assert found == [("complete",)]
        assert con.execute("select count(*) from kpi._completeness where state = 'incomplete'").fetchall() == [(0,)]


def test_every_event_of_a_visitor_is_in_one_session(built: Path) -> None:
    """Events that sessions hold = events staged, robots and nameless ones left out."""
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        held, staged = con.execute(
            "select (select sum(events) from core.fct_session where visit_kind = 'session'), "
            "(select count(*) from staging.stg_web_event where visitor_key is not null and not coalesce(is_bot, false))"
        ).fetchall()[0]
    assert held == staged > 1000


def test_a_second_run_changes_nothing(built: Path, catalog: Catalog) -> None:
    """Nothing new was delivered: nothing is built, and what is published is the same."""
    before = fingerprints(built / "serving" / "smm.duckdb")
    assert [r.table for r in pipeline.run(load_settings(built), catalog).built] == []
    assert fingerprints(built / "serving" / "smm.duckdb") == before


def test_the_order_of_deliveries_does_not_matter(built: Path, shop: Path, catalog: Catalog, tmp_path: Path) -> None:
    """All files are loaded in two halves, each in a random order: the KPI tables are the same to the byte."""
    home = copy_instance(shop, tmp_path / "shuffled", landing=False)
    files = [p for p in sorted((shop / "landing").rglob("*")) if p.is_file()]
    luck = random.Random(5)  # noqa: S311 - not a secret
    luck.shuffle(files)
    settings = load_settings(home)
    for half in (files[: len(files) // 2], files[len(files) // 2 :]):
        for path in half:
            feed = path.relative_to(shop / "landing").parts[0]
            target = home / "landing" / feed / f"{luck.random()}" / path.name
            target.parent.mkdir(parents=True)
            shutil.copy2(path, target)
        pipeline.ingest(settings, catalog)
    pipeline.run(settings, catalog)
    assert fingerprints(home / "serving" / "smm.duckdb") == fingerprints(built / "serving" / "smm.duckdb")


def test_daily_slices_equal_one_rebuild(built: Path, shop: Path, catalog: Catalog, tmp_path: Path) -> None:
    """Files arrive on the day their name says, with a run after each slice: incremental equals full, row for row."""
    home = copy_instance(shop, tmp_path / "slices", landing=False)
    settings = load_settings(home)
    dated = sorted((_arrival(p), p) for p in (shop / "landing").rglob("*") if p.is_file())
    last = dated[-1][0]
    cuts = [last - timedelta(days=5), last - timedelta(days=4), last]
    done: set[Path] = set()
    for cut in cuts:
        for day, path in dated:
            if day <= cut and path not in done:
                target = home / path.relative_to(shop)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
                done.add(path)
        summary = pipeline.run(settings, catalog)
        assert not summary.failed
        assert summary.built, f"nothing arrived by {cut}"
    for layer in ("staging", "core"):
        assert fingerprints(home / "warehouse.duckdb", layer) == fingerprints(built / "warehouse.duckdb", layer)
    assert fingerprints(home / "serving" / "smm.duckdb") == fingerprints(built / "serving" / "smm.duckdb")


def test_forced_days_are_built_again_to_the_same_rows(built: Path, catalog: Catalog) -> None:
    """--from and --to build days that are not stale; their rows do not change."""
    before = fingerprints(built / "warehouse.duckdb", "core")
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        [(first,)] = con.execute("select min(order_date_local) from core.fct_order").fetchall()
    summary = pipeline.run(load_settings(built), catalog, first=first, last=first)
    assert "core.fct_order" in [r.table for r in summary.built]
    assert fingerprints(built / "warehouse.duckdb", "core") == before


def test_no_personal_data_past_the_door(built: Path) -> None:
    """The buyers' addresses are in the deliveries and the raw store, and in no column of any database but rejects."""
    found = []
    for database in (built / "warehouse.duckdb", built / "serving" / "smm.duckdb"):
        with duckdb.connect(str(database), read_only=True) as con:
            columns = con.execute(
                "select table_schema, table_name, column_name from information_schema.columns "
                "where data_type like '%VARCHAR%' and table_schema || '.' || table_name <> 'quality.rejects'"
            ).fetchall()
            for schema, table, column in columns:
                personal = f"cast(\"{column}\" as varchar) like '%@example.%'"
                if con.execute(f'select 1 from "{schema}"."{table}" where {personal} limit 1').fetchall():
                    found.append(f"{database.name}: {schema}.{table}.{column}")
    delivered = b"".join(p.read_bytes() for p in (built / "landing" / "orders").iterdir())
    assert b"@example.com" in delivered
    assert found == []


def _arrival(path: Path) -> date:
    """The day a file could have arrived: of its extraction time, else the day in its name, else before all others."""
    found = re.search(r"_x(\d{4})(\d{2})(\d{2})T", path.name) or re.search(r"(\d{4})(\d{2})(\d{2})", path.name)
    return date(int(found[1]), int(found[2]), int(found[3])) if found else date.min
