"""What a 0 of a published column needs to be one: `zero_needs` of a table's description.

Belongs here: its form, and how it is read and checked. Does not belong here: which days a feed was silent, and what is
published in place of such a 0 (warehouse/zeros.py).

A count of orders is 0 on a quiet day, and also where no feed of orders gave the day; only the first is a figure.

    zero_needs:
      - {contracts: [shop_order], columns: [orders, net_revenue_amount], days: [0, 1]}

says that a 0 in these columns stands only where the feeds of this contract gave the row's day and the day after it: the
days whose records the column counts. How records of still earlier days would class those of these days is not asked
for. Of several contracts any may bring what is counted, and none may be silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Bound = int | str
WHOLE_MONTH = "month"


@dataclass(frozen=True)
class ZeroNeed:
    """One entry.

    Attributes:
        contracts: raw contracts, full names.
        columns: figures of which a 0 needs them.
        verdicts: columns that are unknown while one of them is silent, whatever they hold: judgements, and shares of a
            whole. Before a feed began they stand.
        days: first and last day about the row's own day, or `month`, the whole month that begins on it. A rule of
            smm.toml may stand for a number of days; with a minus it is so many days up to the row's own, that included.
        where: SQL over the table's columns: of which rows it is true; of all without it.
        is_optional: a shop may have no such feed, then a 0 stands.
        figure: of a table whose rows name another table's figure in this column, and whom it is about in `scope`: a 0
            needs what that figure needs, between the two DATE columns that `days` names, or on the later of them where
            `kpi_kind` says that it is a level. There are no contracts then.
        reason: column that says why the verdicts are unknown; a reason of the row's own stands before a silent feed.
    """

    contracts: tuple[str, ...]
    columns: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    days: tuple[Bound, Bound] | Literal["month"] = (0, 0)
    where: str | None = None
    is_optional: bool = False
    figure: str | None = None
    reason: str | None = None

    def bounds(self, rules: Mapping[str, int | float | str]) -> tuple[int, int]:
        """First and last day about a row's own, by the rules of smm.toml; of a month none about it."""
        if self.days == WHOLE_MONTH:
            return 0, 0
        first, last = (_days(bound, rules) for bound in self.days)
        return first, last


def _days(bound: Bound, rules: Mapping[str, int | float | str]) -> int:
    if isinstance(bound, int):
        return bound
    days = int(rules[bound.removeprefix("-")])
    return 1 - days if bound.startswith("-") else days


def read_zero_needs(entries: Sequence[Mapping[str, Any]]) -> tuple[ZeroNeed, ...]:
    """The entries of one description.

    Raises:
        KeyError, TypeError, ValueError: an entry is not of this form.
    """
    return tuple(_read(dict(entry)) for entry in entries)


def _read(entry: dict[str, Any]) -> ZeroNeed:
    days = entry.pop("days", (0, 0))
    if days != WHOLE_MONTH:
        first, last = days
        days = (first, last)
    figure = entry.pop("figure", None)
    contracts = () if figure else tuple(f"raw.{name}" for name in entry.pop("contracts"))
    need = ZeroNeed(
        contracts,
        tuple(entry.pop("columns", ())),
        tuple(entry.pop("verdicts", ())),
        days,
        entry.pop("where", None),
        entry.pop("is_optional", False),
        figure,
        entry.pop("reason", None),
    )
    if entry:
        raise KeyError(f"zero_needs knows no {', '.join(entry)}")
    return need


def read_follows(entry: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """`follows` of a description: a column, with the one or more that it is made of."""
    return {name: (made_of,) if isinstance(made_of, str) else tuple(made_of) for name, made_of in entry.items()}


def zero_problems(
    needs: Sequence[ZeroNeed], follows: Mapping[str, Sequence[str]], columns: Sequence[str]
) -> Iterator[str]:
    """What is wrong with the entries of a table of these columns."""
    counted = {name for need in needs for name in (*need.columns, *need.verdicts)}
    made_of = {name for names in follows.values() for name in names}
    named = counted | made_of | {*follows, *(name for need in needs for name in (need.figure, need.reason) if name)}
    if missing := sorted(named - set(columns)):
        yield f"unknown columns in zero_needs or follows: {missing}"
    if free := sorted(made_of - counted):
        yield f"follows names columns without zero_needs: {free}"
