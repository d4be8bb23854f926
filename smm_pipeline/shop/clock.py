"""The simulated period: local days, UTC instants, paydays and holidays, and named streams of chance.

Belongs here: everything about time that the other modules share, and the one place where random generators are made.
Does not belong here: people, posts, orders or files.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Kyiv")
SECOND = 1_000_000  # instants are whole microseconds since 1970 UTC, as GA4 writes them
HOUR = 3600 * SECOND
DAY = 24 * HOUR
PAYDAYS = (1, 10, 25)
FIXED_HOLIDAYS = {
    (1, 1): "New Year",
    (2, 14): "Valentine's Day",
    (3, 8): "Women's Day",
    (6, 1): "Children's Day",
    (8, 24): "Independence Day",
    (12, 6): "St Nicholas Day",
    (12, 25): "Christmas",
}
# Visits by local hour: quiet nights, a lunch bump, an evening peak.
HOUR_WEIGHTS = (6, 4, 2, 2, 2, 4, 9, 18, 28, 36, 42, 44, 46, 50, 44, 42, 42, 46, 54, 64, 72, 70, 48, 22)


def stream(seed: int, name: str) -> random.Random:
    """An independent generator for one concern, so that a change in one module leaves the others' draws alone."""
    return random.Random(f"{seed}:{name}")  # noqa: S311 - simulated data, nothing secret; text seeds ignore PYTHONHASHSEED


@dataclass(frozen=True)
class Occasion:
    """One entry of the shop's calendar."""

    day: date
    kind: str
    name: str


@dataclass(frozen=True)
class Clock:
    """The days `first` .. `first + days - 1` in the shop's time zone."""

    first: date
    days: int

    @cached_property
    def _starts(self) -> list[int]:
        midnights = (datetime.combine(self.date(i), datetime.min.time(), ZONE) for i in range(self.days + 8))
        return [int(m.timestamp()) * SECOND for m in midnights]

    def date(self, index: int) -> date:
        """Local date of day number `index`, from 0."""
        return self.first + timedelta(days=index)

    def at(self, index: int, seconds: float) -> int:
        """Instant `seconds` after the local midnight that opens day `index`."""
        return self._starts[index] + int(seconds * SECOND)

    def index(self, instant: int) -> int:
        """Number of the local day an instant belongs to; -1 for anything before the period."""
        return bisect_right(self._starts, instant) - 1

    @property
    def end(self) -> int:
        """First instant after the period."""
        return self._starts[self.days]

    def moment(self, rng: random.Random, index: int) -> int:
        """A random instant of a day, by the shop's usual hours."""
        hour = rng.choices(range(24), HOUR_WEIGHTS)[0]
        return self.at(index, hour * 3600 + rng.random() * 3599)

    def awake(self, rng: random.Random, index: int) -> int:
        """A random instant between 09:00 and 21:30 of a day, for things people plan."""
        return self.at(index, 32400 + rng.random() * 45000)

    @cached_property
    def occasions(self) -> tuple[Occasion, ...]:
        """Paydays and holidays from ten days before the period to twenty after it."""
        found = []
        for index in range(-10, self.days + 20):
            day = self.date(index)
            if day.day in PAYDAYS:
                found.append(Occasion(day, "payday", f"Payday {day.day}"))
            if name := holiday_name(day):
                found.append(Occasion(day, "holiday", name))
        return tuple(found)

    @cached_property
    def due(self) -> frozenset[int]:
        """Days on which deferred purchases fall due: payday +0..4, or 9 days before to 1 day after a holiday."""
        days: set[int] = set()
        for occasion in self.occasions:
            span = range(5) if occasion.kind == "payday" else range(-9, 2)
            days.update((occasion.day - self.first).days + shift for shift in span)
        return frozenset(days)

    def appetite(self, index: int) -> float:
        """How readily people buy on a day, 1.0 being usual."""
        day = self.date(index)
        near = {(occasion.day - day).days for occasion in self.occasions if occasion.kind == "holiday"}
        since = {(day - occasion.day).days for occasion in self.occasions if occasion.kind == "payday"}
        bump = (0.5 if since & {0, 1, 2} else 0.0) + (0.6 if near & set(range(1, 6)) else 0.0)
        return (1.15 if day.weekday() >= 5 else 0.95) + bump


def holiday_name(day: date) -> str | None:
    """Name of the holiday of the shop's calendar on a day, if any."""
    if day == _orthodox_easter(day.year):
        return "Easter"
    if day.month == 5 and day.weekday() == 6 and 8 <= day.day <= 14:
        return "Mother's Day"
    return FIXED_HOLIDAYS.get((day.month, day.day))


def _orthodox_easter(year: int) -> date:
    """Orthodox Easter in the civil calendar, by Meeus' Julian algorithm; valid for 1900-2099."""
    d = (19 * (year % 19) + 15) % 30
    e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7
    month, day = divmod(d + e + 114, 31)
    return date(year, month, day + 1) + timedelta(days=13)


def utc(instant: int) -> datetime:
    """An instant as an aware UTC datetime with whole seconds."""
    return datetime.fromtimestamp(instant // SECOND, UTC)


def local(instant: int) -> datetime:
    """An instant as an aware datetime of the shop's zone with whole seconds."""
    return datetime.fromtimestamp(instant // SECOND, ZONE)


def stamp(instant: int) -> str:
    """Extraction time as it stands in file names: 20260301T060000Z."""
    return f"{utc(instant):%Y%m%dT%H%M%SZ}"
