"""Verdicts on real DuckDB rows: in the open transaction, without offending values, broken apart from failed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from smm_pipeline.catalog import ColumnSpec, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.validation import Verdict, validate
from smm_pipeline.validation.runner import _evaluate, _for_gx
from smm_pipeline.validation.suites import EXPECTATION_TYPES, holds_without_rows

COLUMNS = (
    ColumnSpec("order_id", "BIGINT", "Order"),
    ColumnSpec("day", "DATE", "Day"),
    ColumnSpec("email", "VARCHAR", "Something personal"),
)
SPEC = TableSpec("core", "fct_order", "Orders.", "one row per order", ("order_id",), COLUMNS, partition="day")
RELATION = "core.fct_order"


def check(name: str, kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "kwargs": kwargs, "severity": severity, "description": f"{name} holds."}


def query(name: str, sql: str) -> dict[str, Any]:
    return check(name, "unexpected_rows_expectation", unexpected_rows_query=sql)


NOT_NULL = check("order_not_null", "expect_column_values_to_not_be_null", column="order_id")
UNIQUE = check("order_unique", "expect_column_values_to_be_unique", severity="warning", column="order_id")
NO_EMAIL = check("email_is_hashed", "expect_column_values_to_match_regex", column="email", regex="^[0-9a-f]+$")
NEWEST = check("newest_day", "expect_column_max_to_be_between", column="day", min_value=date(2026, 3, 2))


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create schema core; create table core.fct_order (order_id bigint, day date, email text)")
        yield connection


def statuses(found: list[Verdict]) -> dict[str, str]:
    return {verdict.check_id: verdict.status for verdict in found}


def run(con: duckdb.DuckDBPyConnection, *entries: dict[str, Any], **more: Any) -> list[Verdict]:
    return validate(con, SPEC, relation=RELATION, suite={"expectations": list(entries)}, **more)


def test_a_verdict_says_what_was_counted(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "insert into core.fct_order values (1, '2026-03-01', 'ab'), (1, '2026-03-01', 'cd'), (null, null, 'ef')"
    )
    not_null, unique, newest = run(con, NOT_NULL, UNIQUE, NEWEST)
    kind = "expect_column_values_to_not_be_null"
    text = "order_not_null holds."
    assert not_null == Verdict("order_not_null", kind, "critical", "failed", None, 1, 3, text)
    assert (unique.severity, unique.status, unique.unexpected_count, unique.rows) == ("warning", "failed", 2, 3)
    assert (newest.status, newest.observed, newest.unexpected_count) == ("failed", "2026-03-01", None)


def test_verdicts_come_in_the_order_of_the_suite(con: duckdb.DuckDBPyConnection) -> None:
    entries = [NEWEST, UNIQUE, NO_EMAIL, NOT_NULL, query("none", "select * from {batch} where order_id < 0")]
    assert [v.check_id for v in run(con, *entries)] == [entry["id"] for entry in entries]


def test_uncommitted_rows_are_seen_and_stay_uncommitted(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("begin; insert into core.fct_order values (null, '2026-03-01', 'ab')")
    assert statuses(run(con, NOT_NULL)) == {"order_not_null": "failed"}
    con.execute("rollback")
    assert con.execute("select count(*) from core.fct_order").fetchall() == [(0,)]


def test_a_temporary_view_can_be_validated_and_nothing_is_left_behind(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into core.fct_order values (1, '2026-03-01', 'ab'), (null, '2026-03-02', 'cd')")
    con.execute("create temp view smm_audit as select * from core.fct_order where day = '2026-03-01'")
    for relation in ("smm_audit", "temp.main.smm_audit", "(select * from core.fct_order where day < '2026-03-02')"):
        [verdict] = validate(con, SPEC, relation=relation, suite={"expectations": [NOT_NULL]})
        assert (verdict.status, verdict.rows) == ("passed", 1)
    views = "select view_name from duckdb_views() where temporary and not internal"
    assert con.execute(views).fetchall() == [("smm_audit",)]


def test_a_query_may_read_other_tables(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table core.fct_refund (order_id bigint); insert into core.fct_refund values (1), (2)")
    con.execute("insert into core.fct_order values (1, '2026-03-01', 'ab')")
    orphan = "select r.order_id from core.fct_refund r anti join {batch} b on b.order_id = r.order_id"
    [verdict] = run(con, query("refund_has_order", orphan))
    assert (verdict.status, verdict.observed, verdict.unexpected_count) == ("failed", "1", 1)


def test_days_asked_for_count_even_without_rows(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into core.fct_order values (1, '2026-03-01', 'ab')")
    empty_day = query("day_has_orders", "select d.day from {days} d anti join {batch} b on b.day = d.day")
    assert statuses(run(con, empty_day)) == {"day_has_orders": "passed"}
    [verdict] = run(con, empty_day, days=[date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)])
    assert (verdict.status, verdict.unexpected_count) == ("failed", 2)


def test_without_days_those_between_the_first_and_the_last_count(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into core.fct_order values (1, '2026-03-01', 'ab'), (2, '2026-03-04', 'cd')")
    empty_day = query("day_has_orders", "select d.day from {days} d anti join {batch} b on b.day = d.day")
    [verdict] = run(con, empty_day)
    assert (verdict.status, verdict.unexpected_count) == ("failed", 2)


def test_an_empty_table_passes_only_what_it_keeps(con: duckdb.DuckDBPyConnection) -> None:
    has_rows = check("has_rows", "expect_table_row_count_to_be_between", min_value=1)
    assert statuses(run(con, NOT_NULL, has_rows)) == {"order_not_null": "passed", "has_rows": "failed"}


def test_of_no_rows_great_expectations_says_the_same(con: duckdb.DuckDBPyConnection) -> None:
    """It is not asked where an expectation cannot fail; each type that is passed over has a case here."""
    entries = [
        NOT_NULL,
        UNIQUE,
        NO_EMAIL,
        check("known", "expect_column_values_to_be_in_set", column="email", value_set=["ab"]),
        check("positive", "expect_column_values_to_be_between", column="order_id", min_value=1),
        check("length", "expect_column_value_lengths_to_equal", column="email", value=2),
        check("pair", "expect_column_pair_values_a_to_be_greater_than_b", column_A="order_id", column_B="order_id"),
        check("key", "expect_compound_columns_to_be_unique", column_list=["order_id", "day"]),
        query("none", "select * from {batch} where order_id < 0"),
    ]
    assert {entry["type"] for entry in entries} == {
        kind for kind in EXPECTATION_TYPES if holds_without_rows(entries[-1] | {"type": kind})
    }
    con.execute("create temp view no_orders as select * from core.fct_order")
    found = _evaluate(con, "no_orders", [_for_gx(entry, "") for entry in entries])
    assert [found[entry["id"]].success for entry in entries] == [True] * len(entries)
    assert [v.status for v in run(con, *entries)] == ["passed"] * len(entries)


def test_a_query_that_cannot_be_run_is_broken_without_rows_too(con: duckdb.DuckDBPyConnection) -> None:
    [verdict] = run(con, query("typo", "select * from {batch} where amonut < 0"))
    assert (verdict.status, verdict.unexpected_count) == ("broken", None)


def test_what_cannot_be_evaluated_is_broken_and_not_failed(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into core.fct_order values (1, '2026-03-01', 'olena@example.com')")
    number = query("email_is_a_number", "select * from {batch} where email::bigint > 0")
    found = {v.check_id: v for v in run(con, NOT_NULL, number)}
    assert found["order_not_null"].status == "passed"
    broken = found["email_is_a_number"]
    assert (broken.status, broken.unexpected_count) == ("broken", None)
    assert broken.observed is not None
    assert "Conversion Error" in broken.observed


def test_a_broken_query_in_a_transaction_names_the_first_error(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("begin; insert into core.fct_order values (1, '2026-03-01', 'olena@example.com')")
    found = run(con, query("email_is_a_number", "select * from {batch} where email::bigint > 0"), NOT_NULL)
    assert "broken" in statuses(found).values()
    assert "failed" not in statuses(found).values()
    assert all("Conversion Error" in (v.observed or "") for v in found if v.status == "broken")
    con.execute("rollback")
    assert con.execute("select count(*) from core.fct_order").fetchall() == [(0,)]


def test_personal_values_reach_neither_verdicts_nor_output(
    con: duckdb.DuckDBPyConnection, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    con.execute("insert into core.fct_order values (1, '2026-03-01', 'olena@example.com')")
    found = run(
        con,
        NO_EMAIL,
        query("no_email", "select * from {batch} where email like '%@%'"),
        query("email_is_a_number", "select * from {batch} where email::bigint > 0"),
    )
    assert [v.status for v in found] == ["failed", "failed", "broken"]
    written = capfd.readouterr()
    assert "olena" not in f"{found}{written.out}{written.err}{caplog.text}"


def test_a_wrong_suite_is_refused_before_anything_runs(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SmmError) as caught:
        run(con, check("typo", "expect_column_values_to_be_nul", column="order_id"))
    assert caught.value.code == "SMM-105"
    assert "core.fct_order" in caught.value.where
    with pytest.raises(SmmError):
        validate(con, SPEC, relation=RELATION)  # the table has no suite of its own


def test_connections_do_not_mix_in_threads(tmp_path: Path) -> None:
    def count(rows: int) -> int:
        with duckdb.connect(tmp_path / f"{rows}.duckdb") as own:
            own.execute("create schema core; create table core.fct_order (order_id bigint, day date, email text)")
            own.execute("insert into core.fct_order select i, '2026-03-01', 'ab' from range(?) t (i)", [rows])
            return run(own, NOT_NULL, UNIQUE)[0].rows

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count, range(1, 9))) == list(range(1, 9))


def test_no_network_is_used(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError(f"a connection was opened: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert statuses(run(con, NOT_NULL)) == {"order_not_null": "passed"}
