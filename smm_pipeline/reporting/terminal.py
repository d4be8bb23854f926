"""The summary as people read it on a terminal or in a log.

Belongs here: the lines of the summary and their two forms, plain text and a rich table. Does not belong here:
any figure that summary.py does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from smm_pipeline.reporting.summary import Summary, bound, orders_of, total
from smm_pipeline.reporting.wording import (
    BENEFIT_CLASSES,
    community,
    count,
    counted,
    day,
    metric_label,
    money,
    money_range,
    network,
    phrase,
    ratio,
    share,
    title,
)

Line = tuple[str, ...]


@dataclass(frozen=True)
class _Section:
    title: str
    lines: tuple[Line, ...]


def to_text(summary: Summary) -> str:
    """The summary as plain text for logs and pipes, without colour or lines; ends with a newline."""
    parts = [_title(summary), "=" * len(_title(summary))]
    for section in _sections(summary):
        parts += ["", section.title]
        widths = [max(len(cell) for cell in column) for column in zip(*section.lines, strict=True)]
        for first, *rest in section.lines:
            cells = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
            parts.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(parts).replace("\N{NO-BREAK SPACE}", " ") + "\n"


def to_rich(summary: Summary) -> Group:
    """The summary for a terminal; print it with a rich Console."""
    blocks: list[Padding | Text] = [Text(_title(summary), style="bold")]
    for section in _sections(summary):
        table = Table(
            title=section.title, title_justify="left", title_style="bold cyan", show_header=False, box=box.SIMPLE
        )
        for index in range(len(section.lines[0])):
            table.add_column(justify="left" if index == 0 else "right", overflow="fold")
        for line in section.lines:
            table.add_row(*(Text(cell) for cell in line))  # Text: names from feeds are not markup
        blocks.append(Padding(table, (1, 0, 0, 0)))
    return Group(*blocks)


def _title(summary: Summary) -> str:
    return f"What the communities brought, {day(summary.first_date)} to {day(summary.last_date)}"


def _sections(summary: Summary) -> list[_Section]:
    sections = [
        _Section("In short", _headlines(summary)),
        _Section("Orders by kind of purchase", tuple(_class_lines(summary))),
    ]
    if summary.incomplete:
        sections.append(_Section("Days that are incomplete, not zero", tuple(_incomplete_lines(summary))))
    if summary.feeds_never_delivered:
        sections.append(
            _Section("Feeds of which nothing ever came", tuple((f,) for f in summary.feeds_never_delivered))
        )
    if summary.communities:
        title = f"Communities by benefit (first {len(summary.communities)})"
        sections.append(_Section(title, tuple(_community_lines(summary))))
    if summary.quality:
        sections.append(_Section("How good the data is", tuple(_quality_lines(summary))))
    return sections


def _headlines(summary: Summary) -> tuple[Line, ...]:
    benefit, touched = total(summary.benefits), total(summary.touched)
    book, currency = summary.net_revenue_amount, summary.currency
    touched_orders = orders_of(summary.touched)
    lower, upper = bound(summary.classes, "lower_amount"), bound(summary.classes, "upper_amount")
    return (
        ("Order book", counted(summary.orders, "order"), money(book, currency)),
        (
            "With a social touch",
            counted(touched_orders, "order"),
            f"{money(touched, currency)} ({share(ratio(touched, book))})",
        ),
        ("  lower to upper bound", "", money_range(lower, upper, currency)),
        (
            "Credited as a benefit",
            counted(orders_of(summary.benefits), "order"),
            f"{money(benefit, currency)} ({share(ratio(benefit, book))})",
        ),
        ("Supporters gained", "", count(summary.supporters_gained, signed=True)),
        (
            "Mentions by media and bloggers",
            "",
            f"{count(summary.media_mentions)} and {count(summary.blogger_mentions)}",
        ),
    )


def _class_lines(summary: Summary) -> list[Line]:
    return [
        (
            BENEFIT_CLASSES[c.benefit_class],
            counted(c.orders, "order"),
            money(c.net_revenue_amount, summary.currency),
            share(ratio(c.net_revenue_amount, summary.net_revenue_amount)),
        )
        for c in summary.classes
    ]


def _community_lines(summary: Summary) -> list[Line]:
    return [
        (
            f"{community(c.community_name)} ({network(c.network)})",
            counted(c.orders, "order"),
            money(c.net_revenue_amount, summary.currency),
        )
        for c in summary.communities
    ]


def _incomplete_lines(summary: Summary) -> list[Line]:
    return [
        (title(i.table_name), f"{count(i.days)} of {counted(i.days_in_all, i.unit)}", f"without {', '.join(i.feeds)}")
        for i in summary.incomplete
    ]


def _quality_lines(summary: Summary) -> list[Line]:
    return [
        (
            f"{phrase(q.subject)}: {metric_label(q.metric).lower()}",
            f"{count(q.numerator)} of {count(q.denominator)}",
            share(q.share),
        )
        for q in summary.quality
    ]
