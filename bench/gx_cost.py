"""What a Great Expectations suite costs beside the same checks written as plain SQL.

Belongs here: one table, fifteen expectations, both ways of checking them, and their wall and CPU time. Run it as
`python -m bench.gx_cost`, or call `measure` from another benchmark. It is a measurement and not a timed test: the goal,
at most three times the CPU of plain SQL, is printed beside the result.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb

from smm_pipeline.catalog import ColumnSpec, TableSpec
from smm_pipeline.validation import validate

GOAL_CPU_RATIO = 3.0
CHANNELS = ["direct", "email", "organic_search", "organic_social", "referral"]
SPEC = TableSpec(
    layer="core",
    name="bench_order",
    description="Orders made up for the measurement.",
    grain="one row per order",
    key=("order_id",),
    columns=(
        ColumnSpec("order_id", "BIGINT", "Order"),
        ColumnSpec("store_id", "VARCHAR", "Store"),
        ColumnSpec("created_ts", "TIMESTAMPTZ", "Placed, UTC"),
        ColumnSpec("updated_ts", "TIMESTAMPTZ", "Changed, UTC"),
        ColumnSpec("order_date_local", "DATE", "Day"),
        ColumnSpec("channel", "VARCHAR", "Channel"),
        ColumnSpec("url", "VARCHAR", "Landing page"),
        ColumnSpec("currency", "VARCHAR", "ISO 4217"),
        ColumnSpec("amount", "DECIMAL(18,4)", "Amount"),
        ColumnSpec("items", "BIGINT", "Pieces"),
    ),
)
RELATION = "bench_order"


def _expectation(name: str, kind: str, **kwargs: object) -> dict[str, object]:
    return {"id": name, "type": kind, "kwargs": kwargs, "severity": "critical", "description": name}


_BETWEEN = "expect_column_values_to_be_between"
_NOT_NULL = "expect_column_values_to_not_be_null"
_IN_SET = "expect_column_values_to_be_in_set"
_REGEX = "expect_column_values_to_match_regex"
_PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
SUITE = {
    "expectations": [
        _expectation("has_rows", "expect_table_row_count_to_be_between", min_value=1),
        _expectation("key_not_null", _NOT_NULL, column="order_id"),
        _expectation("store_not_null", _NOT_NULL, column="store_id"),
        _expectation("created_not_null", _NOT_NULL, column="created_ts"),
        _expectation("key_unique", "expect_column_values_to_be_unique", column="order_id"),
        _expectation("amount_range", _BETWEEN, column="amount", min_value=0, max_value=100_000),
        _expectation("items_range", _BETWEEN, column="items", min_value=1),
        _expectation("day_range", _BETWEEN, column="order_date_local", min_value=date(2005, 1, 1)),
        _expectation("channel_known", _IN_SET, column="channel", value_set=CHANNELS),
        _expectation("currency_known", _IN_SET, column="currency", value_set=["UAH", "EUR"]),
        _expectation("url_is_https", _REGEX, column="url", regex="^https://"),
        _expectation("currency_form", _REGEX, column="currency", regex="^[A-Z]{3}$"),
        _expectation("currency_length", "expect_column_value_lengths_to_equal", column="currency", value=3),
        _expectation("fresh", "expect_column_max_to_be_between", column="created_ts", min_value=date(2026, 1, 1)),
        _expectation("updated_later", _PAIR, column_A="updated_ts", column_B="created_ts", or_equal=True),
    ]
}
# The same fifteen checks as an engineer would write them by hand: one scan, and the key on its own.
PLAIN_SQL = (
    """
    select
        count(*),
        count(*) filter (where order_id is null),
        count(*) filter (where store_id is null),
        count(*) filter (where created_ts is null),
        count(*) filter (where amount not between 0 and 100000),
        count(*) filter (where items < 1),
        count(*) filter (where order_date_local < date '2005-01-01'),
        count(*) filter (where channel not in ('direct', 'email', 'organic_search', 'organic_social', 'referral')),
        count(*) filter (where currency not in ('UAH', 'EUR')),
        count(*) filter (where not regexp_matches(url, '^https://')),
        count(*) filter (where not regexp_matches(currency, '^[A-Z]{3}$')),
        count(*) filter (where length(currency) != 3),
        max(created_ts),
        count(*) filter (where updated_ts < created_ts)
    from bench_order
    """,
    "select count(*) from (select order_id from bench_order group by order_id having count(*) > 1)",
)


@dataclass(frozen=True)
class GxCost:
    """Seconds of both ways on the same rows; the least of several runs each."""

    rows: int
    expectations: int
    gx_wall_seconds: float
    gx_cpu_seconds: float
    sql_wall_seconds: float
    sql_cpu_seconds: float

    @property
    def cpu_ratio(self) -> float:
        """CPU of Great Expectations over CPU of plain SQL."""
        return self.gx_cpu_seconds / self.sql_cpu_seconds


def measure(rows: int = 1_000_000, repeats: int = 5) -> GxCost:
    """Time both ways in this process; the first run of each, which pays imports, is not counted.

    Raises:
        RuntimeError: when a check did not pass, because then it was not the same work.
    """
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'; set threads = 2")
        _fill(con, rows)
        gx_wall, gx_cpu = _best(lambda: _run_gx(con), repeats)
        sql_wall, sql_cpu = _best(lambda: _run_sql(con), repeats)
    return GxCost(rows, len(SUITE["expectations"]), gx_wall, gx_cpu, sql_wall, sql_cpu)


def _fill(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    con.execute(
        f"""
        create table {RELATION} as
        select
            i as order_id,
            'store_' || i % 3 as store_id,
            timestamptz '2026-03-01 00:00:00+00' + to_seconds(i) as created_ts,
            created_ts + to_seconds(i % 1000) as updated_ts,
            created_ts::date as order_date_local,
            {CHANNELS}[i % {len(CHANNELS)} + 1] as channel,
            'https://shop.example/product/' || i % 5000 || '?utm_source=telegram' as url,
            if(i % 20 = 0, 'EUR', 'UAH') as currency,
            (i * 7919 % 900000 / 100)::decimal(18, 4) as amount,
            i % 5 + 1 as items
        from range({rows}) t (i)
        """
    )


def _run_gx(con: duckdb.DuckDBPyConnection) -> None:
    bad = [v.check_id for v in validate(con, SPEC, relation=RELATION, suite=SUITE) if v.status != "passed"]
    if bad:
        raise RuntimeError(f"expected every check to pass: {bad}")


def _run_sql(con: duckdb.DuckDBPyConnection) -> None:
    counts = [value for query in PLAIN_SQL for value in con.execute(query).fetchall()[0]]
    if any(counts[1:12] + counts[13:]):
        raise RuntimeError(f"expected every check to pass: {counts}")


def _best(work: Callable[[], None], repeats: int) -> tuple[float, float]:
    """Least wall and least CPU seconds, since other programs only ever add to both."""
    work()
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    cost = measure(parser.parse_args().rows)
    print(f"{cost.expectations} expectations on {cost.rows:,} rows")
    print(f"great expectations  wall {cost.gx_wall_seconds:6.3f} s  cpu {cost.gx_cpu_seconds:6.3f} s")
    print(f"plain SQL           wall {cost.sql_wall_seconds:6.3f} s  cpu {cost.sql_cpu_seconds:6.3f} s")
    print(f"cpu ratio           {cost.cpu_ratio:.2f} (goal: at most {GOAL_CPU_RATIO:.0f})")


if __name__ == "__main__":
    main()
