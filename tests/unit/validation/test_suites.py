"""A suite that Great Expectations would silently shorten or wave through is refused, with the entry named."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from smm_pipeline.catalog import ColumnSpec, TableSpec
from smm_pipeline.validation import check_suite
from smm_pipeline.validation.suites import EXPECTATION_TYPES, holds_without_rows

COLUMNS = (ColumnSpec("day", "DATE", "Day"), ColumnSpec("amount", "DECIMAL(18,4)", "Amount"))
KEY = ("day",)
DAILY = TableSpec("kpi", "daily", "An example.", "one row per day", KEY, COLUMNS, partition="day")
WHOLE = TableSpec("kpi", "whole", "An example.", "one row per day", KEY, COLUMNS)


def entry(**changes: Any) -> dict[str, Any]:
    """A right entry with some keys changed; a key changed to None is left out."""
    right = {
        "id": "day_not_null",
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "day"},
        "severity": "critical",
        "description": "Every row has its day.",
    }
    return {key: value for key, value in {**right, **changes}.items() if value is not None}


def problems(*entries: dict[str, Any], spec: TableSpec = DAILY) -> list[str]:
    return check_suite({"expectations": list(entries)}, spec)


def test_a_right_suite_has_no_problem() -> None:
    query = "select * from {days} d left join {batch} b on b.day = d.day where b.day is null and '{{}}' != ''"
    kwargs = {"unexpected_rows_query": query}
    assert problems(entry(), entry(id="days", type="unexpected_rows_expectation", kwargs=kwargs)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": "expect_column_values_to_be_lovely"}, "unknown expectation type"),
        ({"severity": "fatal"}, "severity 'fatal' is none of critical, warning, info"),
        ({"id": None}, "has no id"),
        ({"id": "Day not null"}, "not snake_case"),
        ({"description": " "}, "the description is empty"),
        ({"kwargs": None}, "has no kwargs"),
        ({"meta": {"owner": "me"}}, "unknown key 'meta'"),
        ({"about": "yesterday"}, "about 'yesterday' is not 'now'"),
        ({"kwargs": {"column": "dya"}}, "unknown column 'dya'"),
        ({"kwargs": {"column": "day", "collumn": "day"}}, "unknown argument 'collumn'"),
        ({"kwargs": {}}, "lacks the argument 'column'"),
        ({"kwargs": {"column": "day", "mostly": 95}}, "mostly 95 is not a share"),
    ],
)
def test_a_wrong_entry_is_named(changes: dict[str, Any], expected: str) -> None:
    [problem] = problems(entry(**changes))
    assert expected in problem
    assert problem.startswith(
        "entry 1: " if changes.get("id", "") is None else f"{changes.get('id', 'day_not_null')}: "
    )


@pytest.mark.parametrize(
    ("kind", "kwargs", "expected"),
    [
        ("expect_column_values_to_be_between", {"column": "amount"}, "neither min_value nor max_value"),
        ("expect_column_values_to_be_in_set", {"column": "amount", "value_set": []}, "not a list with values"),
        ("expect_column_values_to_be_in_set", {"column": "amount", "value_set": "paid"}, "not a list with values"),
        ("expect_column_values_to_match_regex", {"column": "amount", "regex": "("}, "regular expression is wrong"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["day"]}, "needs two columns or more"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["day", "x"]}, "unknown column 'x'"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select 1"}, "does not name {batch}"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "selekt * from {batch}"}, "does not parse"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "drop table {batch}"}, "not one SELECT"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select * from {batch}; select 1"}, "not one SELECT"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select {x} from {batch}"}, "placeholders: x"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select '{' from {batch}"}, "brace"),
    ],
)
def test_a_check_that_cannot_work_is_refused(kind: str, kwargs: dict[str, Any], expected: str) -> None:
    [problem] = problems(entry(type=kind, kwargs=kwargs))
    assert expected in problem


def test_days_need_a_partition() -> None:
    kwargs = {"unexpected_rows_query": "select * from {batch} semi join {days} using (day)"}
    days = entry(type="unexpected_rows_expectation", kwargs=kwargs)
    assert problems(days) == []
    [problem] = problems(days, spec=WHOLE)
    assert "the table has no partition" in problem


def test_an_id_is_used_once() -> None:
    assert problems(entry(), entry()) == ["day_not_null: this id is used twice"]


@pytest.mark.parametrize("suite", [None, {}, {"expectations": []}, {"expectations": None}, {"expectations": ["day"]}])
def test_a_suite_that_checks_nothing_is_refused(suite: Any) -> None:
    assert len(check_suite(suite, DAILY)) == 1


def test_a_misspelt_top_key_is_refused() -> None:
    found = check_suite({"expectation": [entry()]}, DAILY)
    assert "unknown key 'expectation' at the top" in found
    assert "the suite is empty, and an empty suite always passes" in found


def test_lineage_columns_of_raw_tables_are_known() -> None:
    raw = TableSpec("raw", "daily", "An example.", "one row per day", KEY, COLUMNS)
    assert problems(entry(kwargs={"column": "_row_hash"}), spec=raw) == []
    assert problems(entry(kwargs={"column": "_row_hash"}), spec=DAILY) != []


def test_the_room_is_imported_without_great_expectations() -> None:
    code = "import sys, smm_pipeline.validation; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("select * from {batch} where amount < 0", True),
        ("select day from {batch} group by day having count(*) > 1", True),
        ("select a.day from {batch} as a inner join {batch} as b on a.day > b.day", True),
        (
            "select * from (select day, lag(day) over (order by day) as before from {batch}) as x where day < before",
            True,
        ),
        ("select * from {batch} where amount > (select max(o.amount) from {batch} as o group by o.day)", True),
        ("select count(*) from {batch} having count(*) = 0", False),
        ("select * from (select count(*) as n from {batch}) as x where n = 0", False),
        ("select 1 as n where not exists (select 1 from {batch})", False),
        ("select d.day from {days} as d anti join {batch} as b on b.day = d.day", False),
        ("select o.day from core.fct_order as o anti join {batch} as b on b.day = o.day", False),
        ("select * from (values (1)) as v (n) anti join {batch} as b on b.amount = v.n", False),
        ("with one as (select 1 as n) select n from one anti join {batch} as b on b.amount = n", False),
    ],
)
def test_a_query_holds_without_rows_where_its_rows_come_from_the_checked_ones(query: str, holds: bool) -> None:
    wanted = entry(type="unexpected_rows_expectation", kwargs={"unexpected_rows_query": query})
    assert holds_without_rows(wanted) is holds


def test_what_speaks_of_the_whole_table_is_asked_without_rows_too() -> None:
    of_the_whole = {kind for kind in EXPECTATION_TYPES if not kind.startswith("unexpected")}
    of_the_whole = {kind for kind in of_the_whole if not holds_without_rows(entry(type=kind))}
    assert of_the_whole == {"expect_table_row_count_to_be_between", "expect_column_max_to_be_between"}
