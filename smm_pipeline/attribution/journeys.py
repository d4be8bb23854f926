"""What paths say without any model: assists, lengths, lags.

Belongs here: counts over paths as they are. Does not belong here: credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from smm_pipeline.attribution.money import total_of
from smm_pipeline.attribution.paths import FloatArray, IntArray, Paths


@dataclass(frozen=True)
class ChannelCounts:
    """Conversions by what a channel did on their paths.

    Args:
        channel: the channel.
        touched_conversions: it was on the path.
        last_conversions: it was last on the path.
        assisted_conversions: it was on the path, and another channel was last.
        assisted_to_last_ratio: near 0 the channel closes, at 1 it does both alike, above it assists; None where it was
            never last.
    """

    channel: str
    touched_conversions: int
    last_conversions: int
    assisted_conversions: int
    assisted_to_last_ratio: float | None


@dataclass(frozen=True)
class JourneyFigures:
    """The paths as a whole; lengths and lags are those of conversions, None where there are none or times are unknown.

    Args:
        conversions: all.
        nulls: paths that ended without one.
        value: in whole cents; None where it is not known.
        median_length: touches that half of the conversions had at most.
        p90_length: touches that nine of ten conversions had at most.
        median_lag_days: days from the first touch that half of the conversions took at most.
        p90_lag_days: days from the first touch that nine of ten conversions took at most.
    """

    conversions: int
    nulls: int
    value: Decimal | None
    median_length: float | None
    p90_length: float | None
    median_lag_days: float | None
    p90_lag_days: float | None


def touched_conversions(paths: Paths) -> FloatArray:
    """Of each channel the conversions that have it on their path."""
    return paths.by_channel(paths.first_of_channel, paths.conversions)


def channel_counts(paths: Paths) -> list[ChannelCounts]:
    """Counts of each channel, in the order of the paths."""
    touched, last = touched_conversions(paths), paths.by_channel(paths.last_touch, paths.conversions)
    return [
        ChannelCounts(
            channel, int(on_path), int(at_end), int(on_path - at_end), (on_path - at_end) / at_end if at_end else None
        )
        for channel, on_path, at_end in zip(paths.channels, touched.tolist(), last.tolist(), strict=True)
    ]


def journey_figures(paths: Paths) -> JourneyFigures:
    """Counts, lengths and lags of all paths."""
    lags = None if paths.ages_days is None else np.maximum.reduceat(paths.ages_days, paths.starts[:-1])
    return JourneyFigures(
        conversions=int(paths.conversions.sum()),
        nulls=int(paths.nulls.sum()),
        value=None if paths.values is None else total_of(paths.values),
        median_length=_percentile(paths.lengths, paths.conversions, 50),
        p90_length=_percentile(paths.lengths, paths.conversions, 90),
        median_lag_days=_percentile(lags, paths.conversions, 50),
        p90_lag_days=_percentile(lags, paths.conversions, 90),
    )


def _percentile(found: IntArray | FloatArray | None, weights: IntArray, percent: int) -> float | None:
    """The least of the found values that is not exceeded by this percentage of the weights; no value in between."""
    if found is None or not weights.any():
        return None
    order = np.argsort(found, kind="stable")
    reached = np.cumsum(weights[order])
    return float(found[order][np.argmax(reached * 100 >= reached[-1] * percent)])
