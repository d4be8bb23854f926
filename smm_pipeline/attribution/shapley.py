"""The Shapley value of each channel, exact for any number of channels.

Belongs here: the coalition function and its solution. Does not belong here: permutations; tests go through them.

A coalition of channels is worth the conversions of the paths whose set of channels lies within it. Such a function is a
sum over paths, each worth something to the coalitions that hold its whole set and nothing to others; and the Shapley
value of one such path is an equal part for each channel of its set, because they are interchangeable in it and the
others add nothing. The value is additive, so the sum of these parts is the Shapley value: no sum over 2^n coalitions is
needed, and no limit of channels.
"""

from __future__ import annotations

import numpy as np

from smm_pipeline.attribution.paths import FloatArray, Paths


def shapley(paths: Paths) -> FloatArray:
    """Equal parts of a path to the different channels on it; touched again a channel gets no more, nor by its place."""
    is_first = paths.first_of_channel.astype(np.float64)
    return is_first / np.add.reduceat(is_first, paths.starts[:-1])[paths.touch_path]
