"""What orders and their lines should look like after any history of deliveries, said in plain Python.

Belongs here: the rules of versions as docs/mapping.md tells them, and nothing of how the warehouse keeps them. Does not
belong here: files and databases (test_histories.py).

The rank of a content of a key is the best it ever had: the vendor's version (none is the oldest), then the extraction,
then whether it was its delivery's last word on the key. The content of the highest rank is current.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

NONE = 0
Rank = tuple[int, int, bool]
# Vendor's version, day, and the status of an order or the pieces of a line.
Content = tuple[int, int, str | int]


@dataclass(frozen=True)
class Order:
    """One record of a delivery: `modified` is the vendor's version or NONE, `lines` are pairs of id and pieces."""

    order_id: int
    day: int
    modified: int
    status: str
    lines: tuple[tuple[int, int], ...]


@dataclass
class Versions:
    """Every content of one table's keys, with its best rank, and the hour at which each key was seen first."""

    ranks: dict[Hashable, dict[Content, Rank]] = field(default_factory=dict)
    first: dict[Hashable, int] = field(default_factory=dict)

    def see(self, rows: Iterable[tuple[Hashable, Content]], hour: int) -> None:
        """Take note of a delivery's rows (key, content) in their order."""
        by_key: dict[Hashable, list[tuple[int, int, Content]]] = {}
        for place, (key, content) in enumerate(rows):
            by_key.setdefault(key, []).append((content[0], place, content))
        for key, found in by_key.items():
            known = self.ranks.setdefault(key, {})
            self.first[key] = min(hour, self.first.get(key, hour))
            for modified, place, content in found:
                rank = (modified, hour, (modified, place) == max(found)[:2])
                known[content] = max(rank, known.get(content, rank))

    def current(self) -> dict[Hashable, tuple[Content, Rank]]:
        """The content that holds for each key, and its rank."""
        return {key: max(known.items(), key=lambda item: item[1]) for key, known in self.ranks.items()}

    def history(self) -> set[tuple[Hashable, Content, int, int, bool]]:
        """Every key and content, its newest hour, the first hour of its key, and whether the key has other contents."""
        return {
            (key, content, rank[1], self.first[key], len(known) > 1)
            for key, known in self.ranks.items()
            for content, rank in known.items()
        }


@dataclass
class World:
    """Orders and lines after the deliveries that were seen."""

    orders: Versions = field(default_factory=Versions)
    lines: Versions = field(default_factory=Versions)

    def see(self, delivery: Iterable[Order], hour: int) -> None:
        """Load a delivery that was extracted at an hour; seen again it holds again, or was known before."""
        records = list(delivery)
        self.orders.see(((o.order_id, (o.modified, o.day, o.status)) for o in records), hour)
        self.lines.see(
            (((o.order_id, line), (o.modified, o.day, pieces)) for o in records for line, pieces in o.lines), hour
        )

    def shown_lines(self) -> dict[Hashable, Content]:
        """The current lines that came with the newest version of their order; others were taken out of it.

        One on another day than its order has stayed behind when that was moved.
        """
        orders = self.orders.current()
        shown = {}
        for key, (content, (modified, hour, _)) in self.lines.current().items():
            order, (order_modified, order_hour, _) = orders[key[0]]  # type: ignore[index] # the key of a line is a pair
            is_told = modified != NONE and order_modified != NONE
            is_newest = modified >= order_modified if is_told else hour >= order_hour
            if is_newest and content[1] == order[1]:
                shown[key] = content
        return shown
