"""How well the causes of a demo's orders were found, as `smm truth` tells.

Belongs here: both confusion tables as text, and what hid a cause in words. Does not belong here:
counting (shop/comparison.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from smm_pipeline.catalog import Catalog
from smm_pipeline.cli.instance import open_books
from smm_pipeline.reporting.wording import BENEFIT_CLASSES, counted, money, share
from smm_pipeline.settings import Settings
from smm_pipeline.shop.comparison import Cell, Comparison, Equal, compare

_REASONS = {
    "": "nothing hid it",
    "lost_consent": "no consent: visits without visitor, part of them lost",
    "untagged_link": "the link had no tags: the post is guessed",
    "no_referrer": "no tags and no referrer, as from apps: looks direct",
    "second_device": "seen on the phone, bought at the desktop",
    "ad_blocker": "an ad blocker kept the visits from the analytics",
    "phone": "ordered by phone: there is no visit",
    "marketplace": "ordered at a marketplace: there is no visit",
}


def truth(settings: Settings, catalog: Catalog) -> Comparison:
    """What was found of a demo's orders beside what caused them.

    Raises:
        SmmError: SMM-501 where the instance is no demo or nothing is built.
    """
    with open_books(settings, catalog) as (con, _):
        return compare(con, settings.home / "truth" / "orders.csv")


def truth_text(data: Comparison, currency: str) -> str:
    """The same for people."""
    bounds = (
        ("seen on the site (lower)", data["lower_amount"]),
        ("credited", data["credited_amount"]),
        ("with every hint (upper)", data["upper_amount"]),
    )
    return "\n".join(
        [
            f"{counted(data['orders'], 'order')} of the order book, beside what really caused them",
            f"  class equal                {_part(data['class_equal'], data['orders'])}",
            f"  class and community equal  {_part(data['both_equal'], data['orders'])}",
            "by what hid the cause: orders, class equal, class and community equal",
            *_reasons(data["by_reason"]),
            "classes: a row is what caused the order, a column what was found",
            *_classes(data["classes"]),
            "communities: a row is what caused the order, a column what was found",
            *_matrix(data["communities"], _names(data["communities"])),
            "net revenue that communities brought",
            f"  {'in truth':<25}{money(data['caused_amount'], currency):>18}",
            *(f"  {name:<25}{money(amount, currency):>18}" for name, amount in bounds),
        ]
    )


def _part(part: int, whole: int) -> str:
    return f"{part:>6,}  {share(part / whole)}"


def _reasons(rows: Sequence[Equal]) -> list[str]:
    words = [_REASONS.get(row["why_not"], row["why_not"]) for row in rows]
    return [
        f"  {word:<54}{row['orders']:>6,}"
        f"{share(row['class_equal'] / row['orders'], 0):>6}{share(row['both_equal'] / row['orders'], 0):>6}"
        for word, row in zip(words, rows, strict=True)
    ]


def _names(cells: Sequence[Cell]) -> list[str]:
    return sorted({name for cell in cells for name in (cell["cause"], cell["found"])})


def _classes(cells: Sequence[Cell]) -> list[str]:
    return _matrix(cells, [name for name in BENEFIT_CLASSES if name in _names(cells)])


def _matrix(cells: Sequence[Cell], names: list[str]) -> list[str]:
    """A table whose columns bear the numbers of its rows, as names would not fit side by side."""
    found = {(cell["cause"], cell["found"]): cell["orders"] for cell in cells}
    caused: Counter[str] = Counter()
    for cell in cells:
        caused[cell["cause"]] += cell["orders"]
    wide = max(map(len, names))
    cell_wide = max(4, *(len(str(orders)) + 1 for orders in found.values()))
    all_wide = max(6, *(len(str(orders)) + 1 for orders in caused.values()))
    numbers = "".join(f"{number:>{cell_wide}}" for number in range(1, len(names) + 1))
    lines = [f"{'':<{wide + 5}}{numbers}{'all':>{all_wide}}"]
    lines += [
        f"{number:>3} {name:<{wide}} "
        + "".join(f"{found.get((name, other)) or '.':>{cell_wide}}" for other in names)
        + f"{caused[name]:>{all_wide}}"
        for number, name in enumerate(names, 1)
    ]
    return lines
