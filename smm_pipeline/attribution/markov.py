"""The Markov chain of order 1 and the removal effect of each channel, solved exactly.

Belongs here: transitions, the linear system, removal effects. Does not belong here: sharing out conversions.

States are the start, the channels, conversion and null. A touch goes to the next touch of its path, the last one to
conversion or to null, each as often as the path did. To remove a channel is to end in null whatever comes to it; its
removal effect is the share of the conversions that are lost by that.
"""

from __future__ import annotations

import numpy as np

from smm_pipeline.attribution.paths import FloatArray, IntArray, Paths, Shares


class Chain:
    """The transitions of paths, to be counted for any number of conversions and nulls per path."""

    def __init__(self, paths: Paths) -> None:
        self.size = len(paths.channels)
        self._firsts, self._lasts = Shares(paths, paths.first_touch), Shares(paths, paths.last_touch)
        channel, is_last = paths.touch_channel, paths.last_touch
        # A step within a path, as one number for both ends.
        self._from_to = channel[:-1][~is_last[:-1]] * self.size + channel[1:][~is_last[:-1]]
        self._step_path = paths.touch_path[~is_last]

    def removal_effects(self, conversions: IntArray, nulls: IntArray) -> FloatArray | None:
        """The removal effect of each channel, 0 to 1; None where nothing converted.

        With N = (I - Q)^-1 over the channels: f = (start N)_i / N_ii is the chance to come to channel i at all, h = N r
        the chance to convert from there. Without i the start loses exactly f h of its chance to convert.
        """
        if not conversions.any():
            return None
        total = conversions + nulls
        steps = np.bincount(self._from_to, total[self._step_path], self.size**2).reshape(self.size, self.size)
        leaving = steps.sum(axis=1) + self._lasts.by_channel(total)
        # A channel that no counted path touches goes nowhere; its row stays empty.
        scale = np.divide(1.0, leaving, out=np.zeros(self.size), where=leaving > 0)
        to_conversion = self._lasts.by_channel(conversions) * scale
        start = self._firsts.by_channel(total) / total.sum()
        identity = np.eye(self.size)
        fundamental = np.linalg.solve(identity - steps * scale[:, None], identity)
        converting = fundamental @ to_conversion
        reaching = (start @ fundamental) / fundamental.diagonal()
        effects: FloatArray = reaching * converting / (start @ converting)
        return effects
