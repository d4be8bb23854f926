"""Joins that no key of one name makes: which row upstream is behind a row."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
import yaml

from smm_pipeline.explain.origins import Lineage
from smm_pipeline.explain.own_links import OWN_LINKS
from smm_pipeline.explain.trace import tables_read
from tests.unit.explain.cases import CASES, CATALOG, Case
from tests.unit.explain.filled import Filled

PRODUCT = "kpi_product_benefit/interest_sales_and_parts_of_an_order"


def test_a_delivered_visit_is_traced_to_its_record_with_and_without_a_visitor() -> None:
    """Without consent there is no visitor. A visit cut from events may have the number of another day's record."""
    with duckdb.connect() as con:
        con.execute(
            "create table a as select * from (values "
            "('named', 'metrica', 'p', 'v', '1', timestamptz '2026-03-10 10:00:00+00'), "
            "('nameless', 'metrica', 'p', null, '2', timestamptz '2026-03-10 10:00:00+00'), "
            "('from events', 'metrica', 'p', 'v', '2', timestamptz '2026-03-12 10:00:00+00'), "
            "('another site', 'metrica', 'q', 'v', '1', timestamptz '2026-03-10 10:00:00+00'), "
            "('of an order', 'metrica', 'p', null, null, timestamptz '2026-03-10 10:00:00+00')"
            ") as t (visit_key, source_system, property_id, visitor_key, vendor_session_id, start_ts)"
        )
        con.execute(
            "create table b as select * from (values "
            "('metrica', 'p', 'v', '1', timestamptz '2026-03-10 10:00:00+00'), "
            "('metrica', 'p', null, '2', timestamptz '2026-03-10 10:00:00+00')"
            ") as t (source_system, property_id, visitor_key, session_id, start_ts)"
        )
        link = OWN_LINKS["core.fct_visit", "staging.stg_web_session"]
        found = con.execute(f"select a.visit_key, b.session_id from a, b where {link} order by 2").fetchall()
    assert found == [("named", "1"), ("nameless", "2")]


def test_a_goal_is_traced_to_the_scope_of_its_own_table() -> None:
    """Scopes have one name in several tables."""
    with duckdb.connect() as con:
        con.execute("create table a as select 'kpi_daily_benefit.orders' as kpi, 'telegram' as scope")
        con.execute(
            "create table b as select * from (values ('kpi_daily_benefit', 'telegram'), ('kpi_daily_benefit', 'vk'), "
            "('kpi_daily_supporters', 'telegram')) as t (kpi_table, scope)"
        )
        link = OWN_LINKS["kpi.kpi_goal_progress", "core.dim_goal_scope"]
        found = con.execute(f"select b.kpi_table, b.scope from a, b where {link}").fetchall()
    assert found == [("kpi_daily_benefit", "telegram")]


def test_a_touch_is_traced_to_what_a_member_did() -> None:
    """An id is one within its feed family alone; a visit was no member's."""
    with duckdb.connect() as con:
        con.execute("create table a as select unnest(['action:vk:7', 'visit:7']) as touch_id")
        con.execute(
            "create table b as select * from (values ('vk', 7), ('telegram', 7), ('vk', 8)) "
            "as t (source_system, activity_id)"
        )
        link = OWN_LINKS["core.fct_touch", "core.fct_member_action"]
        found = con.execute(f"select a.touch_id, b.source_system, b.activity_id from a, b where {link}").fetchall()
    assert found == [("action:vk:7", "vk", 7)]


def test_a_code_is_traced_to_its_record_of_the_orders_own_shop() -> None:
    with duckdb.connect() as con:
        con.execute("create schema core")
        con.execute("create table core.fct_order as select 'o' as order_key, 'main' as store_id")
        con.execute(
            "create table a as select 'o' as order_key, * from (values ('promo_code', 'code:OLHA'), "
            "('visit', 'visit:OLHA')) as t (touch_kind, touch_id)"
        )
        con.execute(
            "create table b as select * from (values ('main', 'OLHA'), ('other', 'OLHA'), ('main', 'ANNA')) "
            "as t (store_id, code)"
        )
        link = OWN_LINKS["core.brg_order_touch", "staging.stg_promo_code"]
        found = con.execute(f"select a.touch_id, b.store_id, b.code from a, b where {link}").fetchall()
    assert found == [("code:OLHA", "main", "OLHA")]


@pytest.mark.parametrize("case", [PRODUCT], indirect=True)
@pytest.mark.parametrize(
    ("figure", "upstream", "key", "of_the_lamp"),
    [
        ("orders", "core.fct_order", "order_key", "half thirds"),
        ("community_orders", "core.fct_order", "order_key", "half thirds"),
        ("viewing_sessions", "core.fct_item_event", "event_key", "e8"),
        ("community_viewing_sessions", "core.fct_item_event", "event_key", "e8 e9"),
        ("interest_share", "core.fct_session", "session_key", "s4"),
    ],
)
def test_a_product_is_set_beside_all_of_its_community(
    case: Case, figure: str, upstream: str, key: str, of_the_lamp: str
) -> None:
    day = "2026-03-10" if upstream == "core.fct_order" else "2026-03-12"
    row = next(r for r in case.expect if (str(r["date_local"]), r["sku"], r["community_id"]) == (day, "lamp", "c"))
    assert case.behind(row, figure, upstream, f"string_agg({key}, ' ' order by {key})") == of_the_lamp


@pytest.mark.parametrize("case", [PRODUCT], indirect=True)
def test_behind_a_share_of_sales_stand_orders_that_do_not_hold_the_product(case: Case) -> None:
    """The vase is in one order, thirds; the community's other is half."""
    vase = next(row for row in case.expect if (row["sku"], row["community_id"]) == ("vase", "c"))
    keys = "string_agg(order_key, ' ' order by order_key)"
    assert case.behind(vase, "orders", "core.fct_order", keys) == "thirds"
    assert case.behind(vase, "sales_share", "core.fct_order", keys) == "half thirds"


def test_behind_refunds_of_a_day_stand_those_of_the_day(work: Filled) -> None:
    """That of the 12th is behind the row of its order too, but not behind what was paid back on the 10th."""
    cell = {"network": "vk", "community_id": "c", "benefit_class": "D2_impulse"}
    work.put("core.fct_order_benefit", [{"order_key": "o", "order_date_local": date(2026, 3, 10)}], **cell)
    work.put(
        "core.fct_refund",
        [{"refund_key": "r", "order_key": "o", "refund_date_local": date(2026, 3, 12), "is_countable": True}],
    )
    days = (date(2026, 3, 10), date(2026, 3, 12))
    work.put("kpi.kpi_daily_benefit", [{"date_local": day} for day in days], **cell)
    found = [
        work.behind(f"kpi_daily_benefit{column}", day, "core.fct_refund", "refund_key")
        for column in (".refund_on_refund_day_amount", "")
        for day in days
    ]
    assert found == [[], ["r"], ["r"], ["r"]]


def test_searches_are_traced_to_the_rows_of_the_question_that_was_taken() -> None:
    """Clicks and impressions of the case come to those of its rows; a property within another has no row."""
    name = CASES.parent / "core" / "fct_search_day" / "one_question_of_each_property.yml"
    case = yaml.safe_load(name.read_text(encoding="utf-8"))
    given = case["inputs"]["staging.stg_search_position_day"]
    with duckdb.connect() as con:
        con.execute("create schema staging")
        con.execute(
            "create table staging.stg_search_position_day (site text, metric_date date, query text, page text, "
            "country text, device text, search_type text, period text, clicks bigint, impressions bigint)"
        )
        con.execute("create table a (metric_date date, site text, subject_kind text, subject text)")
        for table, rows in (
            ("staging.stg_search_position_day", [given["base"] | row for row in given["rows"]]),
            ("a", case["expect"]),
        ):
            columns = [name for (name, *_) in con.execute(f"describe {table}").fetchall()]
            for row in rows:
                con.execute(f"insert into {table} values ({', '.join('?' * len(columns))})", [row[c] for c in columns])
        link = OWN_LINKS["core.fct_search_day", "staging.stg_search_position_day"]
        found = con.execute(
            "select a.site, a.metric_date, a.subject, cast(sum(clicks) as bigint), cast(sum(impressions) as bigint) "
            f"from a, staging.stg_search_position_day as b where {link} group by all order by all"
        ).fetchall()
    told = [(r["site"], r["metric_date"], r["subject"], r["clicks"], r["impressions"]) for r in case["expect"]]
    assert found == sorted(told)


@pytest.mark.parametrize("case", ["data_visit_rule/rules_and_hosts_that_none_knows"], indirect=True)
def test_behind_visits_of_a_host_stand_those_of_that_host(case: Case) -> None:
    found = [case.behind(row, "sessions", "core.fct_session") for row in case.expect]
    assert found == [row["sessions"] for row in case.expect]


@pytest.mark.parametrize(
    ("figure", "tables"),
    [
        ("kpi_daily_community_activity.likes", "core.fct_post_engagement"),
        ("kpi_daily_community_activity.members", "core.fct_community_day"),
        ("kpi_daily_community_activity.spam_share", "core.fct_conversation_day core.fct_moderation_day"),
        ("kpi_daily_supporters.members", "core.fct_community_day"),
        ("kpi_daily_competitors.posts_28d", "core.dim_community core.dim_date core.fct_post"),
    ],
)
def test_what_is_joined_for_other_columns_is_not_behind_a_column(figure: str, tables: str) -> None:
    table, _, column = figure.partition(".")
    assert tables_read(CATALOG[f"kpi.{table}"], column, Lineage(CATALOG)) == set(tables.split())
