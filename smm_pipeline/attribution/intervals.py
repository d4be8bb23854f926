"""How far the figures of a model might be from these by the chance of who came: a bootstrap over paths.

Belongs here: drawing paths anew and the percentiles of what models make of the draws. Does not belong here: the models.

All paths, converting and not, are drawn again with replacement, as many as there were. A conversion of a path brings in
every draw what one of this path brought on average: a table of paths does not tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np

from smm_pipeline.attribution.paths import FloatArray, IntArray, Paths

DRAWS = 1000
LEVEL = 0.95
SEED = 20_260_101

_Name = TypeVar("_Name")
Credits = tuple[FloatArray, FloatArray | None]
"""Conversions and, where known, value of each channel."""
Estimate = Callable[[IntArray, IntArray, FloatArray | None], Credits]
"""A model: from conversions, nulls and values of each path to what each channel is credited with."""


def percentile_intervals(paths: Paths, estimates: Mapping[_Name, Estimate], draws: int = DRAWS) -> dict[_Name, Credits]:
    """The middle `LEVEL` of the draws, by model: two rows, low and high, over the channels.

    Draws begin from the same seed each time: the same paths give the same intervals, and models see the same draws.
    """
    drawn: dict[_Name, list[Credits]] = {name: [] for name in estimates}
    for draw in _draws(paths, draws):
        for name, estimate in estimates.items():
            drawn[name].append(estimate(*draw))
    return {name: _middle(found) for name, found in drawn.items()}


def _middle(drawn: list[Credits]) -> Credits:
    percents = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    conversions = np.percentile([conversions for conversions, _ in drawn], percents, axis=0)
    values = [value for _, value in drawn if value is not None]
    return conversions, np.percentile(values, percents, axis=0) if values else None


def _draws(paths: Paths, draws: int) -> Iterator[tuple[IntArray, IntArray, FloatArray | None]]:
    random = np.random.default_rng(SEED)
    told = np.concatenate([paths.conversions, paths.nulls])
    # Cells without paths are never drawn, and most paths have one.
    filled = np.flatnonzero(told)
    total = int(told.sum())
    of_one = None if paths.amounts is None else paths.amounts / np.maximum(paths.conversions, 1)
    chances = told[filled] / max(total, 1)
    for _ in range(draws):
        drawn = np.zeros_like(told)
        if total:
            drawn[filled] = random.multinomial(total, chances)
        conversions, nulls = np.split(drawn, 2)
        yield conversions, nulls, None if of_one is None else of_one * conversions
