"""Every expectation type that suites may use means the same over our SQL dialect as over pandas.

The dialect rests on internals of Great Expectations; a release that changes them must fail here and not in a shop. The
figures expected are worked out by hand. Queries have no pandas form, so their figure stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import great_expectations as gx
import pytest

from smm_pipeline.catalog import ColumnSpec, TableSpec
from smm_pipeline.validation import validate
from smm_pipeline.validation.suites import EXPECTATION_TYPES, QUERY_TYPE
from tests.project_catalog import project_catalog

COLUMNS = {
    "order_id": "BIGINT",
    "store_id": "VARCHAR",
    "currency": "VARCHAR",
    "amount": "DOUBLE",
    "order_date_local": "DATE",
    "start_no": "BIGINT",
    "end_no": "BIGINT",
}
SPEC = TableSpec(
    layer="core",
    name="example",
    description="Ten orders.",
    grain="one row per order",
    key=("order_id",),
    columns=tuple(ColumnSpec(name, kind, name) for name, kind in COLUMNS.items()),
)
GOOD = [(i, "a", "UAH", 10.0 * i, date(2026, 3, i), i, i + 1) for i in range(1, 11)]
# Each fault twice or more, so that counts and not only verdicts are compared; NULLs beside them must not count.
BAD = [
    (1, "a", "UAH", 10.0, date(2026, 3, 1), 1, 2),
    (1, "a", "UAH", -5.0, date(2026, 3, 2), 5, 2),
    (1, "b", "uah", -6.0, date(2026, 3, 3), 6, 2),
    (2, "b", "грн.", 2000.0, date(2026, 3, 4), 1, None),
    (3, None, None, None, None, None, 3),
    (4, None, "EURO", 10.0, date(2026, 3, 6), 1, 1),
    (5, "a", "EUR", 0.0, date(2026, 3, 7), 1, 2),
    (6, "a", "", 1000.0, date(2026, 3, 8), 1, 2),
    (None, "a", "USD", 1.0, date(2027, 3, 9), 1, 2),
    (None, "a", "USD", 1.0, date(2026, 3, 10), 1, 2),
]


@dataclass(frozen=True)
class Case:
    """Arguments, and how many of the bad rows offend; None for an expectation about the whole table."""

    kwargs: dict[str, Any]
    offending: int | None


CASES: dict[str, Case] = {
    "expect_table_row_count_to_be_between": Case({"max_value": 9}, None),
    "expect_column_values_to_not_be_null": Case({"column": "order_id"}, 2),
    "expect_column_values_to_be_unique": Case({"column": "order_id"}, 3),
    "expect_column_values_to_be_in_set": Case({"column": "currency", "value_set": ["UAH", "EUR", "USD"]}, 4),
    "expect_column_values_to_be_between": Case({"column": "amount", "min_value": 0, "max_value": 1000}, 3),
    "expect_column_values_to_match_regex": Case({"column": "currency", "regex": "^[A-Z]{3}$"}, 4),
    "expect_column_value_lengths_to_equal": Case({"column": "currency", "value": 3}, 3),
    "expect_column_max_to_be_between": Case({"column": "amount", "max_value": 1000}, None),
    "expect_column_pair_values_a_to_be_greater_than_b": Case(
        {"column_A": "end_no", "column_B": "start_no", "or_equal": True, "ignore_row_if": "either_value_is_missing"}, 2
    ),
    "expect_compound_columns_to_be_unique": Case({"column_list": ["store_id", "start_no"]}, 5),
    QUERY_TYPE: Case({"unexpected_rows_query": "select * from {batch} where amount not between 0 and 1000"}, 3),
}
# The good rows differ where the expectation is about the table as a whole.
GOOD_KWARGS = {
    "expect_table_row_count_to_be_between": {"min_value": 10},
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, rows in (("good", GOOD), ("bad", BAD)):
            connection.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, t in COLUMNS.items())})")
            connection.executemany(f"insert into {name} values ({', '.join('?' * len(COLUMNS))})", rows)
        yield connection


def over_sql(con: duckdb.DuckDBPyConnection, table: str, kind: str, kwargs: dict[str, Any]) -> tuple[str, int | None]:
    entry = {"id": "check", "type": kind, "kwargs": kwargs, "severity": "critical", "description": "A check."}
    [verdict] = validate(con, SPEC, relation=table, suite={"expectations": [entry]})
    return verdict.status, verdict.unexpected_count


def over_pandas(
    con: duckdb.DuckDBPyConnection, table: str, kind: str, kwargs: dict[str, Any]
) -> tuple[str, int | None]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # GX takes a mapping as well
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": con.table(table).df()})
    suite = gx.ExpectationSuite(name="check", expectations=[{"type": kind, "kwargs": kwargs}])
    [result] = batch.validate(suite, result_format="BASIC").results
    assert not result.exception_info.get("raised_exception"), result.exception_info
    count = (result.result or {}).get("unexpected_count")
    return "passed" if result.success else "failed", None if count is None else int(count)


def test_every_type_has_a_case_and_suites_use_no_other() -> None:
    assert set(CASES) == set(EXPECTATION_TYPES)
    used = {entry["type"] for spec in project_catalog() if spec.suite for entry in spec.suite["expectations"]}
    assert used <= set(CASES)


@pytest.mark.parametrize("kind", CASES)
def test_bad_rows_fail_in_sql_and_in_pandas(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    case = CASES[kind]
    assert over_sql(con, "bad", kind, case.kwargs) == ("failed", case.offending)
    if kind != QUERY_TYPE:
        assert over_pandas(con, "bad", kind, case.kwargs) == ("failed", case.offending)


@pytest.mark.parametrize("kind", CASES)
def test_good_rows_pass_in_sql_and_in_pandas(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    case = CASES[kind]
    kwargs = GOOD_KWARGS.get(kind, case.kwargs)
    none = None if case.offending is None else 0
    assert over_sql(con, "good", kind, kwargs) == ("passed", none)
    if kind != QUERY_TYPE:
        assert over_pandas(con, "good", kind, kwargs) == ("passed", none)


def test_bounds_may_be_dates(con: duckdb.DuckDBPyConnection) -> None:
    kwargs = {"column": "order_date_local", "min_value": date(2026, 1, 1), "max_value": date(2026, 12, 31)}
    assert over_sql(con, "bad", "expect_column_values_to_be_between", kwargs) == ("failed", 1)
    assert over_sql(con, "bad", "expect_column_max_to_be_between", kwargs) == ("failed", None)
    assert over_sql(con, "good", "expect_column_max_to_be_between", kwargs) == ("passed", None)


def test_mostly_allows_a_share_of_offenders(con: duckdb.DuckDBPyConnection) -> None:
    # 3 of the 9 amounts offend: two thirds keep the rule.
    kwargs = {"column": "amount", "min_value": 0, "max_value": 1000}
    kind = "expect_column_values_to_be_between"
    for share, status in ((0.6, "passed"), (0.7, "failed")):
        assert over_sql(con, "bad", kind, {**kwargs, "mostly": share}) == (status, 3)
        assert over_pandas(con, "bad", kind, {**kwargs, "mostly": share}) == (status, 3)


def test_a_null_in_a_compound_key_hides_duplicates_over_sql(con: duckdb.DuckDBPyConnection) -> None:
    # The one known difference: two rows (NULL, a) are duplicates to pandas only. It is why every suite with a
    # compound key also checks that no part of it is NULL, which tests/expectations holds.
    kind, kwargs = "expect_compound_columns_to_be_unique", {"column_list": ["order_id", "store_id"]}
    assert over_sql(con, "bad", kind, kwargs) == ("failed", 2)
    assert over_pandas(con, "bad", kind, kwargs) == ("failed", 4)
