"""What was found of each order of a demo shop, held against what really caused it.

Belongs here: counting both, class by class and community by community, and what hid the causes. Does not belong here:
writing the truth down (truth.py), finding anything, and how it looks on a terminal (cli/truth.py).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict, cast

import duckdb

from smm_pipeline.errors import SmmError

NOBODY = "(none)"
MENTION = "(mention)"

# The truth of an order names its community by its id alone, which the simulation gives once over all networks. Of a
# partner's site there is no community on either side.
_ORDERS = f"""
create or replace temporary table compared as
with truth as (
    select
        order_id,
        cause,
        coalesce(why_not, '') as why_not,
        community_id,
        cause <> 'no_social_touch' and community_id is null as is_mention
    from read_csv(?, header = true, all_varchar = true)
),

place as (
    select
        community_id,
        min(network || ' ' || coalesce(handle, community_id)) as place
    from core.dim_community
    where is_own
    group by community_id
)

select
    t.cause,
    b.benefit_class as found,
    t.why_not,
    case when t.is_mention then '{MENTION}' else coalesce(tp.place, t.community_id, '{NOBODY}') end as cause_place,
    case
        when b.network is null then '{NOBODY}'
        when b.network = '{MENTION}' then '{MENTION}'
        else coalesce(bp.place, b.network || ' ' || coalesce(b.community_id, '(unknown)'))
    end as found_place,
    o.net_revenue_amount
from truth as t
inner join core.fct_order as o on o.order_id = t.order_id and o.is_countable
inner join core.fct_order_benefit as b on b.order_key = o.order_key
left join place as tp on tp.community_id = t.community_id
left join place as bp on bp.community_id = b.community_id
"""
_COUNTS = """
    count(*) as orders,
    count(*) filter (where cause = found) as class_equal,
    count(*) filter (where cause = found and cause_place = found_place) as both_equal
from compared
"""


class Cell(TypedDict):
    """Orders of one cause (or community) that were found to be of one."""

    cause: str
    found: str
    orders: int


class Equal(TypedDict):
    """How many orders were found to be what they are; `why_not` is empty where nothing hid the cause."""

    why_not: str
    orders: int
    class_equal: int
    both_equal: int


class Comparison(TypedDict):
    """Countable orders of a demo; amounts are net revenue in the shop's currency."""

    orders: int
    class_equal: int
    both_equal: int
    classes: list[Cell]
    communities: list[Cell]
    by_reason: list[Equal]
    caused_amount: Decimal
    lower_amount: Decimal
    credited_amount: Decimal
    upper_amount: Decimal


def compare(con: duckdb.DuckDBPyConnection, truth: Path) -> Comparison:
    """Count what was found of the orders of `truth`, a demo's truth/orders.csv, in the work database.

    Raises:
        SmmError: SMM-501 where there is no truth, as in every shop but a demo, or nothing is built of its orders.
    """
    if not truth.is_file():
        raise SmmError(
            "SMM-501",
            "only a demo knows what really caused its orders",
            where=str(truth),
            hint="name the folder of a demo with --home, or make one: smm demo",
        )
    con.execute(_ORDERS, [str(truth)])
    total = _rows(con, f"select {_COUNTS}")[0]
    if not total["orders"]:
        raise SmmError("SMM-501", "no order of this demo is built yet", where=str(truth), hint="run it first: smm run")
    amounts = _rows(
        con,
        """
        select
            (select sum(net_revenue_amount) from compared where cause <> 'no_social_touch') as caused_amount,
            sum(net_revenue_lower_amount) as lower_amount,
            sum(net_revenue_amount) filter (where benefit_class <> 'no_social_touch') as credited_amount,
            sum(net_revenue_upper_amount) as upper_amount
        from kpi.kpi_daily_benefit
        """,
    )[0]
    return cast(
        "Comparison",
        {
            **total,
            "classes": _rows(con, _pairs("cause", "found")),
            "communities": _rows(con, _pairs("cause_place", "found_place")),
            "by_reason": _rows(con, f"select why_not, {_COUNTS} group by why_not order by orders desc, why_not"),
            **amounts,
        },
    )


def _pairs(cause: str, found: str) -> str:
    return f"select {cause} as cause, {found} as found, count(*) as orders from compared group by all order by all"


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = con.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
