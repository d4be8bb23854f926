"""Changes of credit: what an order's credit was before a build, what it is after it, and what brought the change.

Belongs here: how a build fills meta.credit_change (its DDL is in schema.py). Does not belong here: building (build.py),
which calls this within its transaction, so that a build which is rolled back leaves no change on record.

An order's credit stands unless late or corrected data, a setting or a new rule changes it. Only orders that had credit
before are told of: a new order is no change, one that left the order book is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.warehouse.audits import selecting
from smm_pipeline.warehouse.schema import quoted, relation
from smm_pipeline.warehouse.state import Window

# Level of the rows of each table whose credit stands.
_LEVELS = {"core.fct_attribution_credit": "'visit'", "core.fct_model_credit": "level"}
# Days of rows that can change the credit of an order: those of its path, and of the visit it was placed in.
_BEFORE, _AFTER = timedelta(days=95), timedelta(days=2)
_ANY_LATER_DAY = frozenset({"shop_refund", "shop_refund_line"})
_OLD = "smm_old_credit"
_UNIT = "order_key, order_date_local, model, level, channel, network, community_id"


@contextmanager
def credit_changes(
    con: duckdb.DuckDBPyConnection, inputs: Sequence[TableSpec], spec: TableSpec, window: Window, code: str, run_id: str
) -> Iterator[None]:
    """Compare the credit of a window before and after the block that builds it anew; other tables pass through.

    Args:
        con: the open work database, in the transaction of the build.
        inputs: the raw tables that it is made of.
        spec: the table that is built.
        window: the days that are built.
        code: the version of SQL and settings with which they are built.
        run_id: of the build.
    """
    level = _LEVELS.get(spec.full_name)
    if level is None:
        yield
        return
    con.execute(f"create or replace temp table {_OLD} as {_credit(spec, window, level)}")
    # The states are overwritten by the build: what was loaded since is asked for before it.
    causes = _causes(con, inputs, spec, window, code)
    yield
    con.execute(
        f"""
        insert into meta.credit_change
        select
            {_UNIT},
            coalesce(o.orders, 0),
            coalesce(n.orders, 0),
            case when o.orders is null then 0 else o.amount end,
            case when n.orders is null then 0 else n.amount end,
            ?, ?, ?, ?, ?
        from (select * from {_OLD}) as o
        full join ({_credit(spec, window, level)}) as n using ({_UNIT})
        where
            order_key in (select order_key from {_OLD})
            and (
                coalesce(o.orders, 0) <> coalesce(n.orders, 0)
                or case when o.orders is null then 0 else o.amount end
                is distinct from case when n.orders is null then 0 else n.amount end
            )
        """,
        [*causes, run_id, datetime.now(UTC)],
    )
    con.execute(f"drop table {_OLD}")


def _credit(spec: TableSpec, window: Window, level: str) -> str:
    """Credit by order, model and unit: a visit more on a path moves positions, which are no change by themselves."""
    return (
        "select order_key, order_date_local, model, "
        f"{level} as level, channel, network, community_id, "
        "round(sum(credited_orders), 6) as orders, "
        "case when bool_and(credited_revenue_amount is not null) then sum(credited_revenue_amount) end as amount "
        f"from {relation(spec)} where {selecting(spec, window)} and credited_orders > 0 group by all"
    )


def _causes(
    con: duckdb.DuckDBPyConnection, inputs: Sequence[TableSpec], spec: TableSpec, window: Window, code: str
) -> tuple[str, list[str], list[str]]:
    """Why the window is built anew: a reason, and the feeds and deliveries whose rows came since it was built."""
    row = con.execute(
        "select min(built_at), count(*) filter (where code_version <> ?) from meta.partition_state "
        "where table_name = ? and list_contains(?::varchar[], partition_key)",
        [code, spec.full_name, list(window.keys)],
    ).fetchone()
    built_at, recoded = row if row else (None, 0)
    first, last = window.first - _BEFORE, window.last + _AFTER
    found: set[tuple[str, str]] = set()
    for table in inputs:
        # A refund changes what an order of long ago is worth.
        until = date.max if table.name in _ANY_LATER_DAY else last
        within = f"{quoted(table.partition)} between ? and ?" if table.partition else "? <= ?"
        found |= set(
            con.execute(
                f"select distinct _feed, _delivery_id from {relation(table)} where _loaded_at > ? and {within}",
                [built_at, first, until],
            ).fetchall()
        )
    reasons = [name for name, is_so in (("data", bool(found)), ("rules", bool(recoded))) if is_so]
    feeds = sorted({feed for feed, _ in found})
    return " and ".join(reasons) or "unknown", feeds, sorted({delivery for _, delivery in found})
