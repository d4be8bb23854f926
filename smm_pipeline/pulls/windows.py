"""How far a feed was read, and what is to be read next.

Belongs here: a page and the mark that it leaves behind, the span of time a pull asks for, and how vendors write it.
Does not belong here: which page follows which (paging.py), and where marks are kept (room ingest).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from smm_pipeline.pulls.spec import Pages, Window


@dataclass(frozen=True)
class Mark:
    """Where a feed stands after a page.

    `source` tells what was read; a mark of another source is no mark. `started` is when the reading of this window
    began, `since` and `until` are its instants or days, `through` the last day of all windows of this pull. `place`
    is where to go on; None stands for the first page. `records` counts those of the window so far, `total` is what the
    source says there are. `is_repeated` tells that the window is read a second time, because records were missing.
    """

    source: str
    started: str
    since: str = ""
    until: str = ""
    through: str = ""
    place: Any = None
    is_done: bool = False
    records: int = 0
    total: int | None = None
    is_repeated: bool = False

    def text(self) -> str:
        """As it is kept."""
        return orjson.dumps(asdict(self)).decode()

    @property
    def is_short(self) -> bool:
        """Whether fewer records came than the source says there are."""
        return self.total is not None and self.records < self.total

    @property
    def is_of_last_window(self) -> bool:
        """Whether no further window of this pull follows."""
        return self.until >= self.through


@dataclass(frozen=True)
class Page:
    """One page as it came, secrets masked, and the mark after it; without a body the mark alone is news.

    `then` is called once both are kept.
    """

    body: bytes | None
    records: int
    mark: Mark
    then: Callable[[], object] | None = None


def mark_of(text: str | None, source: str) -> Mark | None:
    """A mark that was kept, when it is of this source."""
    mark = Mark(**orjson.loads(text)) if text else None
    return mark if mark and mark.source == source else None


@dataclass(frozen=True)
class Span:
    """What spans of time a feed is read in.

    `zone` is the zone of days; `first_day` the settings' own beginning.
    """

    window: Window | None
    pages: Pages
    zone: ZoneInfo
    first_day: date | None

    def opened(self, mark: Mark | None, source: str, now: datetime) -> Mark | None:
        """The mark with which a pull begins: that of an unfinished window, or a new one; None when nothing is due.

        Days of which nothing is read yet are begun anew: up to the newest of now, as many at a time as the window says.
        """
        is_begun_anew = (
            mark is not None and mark.place is None and self.window is not None and self.window.kind == "days"
        )
        if mark and not mark.is_done and not is_begun_anew:
            return mark
        fresh = Mark(source, now.isoformat())
        if self.window is None:
            return replace(fresh, place=mark.place) if mark and self.pages.keep else fresh
        if self.window.kind == "changes":
            again = mark is not None and self.repeats(mark)
            since = self._first_instant(now)
            if mark:
                overlap = timedelta(minutes=self.window.overlap_minutes)
                since = _instant(mark.since) if again else _instant(mark.started) - overlap
            return replace(fresh, since=since.isoformat(), until=now.isoformat(), is_repeated=again)
        through = now.astimezone(self.zone).date() - timedelta(days=self.window.lag_days)
        since_day = self.first_day or through - timedelta(days=self.window.first_days - 1)
        if mark:
            after = date.fromisoformat(mark.until) + timedelta(days=1 - self.window.restated_days)
            since_day = after if mark.is_done else date.fromisoformat(mark.since)
        return self._slice(fresh, since_day, through)

    def repeats(self, mark: Mark) -> bool:
        """Whether the next pull asks for a window once more, of which fewer records came than the source counts."""
        is_of_changes = self.window is not None and self.window.kind == "changes"
        return is_of_changes and mark.is_short and not mark.is_repeated

    def following(self, mark: Mark, now: datetime) -> Mark | None:
        """The next window of the same pull; None when the last one was read to its end."""
        if mark.is_of_last_window:
            return None
        next_day = date.fromisoformat(mark.until) + timedelta(days=1)
        return self._slice(Mark(mark.source, now.isoformat()), next_day, date.fromisoformat(mark.through))

    def beginning(self, mark: Mark) -> datetime:
        """The instant at which the window begins; of a day it is midnight in the zone of days."""
        moment = datetime.fromisoformat(mark.since)
        return moment.astimezone(self.zone) if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def names(self, mark: Mark) -> dict[str, str]:
        """The window as values of the names in braces."""
        if self.window is None:
            return {}
        if self.window.kind == "changes":
            return {"since": self._written(_instant(mark.since)), "until": self._written(_instant(mark.until))}
        since, until = date.fromisoformat(mark.since), date.fromisoformat(mark.until)
        days = {"since": since, "until": until, "end": until + timedelta(days=1)}
        return {name: self._written(datetime.combine(day, time(), self.zone)) for name, day in days.items()}

    def _slice(self, mark: Mark, since: date, through: date) -> Mark | None:
        if self.window is None or since > through:
            return None
        until = min(through, since + timedelta(days=self.window.slice_days - 1))
        return replace(mark, since=since.isoformat(), until=until.isoformat(), through=through.isoformat())

    def _first_instant(self, now: datetime) -> datetime:
        if self.first_day:
            return datetime.combine(self.first_day, time(), self.zone)
        return now - timedelta(days=self.window.first_days if self.window else 0)

    def _written(self, moment: datetime) -> str:
        match self.window.format if self.window else "iso":
            case "unix_s":
                return str(int(moment.timestamp()))
            case "date":
                return moment.astimezone(self.zone).date().isoformat()
            case "compact_date":
                return moment.astimezone(self.zone).strftime("%Y%m%d")
            case "iso_utc":
                return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
            case _:
                return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
