"""Paths: the channels that buyers touched, first to last, and what came of it.

Belongs here: one path as it is told, and all of them as flat arrays, the form that every model works on. Does not
belong here: reading them (path_table.py) and any model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
_Told = TypeVar("_Told")

DIRECT = "Direct"
MAX_COUNT = 10**12
"""Above it sums of counts would no longer be exact."""


@dataclass(frozen=True)
class Path:
    """One path.

    Args:
        channels: from the first touch to the last; a channel may come again.
        conversions: how often it ended with one.
        nulls: how often it ended without.
        value: what its conversions brought in all; None where amounts are not known.
        ages_days: of each touch, days from it to the moment of conversion; None where times are not known.
    """

    channels: tuple[str, ...]
    conversions: int
    nulls: int = 0
    value: Decimal | None = None
    ages_days: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Paths:
    """Distinct paths; their touches one after the other in flat arrays.

    Args:
        channels: names, in the order in which they were first seen; arrays hold their places in it.
        starts: where each path begins among the touches, and at the end the number of touches.
        touch_channel: the channel of each touch.
        conversions: of each path.
        nulls: of each path.
        values: of each path, or None.
        ages_days: of each touch, or None.
        repeats: how many of the paths told were there already and were added to them.
    """

    channels: tuple[str, ...]
    starts: IntArray
    touch_channel: IntArray
    conversions: IntArray
    nulls: IntArray
    values: tuple[Decimal, ...] | None
    ages_days: FloatArray | None
    repeats: int

    @cached_property
    def lengths(self) -> IntArray:
        """Touches of each path."""
        return np.diff(self.starts)

    @cached_property
    def touch_path(self) -> IntArray:
        """The path of each touch."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def first_touch(self) -> BoolArray:
        """True for the touch that a path begins with."""
        return _marks(self.starts[:-1], len(self.touch_channel))

    @cached_property
    def last_touch(self) -> BoolArray:
        """True for the touch that a path ends with."""
        return _marks(self.starts[1:] - 1, len(self.touch_channel))

    @cached_property
    def first_of_channel(self) -> BoolArray:
        """True for the first touch of each channel on each path; so these are the path's set of channels."""
        _, first = np.unique(self.touch_path * len(self.channels) + self.touch_channel, return_index=True)
        return _marks(first, len(self.touch_channel))

    @cached_property
    def amounts(self) -> FloatArray | None:
        """The values as floating-point numbers, to be multiplied with weights; sums are taken of the values."""
        return None if self.values is None else np.array([float(value) for value in self.values])

    def by_channel(self, weights: FloatArray | BoolArray, of_paths: IntArray | FloatArray) -> FloatArray:
        """What each channel gets of a number per path, by weights of touches."""
        return Shares(self, weights).by_channel(of_paths)


class Shares:
    """Weights of touches, to be applied to many numbers of paths."""

    def __init__(self, paths: Paths, weights: FloatArray | BoolArray) -> None:
        # Most models give most touches nothing.
        weighing = np.flatnonzero(weights)
        self._weights = weights[weighing].astype(np.float64)
        self._paths = paths.touch_path[weighing]
        self._channels = paths.touch_channel[weighing]
        self._size = len(paths.channels)

    def by_channel(self, of_paths: IntArray | FloatArray) -> FloatArray:
        """What each channel gets of a number per path."""
        of_touches = self._weights * of_paths[self._paths]
        found: FloatArray = np.bincount(self._channels, of_touches, self._size).astype(np.float64, copy=False)
        return found


def collect(told: Iterable[Path]) -> Paths:
    """Paths as arrays; equal ones are added up, and the order is that in which they were first told.

    Raises:
        ValueError: when a path is none, or some paths have values or ages and others have not: mistakes of the caller.
    """
    seen: dict[tuple[tuple[str, ...], tuple[float, ...] | None], list[Path]] = {}
    for path in told:
        _check(path)
        seen.setdefault((path.channels, path.ages_days), []).append(path)
    if not seen:
        raise ValueError("expected at least one path")
    groups = list(seen.values())
    values = _all_or_none([_sum_or_none([path.value for path in group]) for group in groups])
    ages = _all_or_none([group[0].ages_days for group in groups])
    number: dict[str, int] = {}
    touches = [number.setdefault(channel, len(number)) for channels, _ in seen for channel in channels]
    return Paths(
        channels=tuple(number),
        starts=np.cumsum([0, *(len(channels) for channels, _ in seen)]),
        touch_channel=np.array(touches, dtype=np.int64),
        conversions=np.array([sum(path.conversions for path in group) for group in groups], dtype=np.int64),
        nulls=np.array([sum(path.nulls for path in group) for group in groups], dtype=np.int64),
        values=None if values is None else tuple(values),
        ages_days=None if ages is None else np.array([age for path in ages for age in path], dtype=np.float64),
        repeats=sum(len(group) - 1 for group in groups),
    )


def _check(path: Path) -> None:
    if not path.channels or not all(path.channels):
        raise ValueError("a path without a channel")
    if not (0 <= path.conversions <= MAX_COUNT and 0 <= path.nulls <= MAX_COUNT):
        raise ValueError(f"counts of a path outside 0 to {MAX_COUNT}")
    if path.value and not path.conversions:
        raise ValueError("a value without a conversion")
    if path.ages_days is not None and (len(path.ages_days) != len(path.channels) or min(path.ages_days) < 0):
        raise ValueError("ages of touches: expected one for each, from 0 up")


def _sum_or_none(values: list[Decimal | None]) -> Decimal | None:
    known = _all_or_none(values)
    return None if known is None else sum(known, Decimal(0))


def _all_or_none(found: list[_Told | None]) -> list[_Told] | None:
    known = [one for one in found if one is not None]
    if known and len(known) != len(found):
        raise ValueError("values or ages of some paths and not of others")
    return known or None


def _marks(places: IntArray, length: int) -> BoolArray:
    marks = np.zeros(length, dtype=np.bool_)
    marks[places] = True
    return marks
