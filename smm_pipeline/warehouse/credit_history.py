"""Changes of credit: what an order's credit was before a build, what it is after it, and what brought the change.

Belongs here: how a build fills meta.credit_change and meta.credit_rules. Does not belong here: their DDL (schema.py),
and building (build.py), which calls this within its transaction, so that a build which is rolled back leaves no change
on record.

An order's credit stands unless late or corrected data, a setting or a new rule changes it: that of the attribution
models, and the benefit class with the touch that it is credited to. Only orders that had credit before are told of: a
new order is no change, one that left the order book is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import cast

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.quoting import quoted, sql_text
from smm_pipeline.warehouse.audits import selecting
from smm_pipeline.warehouse.reach import Reach
from smm_pipeline.warehouse.schema import relation
from smm_pipeline.warehouse.state import StateView, Window

_BENEFIT_TOUCH = "benefit_touch"
# Level of the rows of each table whose credit stands.
_LEVELS = {
    "core.fct_attribution_credit": "'visit'",
    "core.fct_model_credit": "level",
    "core.fct_order_benefit": "'touch'",
}
_BENEFIT = "core.fct_order_benefit"
_OLD, _CHANGED, _STATE, _NEWS = "smm_old_credit", "smm_changed_credit", "smm_state_before", "smm_news"
_UNIT = "order_key, order_date_local, model, level, channel, network, community_id, benefit_class, rule_id, post_id"


@contextmanager
def credit_changes(
    con: duckdb.DuckDBPyConnection, view: StateView, spec: TableSpec, window: Window, run_id: str
) -> Iterator[None]:
    """Compare the credit of a window before and after the block that builds it anew; other tables pass through.

    Args:
        con: the open work database, in the transaction of the build.
        view: partition states, which know what the table is made of and by which rules.
        spec: the table that is built.
        window: the days that are built.
        run_id: of the build.
    """
    if spec.full_name not in _LEVELS:
        yield
        return
    con.execute(f"create or replace temp table {_OLD} as {_credit(spec, window, is_old=True)}")
    # The states are overwritten by the build.
    con.execute(
        f"create or replace temp table {_STATE} as "
        "select cast(partition_key as date) as day, built_at, built_at < ? as is_recoded "
        "from meta.partition_state where table_name = ? and list_contains(?::varchar[], partition_key)",
        [_rules_since(con, spec, view.rules_version(spec)), spec.full_name, list(window.keys)],
    )
    yield
    con.execute(
        f"""
        create or replace temp table {_CHANGED} as
        select
            {_UNIT},
            coalesce(o.orders, 0) as old_orders,
            coalesce(n.orders, 0) as new_orders,
            case when o.orders is null then 0 else o.amount end as old_amount,
            case when n.orders is null then 0 else n.amount end as new_amount
        from {_OLD} as o
        full join ({_credit(spec, window, is_old=False)}) as n using ({_UNIT})
        where
            order_key in (select order_key from {_OLD})
            and (
                coalesce(o.orders, 0) <> coalesce(n.orders, 0)
                or (o.has_amount and o.amount is distinct from n.amount)
            )
        """
    )
    days = [day for (day,) in con.execute(f"select distinct order_date_local from {_CHANGED} order by 1").fetchall()]
    # Mostly there is none, and then nobody asks what came.
    if days:
        _record(con, view.raw_inputs(spec), days, run_id)
    for table in (_OLD, _STATE, _CHANGED):
        con.execute(f"drop table {table}")


def _rules_since(con: duckdb.DuckDBPyConnection, spec: TableSpec, rules: str) -> datetime:
    """When a table began to be built by these rules, which is now where they are new.

    What was built before the book was kept is taken to be of the first rules in it.
    """
    known = con.execute(
        "select rules, since from meta.credit_rules where table_name = ? order by since desc limit 1", [spec.full_name]
    ).fetchone()
    if known and known[0] == rules:
        return cast("datetime", known[1])
    since = datetime.now(UTC) if known else datetime(1970, 1, 1, tzinfo=UTC)
    con.execute("insert into meta.credit_rules values (?, ?, ?)", [spec.full_name, rules, since])
    return since


def _credit(spec: TableSpec, window: Window, *, is_old: bool) -> str:
    """Credit by order, model and unit: a visit more on a path moves positions, which are no change by themselves."""
    if spec.full_name == _BENEFIT:
        return _benefit(spec, window, is_old=is_old)
    return (
        "select order_key, order_date_local, model, "
        f"{_LEVELS[spec.full_name]} as level, channel, network, community_id, "
        "'(all)' as benefit_class, '(all)' as rule_id, '(all)' as post_id, "
        "round(sum(credited_orders), 6) as orders, "
        "case when bool_and(credited_revenue_amount is not null) then sum(credited_revenue_amount) end as amount, "
        "true as has_amount "
        f"from {relation(spec)} where {selecting(spec, window)} and credited_orders > 0 group by all"
    )


def _benefit(spec: TableSpec, window: Window, *, is_old: bool) -> str:
    """The class of each order and the touch that it is credited to as a whole, with what the order is worth.

    The class itself knows no worth, and core.fct_order is built anew before it: what the order was worth still stands
    in the credit that is built after it. Without a row there it is unknown, which is no change of it.
    """
    worth = "core.order_credit_part" if is_old else "core.fct_order"
    amount = "credited_revenue_amount" if is_old else "net_revenue_amount"
    within = selecting(spec, window)
    only = f"{within} and model = {sql_text(_BENEFIT_TOUCH)} and level = 'shop'" if is_old else within
    return (
        f"select b.order_key, b.order_date_local, {sql_text(_BENEFIT_TOUCH)} as model, "
        f"{_LEVELS[_BENEFIT]} as level, '(all)' as channel, coalesce(b.network, '(none)') as network, "
        "coalesce(b.community_id, case when b.network is null then '(none)' else '(unknown)' end) as community_id, "
        "b.benefit_class, b.rule_id, coalesce(b.post_id, '(none)') as post_id, "
        "cast(1 as double) as orders, w.amount, w.order_key is not null as has_amount "
        f"from (select * from {relation(spec)} where {within}) as b "
        f"left join (select order_key, {amount} as amount from {worth} where {only}) as w on w.order_key = b.order_key"
    )


def _record(
    con: duckdb.DuckDBPyConnection, inputs: Sequence[tuple[TableSpec, Reach]], days: Sequence[date], run_id: str
) -> None:
    """Write the changes down with their reasons: a change of rules, and the deliveries of what can touch their day."""
    _find_news(con, inputs, days)
    con.execute(
        f"""
        insert into meta.credit_change by name
        with cause as (
            select
                s.day,
                coalesce(bool_or(s.is_recoded), false) as is_recoded,
                coalesce(list_sort(list(distinct n.feed) filter (where n.feed is not null)), []) as feeds,
                coalesce(list_sort(list(distinct n.delivery_id) filter (where n.feed is not null)), []) as delivery_ids
            from {_STATE} as s
            left join {_NEWS} as n
                on n.loaded_at > s.built_at and s.day between n.first_touched and n.last_touched
            where s.day in (select order_date_local from {_CHANGED})
            group by s.day
        )

        select
            c.* exclude (old_orders, new_orders, old_amount, new_amount),
            c.old_orders as old_credited_orders,
            c.new_orders as new_credited_orders,
            c.old_amount as old_credited_revenue_amount,
            c.new_amount as new_credited_revenue_amount,
            case
                when len(k.feeds) > 0 then case when k.is_recoded then 'data and rules' else 'data' end
                when k.is_recoded then 'rules'
                else 'unknown'
            end as reason,
            coalesce(k.feeds, []) as feeds,
            coalesce(k.delivery_ids, []) as delivery_ids,
            ? as run_id,
            ? as changed_at
        from {_CHANGED} as c
        left join cause as k on k.day = c.order_date_local
        """,
        [run_id, datetime.now(UTC)],
    )
    con.execute(f"drop table {_NEWS}")


def _find_news(con: duckdb.DuckDBPyConnection, inputs: Sequence[tuple[TableSpec, Reach]], days: Sequence[date]) -> None:
    """Deliveries whose rows came since the days were built, by day, with the days of orders that these can touch."""
    con.execute(
        f"create or replace temp table {_NEWS} "
        "(feed varchar, delivery_id varchar, loaded_at timestamptz, first_touched date, last_touched date)"
    )
    for table, reach in inputs:
        day = quoted(table.partition) if table.partition else "null"
        first = "date '0001-01-01'" if reach.after == "all" else f"{day} - {reach.after}"
        last = "date '9999-12-31'" if reach.before == "all" else f"{day} + {reach.before}"
        con.execute(
            f"""
            insert into {_NEWS}
            select _feed, _delivery_id, max(_loaded_at), {first} as first_touched, {last} as last_touched
            from {relation(table)}
            where
                _loaded_at > (select min(built_at) from {_STATE} where list_contains(?::date[], day))
                and {last} >= ?
            group by all
            """,
            [list(days), days[0]],
        )
