"""What the HTML page is made of.

Belongs here: the shapes that sections.py fills and the template places. Does not belong here: any content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smm_pipeline.reporting.charts import Drawing


@dataclass(frozen=True)
class Headline:
    """One large number: what it is, its value, what stands behind it, and how it is known."""

    label: str
    value: str
    detail: str
    basis: str


@dataclass(frozen=True)
class Table:
    """A table of text. The first `words` columns are words, the others numbers; `folded` hides it behind a click."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int = 1
    folded: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart: title, a sentence for those who cannot see it, and how it is drawn."""

    name: str
    title: str
    description: str
    drawing: Drawing


@dataclass(frozen=True)
class Section:
    """One section of the page; without charts and tables it says that there is nothing to show."""

    name: str
    title: str
    intro: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


def filled(*tables: Table) -> tuple[Table, ...]:
    """The tables that have rows: an empty one would only repeat that there is nothing to show."""
    return tuple(table for table in tables if table.rows)
