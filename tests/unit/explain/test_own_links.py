"""Joins that no key of one name makes: which row upstream is behind a row."""

from __future__ import annotations

import duckdb

from smm_pipeline.explain.own_links import OWN_LINKS


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
