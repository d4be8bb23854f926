"""An order explained: its visit, touches, class and credits, each with how it is known, and the files behind it.

Belongs here: putting together the rows of core that speak of one order. Does not belong here: any rule; the rows say
which one decided.
"""

from __future__ import annotations

from typing import Any

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.explain.shown import dicts, shown_row
from smm_pipeline.explain.trace import Root, files_of, trace
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.schema import relation

_FIND = """
select order_key
from core.fct_order
where
    order_key = $wanted
    or order_ref = lower(regexp_replace(trim($wanted), '^#', ''))
    or order_number = $wanted
    or order_id = $wanted
order by order_key
"""
# Of the class what it was and what it is; both are NULL where only the order's worth changed.
_CHANGES = """
with change as (
    select
        *,
        {
            'benefit_class': benefit_class,
            'rule_id': rule_id,
            'network': nullif(network, '(none)'),
            'community_id': nullif(community_id, '(none)'),
            'post_id': nullif(post_id, '(none)')
        } as class
    from meta.credit_change
    where order_key = ?
)

select
    changed_at,
    reason,
    list_sort(list(distinct model)) as models,
    array_to_string(any_value(feeds), ', ') as feeds,
    any_value(class) filter (where model = 'benefit_touch' and old_credited_orders > new_credited_orders) as old_class,
    any_value(class) filter (where model = 'benefit_touch' and old_credited_orders < new_credited_orders) as new_class
from change
group by changed_at, reason
order by changed_at, reason
"""
# Beside the visits of touches, which the class is made from: the one of the buying, however it is found, and all that
# models credit.
_KNOWN = {
    "core.brg_order_session": "b.order_key = $order_key",
    "core.fct_session": (
        "b.session_key in (select session_key from core.brg_order_session where order_key = $order_key "
        "union all select t.session_key from core.fct_touch as t "
        "inner join core.brg_order_touch as o on o.touch_id = t.touch_id and o.order_key = $order_key "
        "union all select session_key from core.fct_attribution_credit where order_key = $order_key)"
    ),
}
_SHOWN_KEYS = 5


def find_order(con: duckdb.DuckDBPyConnection, wanted: str) -> str:
    """The key of the order of that number, id or key.

    Raises:
        SmmError: SMM-801 when there is none, SMM-802 when there are several.
    """
    keys = [str(key) for (key,) in con.execute(_FIND, {"wanted": wanted}).fetchall()]
    if len(keys) == 1:
        return keys[0]
    if keys:
        more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
        raise SmmError(
            "SMM-802",
            f"{len(keys)} orders have this number",
            where=wanted,
            hint=f"give the key of one of them: {', '.join(keys[:_SHOWN_KEYS])}{more}",
        )
    [(orders,)] = con.execute("select count(*) from core.fct_order").fetchall()
    raise SmmError(
        "SMM-801",
        "no order has this number, id or key" if orders else "there are no orders in the work database yet",
        where=wanted,
        hint="KPIs have names that begin with kpi_; an order is known once its delivery is loaded and built: smm run",
    )


def explain_order(con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings, wanted: str) -> dict[str, Any]:
    """What is known of an order, and how.

    Args:
        con: the work database.
        catalog: the tables.
        settings: for the thresholds of the rules.
        wanted: number, id or key of the order.

    Raises:
        SmmError: SMM-801 when there is no such order, SMM-802 when there are several.
    """
    key = find_order(con, wanted)
    [order] = _rows(con, catalog, "core.fct_order", key)
    benefit = _rows(con, catalog, "core.fct_order_benefit", key)
    visits = _rows(con, catalog, "core.brg_order_session", key, order_by="not is_chosen, method")
    sessions = {v["session_key"]: _session(con, catalog, v["session_key"]) for v in visits}
    root = "core.fct_order_benefit" if benefit else "core.fct_order"
    found = trace(con, catalog, Root(root, "b.order_key = $order_key", {"order_key": key}, known=_KNOWN))

    def shown(table: str, order_by: str = "all") -> list[dict[str, Any]]:
        return [shown_row(catalog[table], row) for row in _rows(con, catalog, table, key, order_by=order_by)]

    return {
        "kind": "order",
        "order": shown_row(catalog["core.fct_order"], order),
        "visits": [
            {**shown_row(catalog["core.brg_order_session"], v), "session": sessions[v["session_key"]]} for v in visits
        ],
        "visitors": shown("core.brg_order_visitor"),
        "touches": shown("core.brg_order_touch", "age_seconds, touch_id"),
        "hints": shown("core.brg_order_hint", "hint"),
        "benefit": shown_row(catalog["core.fct_order_benefit"], benefit[0]) if benefit else None,
        "credits": shown("core.fct_attribution_credit", "model, touch_position"),
        # By community; those of channels stand in the table for themselves.
        "model_credits": [
            row for row in shown("core.fct_model_credit", "model, unit_position") if row["level"] == "community"
        ],
        "credit_changes": dicts(con.execute(_CHANGES, [key])),
        "settings": settings_of(
            catalog,
            settings,
            [
                "core.brg_order_session",
                "core.brg_order_visitor",
                "core.brg_order_touch",
                "core.brg_order_hint",
                "core.fct_order_benefit",
            ],
        ),
        "files": [file.as_dict() for file in files_of(con, found.values())],
    }


def settings_of(catalog: Catalog, settings: Settings, tables: list[str]) -> dict[str, Any]:
    """The settings that the SQL of these tables names, with their values."""
    values = settings.sql_parameters()
    used = {name for table in tables for name in catalog[table].parameters}
    return {name: values[name] for name in sorted(used) if name in values}


def _session(con: duckdb.DuckDBPyConnection, catalog: Catalog, key: str) -> dict[str, Any]:
    """A visit, as far as it may be shown."""
    spec = catalog["core.fct_session"]
    rows = dicts(con.execute(f"select * from {relation(spec)} where session_key = ?", [key]))
    return shown_row(spec, rows[0]) if rows else {}


def _rows(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, table: str, key: str, *, order_by: str = "all"
) -> list[dict[str, Any]]:
    """The rows of a table that belong to an order."""
    return dicts(
        con.execute(f"select * from {relation(catalog[table])} where order_key = ? order by {order_by}", [key])
    )
