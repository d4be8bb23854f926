"""Times without an offset, at every change of clock from 2015 to 2035, against Python's own rules of time zones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from smm_pipeline.feeds.mapping import ColumnRule
from smm_pipeline.ingest.values import typed

FIRST, END = datetime(2015, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
QUIET = datetime(2026, 6, 1, 12, tzinfo=UTC).replace(tzinfo=None)
# Both hemispheres, half hours (Lord Howe), changes for good (Moscow, Istanbul, Almaty) and each half-year; Kyiv twice.
ZONES = {
    "Europe/Kyiv": 42, "Europe/Kiev": 42, "Europe/Warsaw": 42, "Europe/London": 42, "Europe/Lisbon": 42,
    "Europe/Sofia": 42, "Europe/Istanbul": 3, "Europe/Moscow": 0, "Asia/Tbilisi": 0, "Asia/Almaty": 1,
    "Asia/Jerusalem": 42, "America/New_York": 42, "America/Los_Angeles": 42, "America/Sao_Paulo": 9,
    "Australia/Lord_Howe": 42, "Pacific/Auckland": 42,
}  # fmt: skip


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """Local time, without offset, at which each change of clock begins."""
    day = FIRST
    while day < END:
        before, after = (moment.astimezone(zone).utcoffset() for moment in (day, day + timedelta(days=1)))
        if before != after:
            minutes = (day + timedelta(minutes=n) for n in range(1, 24 * 60 + 1))
            changed = next(moment for moment in minutes if moment.astimezone(zone).utcoffset() != before)
            assert before is not None
            yield (changed + before).replace(tzinfo=None)
        day += timedelta(days=1)


def expected(local: datetime, zone: ZoneInfo) -> datetime:
    """As docs/mapping.md says: a time left out moves on by the change, one that comes twice is the later."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    is_left_out = first.astimezone(zone).replace(tzinfo=None) != local
    return first if is_left_out else second


@pytest.mark.parametrize(("name", "count"), ZONES.items())
def test_every_change_of_clock(name: str, count: int) -> None:
    zone = ZoneInfo(name)
    found = list(changes(zone))
    assert len(found) == count
    # Two hours to either side, and a noon for zones without changes.
    local = [c + timedelta(minutes=m) for c in found for m in range(-120, 121, 15)] + [QUIET]
    instant, _ = typed("TIMESTAMPTZ", "t", ColumnRule(expr="t"), name)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        rows = con.execute(
            f"select {instant}, cast(timezone(?, {instant}) as date) "
            "from (select unnest(?::varchar[]) as t, unnest(range(?)) as n) order by n",
            [name, [moment.isoformat() for moment in local], len(local)],
        ).fetchall()
    wanted = [expected(moment, zone) for moment in local]
    assert [row[0].astimezone(UTC) for row in rows] == wanted
    assert [row[1] for row in rows] == [moment.astimezone(zone).date() for moment in wanted]
