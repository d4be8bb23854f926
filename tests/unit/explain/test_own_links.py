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
