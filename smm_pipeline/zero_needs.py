"""What a 0 of a published column needs to be one: `zero_needs` of a table's description.

Belongs here: its form, and how it is read and checked. Does not belong here: which days a feed was silent, and what is
published in place of such a 0 (warehouse/zeros.py).

A count of orders is 0 on a quiet day, and also where no feed of orders gave the day; only the first is a figure.

    zero_needs:
      - {contracts: [shop_order], columns: [orders, net_revenue_amount], days: [0, 1]}

says that a 0 in these columns stands only where the feeds of this contract gave the row's day and the day after it: the
days whose records the column counts. `days` is [0, 0] unless said otherwise, or `month`; an end of it is a number, the
name of a rule in smm.toml, with a minus before it or not, or `all`. Contracts in one entry do the same service (events
and sessions of the web analytics). How records of still earlier days would class those of these days is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Bound = int | str
ALL_DAYS = "all"
WHOLE_MONTH = "month"


@dataclass(frozen=True)
class ZeroNeed:
    """One entry: the raw contracts (full names), the columns, the days about the row's own day, both included.

    Without contracts it is of a table whose rows name a figure in the column `figure`: the 0 needs what that figure's
    own column needs, on the days between the two DATE columns that `days` names.
    """

    contracts: tuple[str, ...]
    columns: tuple[str, ...]
    days: tuple[Bound, Bound] | Literal["month"]
    figure: str | None = None


def read_zero_needs(entries: Sequence[Mapping[str, Any]]) -> tuple[ZeroNeed, ...]:
    """The entries of one description.

    Raises:
        KeyError, TypeError: an entry is not of this form.
    """
    return tuple(_read(dict(entry)) for entry in entries)


def _read(entry: dict[str, Any]) -> ZeroNeed:
    days = entry.pop("days", (0, 0))
    if days != WHOLE_MONTH:
        first, last = days
        days = (first, last)
    figure = entry.pop("figure", None)
    contracts = () if figure else tuple(f"raw.{name}" for name in entry.pop("contracts"))
    need = ZeroNeed(contracts, tuple(entry.pop("columns")), days, figure)
    if entry:
        raise KeyError(f"zero_needs knows no {', '.join(entry)}")
    return need


def zero_problems(needs: Sequence[ZeroNeed], followed: Mapping[str, str], columns: Sequence[str]) -> list[str]:
    """What is wrong with the entries of a table of these columns."""
    named = {name for need in needs for name in (*need.columns, need.figure or need.columns[0])}
    named |= {*followed, *followed.values()}
    problems = []
    if missing := sorted(named - set(columns)):
        problems.append(f"unknown columns in zero_needs or follows: {missing}")
    counted = {name for need in needs for name in need.columns}
    if free := sorted(set(followed.values()) - counted):
        problems.append(f"follows names columns without zero_needs: {free}")
    return problems
