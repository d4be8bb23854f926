"""Calendar facts checked against the civil calendar, not against the code."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from smm_pipeline.shop.clock import SECOND, Clock, holiday_name


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2024, 5, 5), "Easter"),
        (date(2025, 4, 20), "Easter"),
        (date(2026, 4, 12), "Easter"),
        (date(2026, 5, 10), "Mother's Day"),
        (date(2026, 3, 8), "Women's Day"),
        (date(2026, 5, 3), None),
    ],
)
def test_holidays(day: date, name: str | None) -> None:
    assert holiday_name(day) == name


def test_days_are_cut_at_kyiv_midnight_across_the_spring_change() -> None:
    clock = Clock(date(2026, 3, 28), 3)
    assert clock.at(1, 0) == int(datetime(2026, 3, 28, 22, tzinfo=UTC).timestamp()) * SECOND
    # 29 March 2026 has 23 hours: the next midnight is 21:00 UTC.
    assert clock.at(2, 0) == int(datetime(2026, 3, 29, 21, tzinfo=UTC).timestamp()) * SECOND
    assert clock.index(clock.at(2, 0) - 1) == 1
    assert clock.index(clock.at(2, 0)) == 2
    assert clock.index(clock.at(0, 0) - 1) == -1


def test_due_days_follow_paydays_and_holidays() -> None:
    clock = Clock(date(2026, 4, 13), 15)  # Easter is on 12 April; paydays on the 10th and the 25th
    due = {clock.date(index).day for index in clock.due if 0 <= index < clock.days}
    assert due == {13, 14, 25, 26, 27}  # 13: the day after Easter; 13, 14: within four days of the 10th
