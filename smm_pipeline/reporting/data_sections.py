"""What the HTML page says of the data behind it: their quality, and the meaning of every number.

Belongs here: those two sections. Does not belong here: what the communities brought (sections.py), and queries.
"""

from __future__ import annotations

from itertools import groupby

from smm_pipeline.reporting import figures
from smm_pipeline.reporting.page import Section, Table, filled
from smm_pipeline.reporting.serving import Row, Serving
from smm_pipeline.reporting.summary import Summary
from smm_pipeline.reporting.visit_rules import unknown_hosts
from smm_pipeline.reporting.wording import METRIC_MEANINGS, count, counted, day, metric_label, phrase, share, title

TOP_HOSTS = 10


def quality(source: Serving, summary: Summary) -> Section:
    """What arrived and could be used, feed by feed, and the checks that did not pass, by name."""
    rows = [
        (
            phrase(q.subject),
            metric_label(q.metric),
            METRIC_MEANINGS.get((q.subject.partition(":")[0], q.metric), ""),
            count(q.numerator),
            count(q.denominator),
            share(q.share, 2),
        )
        for q in summary.quality
    ]
    feeds = [
        (
            r["feed"],
            day(r["last_date"]),
            count(r["deliveries"]),
            count(r["failed_deliveries"]),
            count(r["records"]),
            count(r["rejected_records"]),
        )
        for r in figures.feeds(source)
    ]
    checks = [
        (
            r["table_name"],
            phrase(r["check_id"]),
            phrase(r["severity"]),
            phrase(r["status"]),
            count(r["windows"]),
            count(r["unexpected"]),
        )
        for r in figures.checks_not_passed(source)
    ]
    gaps = [
        (
            title(r["table_name"]),
            phrase(r["state"]),
            r["missing_feeds"],
            day(r["first_date"]),
            day(r["last_date"]),
            counted(r["units"], r["unit"]),
        )
        for r in figures.incomplete_days(source)
    ]
    hosts = [
        (r["host"], r["example_landing_path"] or "", count(r["sessions"])) for r in unknown_hosts(source)[:TOP_HOSTS]
    ]
    columns = ("Subject", "Metric", "What it says", "Counted", "Out of", "Share")
    feed_columns = ("Feed", "Newest delivery, UTC", "Deliveries", "Of them unreadable", "Records", "Of them refused")
    gap_columns = ("Numbers", "State", "Nothing came from", "First day", "Last day", "Together")
    host_columns = ("Host", "Page on which such visits began", "Visits")
    check_columns = ("Table", "Check", "Severity", "Outcome", "Windows of days", "Rows")
    return Section(
        "quality",
        "How good is the data?",
        "What arrived, what could be joined and what had to be rejected, over the whole period.",
        tables=filled(
            Table("Days that are incomplete, not zero", gap_columns, gaps, words=3),
            Table("Data quality", columns, rows, words=3),
            Table("Feeds", feed_columns, feeds, words=2),
            Table("Hosts that no channel rule knows, most visited first", host_columns, hosts, words=2),
            Table("Checks that did not pass", check_columns, checks, words=4),
        ),
    )


def definitions(source: Serving) -> Section:
    """What every published column means, a folded list per table."""
    tables = [
        Table(
            f"{title(name)}, in the file {name}",
            ("Column", "Name", "How it is computed", "Basis", "Mind"),
            [_definition(r) for r in rows],
            words=5,
            folded=True,
        )
        for name, rows in groupby(figures.definitions(source), key=lambda r: str(r["table_name"]))
    ]
    return Section(
        "definitions",
        "What does each number mean?",
        "Observed is a fact in a feed, credited is given by a rule, estimated comes from a model. One list per table "
        "of the published file.",
        tables=tuple(tables),
    )


def _definition(row: Row) -> tuple[str, ...]:
    names = ("column_name", "label_en", "formula", "basis", "caveat")
    return tuple(row[name] or "" for name in names)
