"""The six models that are rules: how much of its path each touch gets.

Belongs here: one weight per touch, which sum to 1 on every path. Does not belong here: conversions and money.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from smm_pipeline.attribution.paths import FloatArray, Paths

HALF_LIFE_DAYS = 7.0
DAYS_OF_A_STEP = 1.0
"""How far apart touches are taken to be when nobody knows their times."""
END_SHARE, MIDDLE_SHARE = 0.4, 0.2


def first(paths: Paths) -> FloatArray:
    """All to the first touch."""
    return paths.first_touch.astype(np.float64)


def last(paths: Paths) -> FloatArray:
    """All to the last touch."""
    return paths.last_touch.astype(np.float64)


def last_non_direct(paths: Paths, direct: Collection[str]) -> FloatArray:
    """All to the last touch that was not direct; on a path of direct touches alone, to the last one.

    Args:
        paths: the paths.
        direct: names of the channels that are direct; capitals make no difference.
    """
    wanted = {name.casefold() for name in direct}
    is_direct = np.array([channel.casefold() in wanted for channel in paths.channels])
    places = np.arange(len(paths.touch_channel))
    others = np.where(is_direct[paths.touch_channel], -1, places)
    latest = np.maximum.reduceat(others, paths.starts[:-1])
    winners = np.where(latest < 0, paths.starts[1:] - 1, latest)
    weights = np.zeros(len(places))
    weights[winners] = 1.0
    return weights


def linear(paths: Paths) -> FloatArray:
    """The same to every touch: a channel touched twice gets two parts."""
    return (1.0 / paths.lengths)[paths.touch_path]


def position_based(paths: Paths) -> FloatArray:
    """40 % to the first touch, 40 % to the last, 20 % to those between in equal parts; halves of a path of two."""
    lengths = paths.lengths[paths.touch_path]
    is_end = paths.first_touch | paths.last_touch
    long = np.where(is_end, END_SHARE, MIDDLE_SHARE / np.maximum(lengths - 2, 1))
    return np.where(lengths > 2, long, 1.0 / lengths)


def time_decay(paths: Paths, half_life_days: float = HALF_LIFE_DAYS) -> FloatArray:
    """A touch weighs half as much for every half-life that it is older; the weights of a path are made to sum to 1.

    Without times a step back along the path counts as `DAYS_OF_A_STEP`.
    """
    ages = _days_by_steps(paths) if paths.ages_days is None else paths.ages_days
    # Only differences of ages count; measured from the newest touch, no path's weights can all vanish.
    newest = np.minimum.reduceat(ages, paths.starts[:-1])
    weights: FloatArray = np.exp2((newest[paths.touch_path] - ages) / half_life_days)
    return weights / np.add.reduceat(weights, paths.starts[:-1])[paths.touch_path]


def _days_by_steps(paths: Paths) -> FloatArray:
    steps = paths.starts[1:][paths.touch_path] - 1 - np.arange(len(paths.touch_channel))
    return steps.astype(np.float64) * DAYS_OF_A_STEP
