"""The eight models side by side.

Belongs here: the names of the models, and conversions, value, removal effect and interval of each channel by each of
them. Does not belong here: how a model weighs (rules.py, shapley.py, markov.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np

from smm_pipeline.attribution import rules
from smm_pipeline.attribution.intervals import DRAWS, Credits, Estimate, percentile_intervals
from smm_pipeline.attribution.journeys import touched_conversions
from smm_pipeline.attribution.markov import Chain
from smm_pipeline.attribution.money import shared_out, to_cents, total_of
from smm_pipeline.attribution.paths import DIRECT, FloatArray, IntArray, Paths, Shares
from smm_pipeline.attribution.shapley import shapley

FEW_CONVERSIONS = 30
"""Below it chance alone moves a count by more than a third either way (1.96 / sqrt(30) = 0.36)."""


class Model(StrEnum):
    """What a conversion can be shared out by."""

    FIRST = "first"
    LAST = "last"
    LAST_NON_DIRECT = "last_non_direct"
    LINEAR = "linear"
    POSITION_BASED = "position_based"
    TIME_DECAY = "time_decay"
    MARKOV = "markov"
    SHAPLEY = "shapley"


ALL_MODELS = tuple(Model)


@dataclass(frozen=True)
class Credit:
    """What one model gives one channel.

    Args:
        model: the model.
        channel: the channel.
        conversions: over all channels they sum to those of the paths.
        value: in whole cents, over all channels the value of the paths; None where it is not known.
        removal_effect: of the Markov model, 0 to 1; None for others, and where nothing converted.
        has_too_few_paths: fewer than `FEW_CONVERSIONS` conversions have the channel on their path.
        conversions_interval: low and high, when asked for.
        value_interval: low and high, when asked for.
    """

    model: Model
    channel: str
    conversions: float
    value: Decimal | None
    removal_effect: float | None
    has_too_few_paths: bool
    conversions_interval: tuple[float, float] | None = None
    value_interval: tuple[Decimal, Decimal] | None = None


def attribute(
    paths: Paths,
    models: Sequence[Model] = ALL_MODELS,
    *,
    direct: Collection[str] = (DIRECT,),
    half_life_days: float = rules.HALF_LIFE_DAYS,
    with_intervals: bool = False,
    draws: int = DRAWS,
) -> list[Credit]:
    """What each model gives each channel: models in the order asked for, channels in that of the paths.

    Args:
        paths: the paths.
        models: which models.
        direct: names of the channels that are direct, for `last_non_direct`.
        half_life_days: of `time_decay`.
        with_intervals: also by which percentiles of a bootstrap (intervals.py).
        draws: of that bootstrap.
    """
    chain = Chain(paths)
    estimates = {
        model: _by_removal(chain)
        if model is Model.MARKOV
        else _by_weights(paths, _weights(model, paths, direct, half_life_days))
        for model in models
    }
    intervals = percentile_intervals(paths, estimates, draws) if with_intervals else {}
    effects = chain.removal_effects(paths.conversions, paths.nulls) if Model.MARKOV in estimates else None
    found: list[Credit] = []
    for model, estimate in estimates.items():
        of_model = effects if model is Model.MARKOV else None
        found += _credits(paths, model, estimate, of_model, intervals.get(model))
    return found


def _weights(model: Model, paths: Paths, direct: Collection[str], half_life_days: float) -> FloatArray:
    if model is Model.LAST_NON_DIRECT:
        return rules.last_non_direct(paths, direct)
    if model is Model.TIME_DECAY:
        return rules.time_decay(paths, half_life_days)
    return {
        Model.FIRST: rules.first,
        Model.LAST: rules.last,
        Model.LINEAR: rules.linear,
        Model.POSITION_BASED: rules.position_based,
        Model.SHAPLEY: shapley,
    }[model](paths)


def _by_weights(paths: Paths, weights: FloatArray) -> Estimate:
    """A model that shares out each path by weights of its touches: non-converting paths have nothing to give."""
    shares = Shares(paths, weights)

    def estimate(conversions: IntArray, _: IntArray, values: FloatArray | None) -> Credits:
        return shares.by_channel(conversions), None if values is None else shares.by_channel(values)

    return estimate


def _by_removal(chain: Chain) -> Estimate:
    """All conversions, and all value, in proportion to the removal effects."""

    def estimate(conversions: IntArray, nulls: IntArray, values: FloatArray | None) -> Credits:
        effects = chain.removal_effects(conversions, nulls)
        shares = np.zeros(chain.size) if effects is None else effects / effects.sum()
        return conversions.sum() * shares, None if values is None else values.sum() * shares

    return estimate


def _credits(
    paths: Paths, model: Model, estimate: Estimate, effects: FloatArray | None, interval: Credits | None
) -> list[Credit]:
    conversions, amounts = estimate(paths.conversions, paths.nulls, paths.amounts)
    values = shared_out(total_of(paths.values), amounts) if paths.values and amounts is not None else None
    is_few = touched_conversions(paths) < FEW_CONVERSIONS
    ranges, value_ranges = interval or (None, None)
    return [
        Credit(
            model=model,
            channel=channel,
            conversions=float(conversions[place]),
            value=None if values is None else values[place],
            removal_effect=None if effects is None else float(effects[place]),
            has_too_few_paths=bool(is_few[place]),
            conversions_interval=None if ranges is None else (float(ranges[0, place]), float(ranges[1, place])),
            value_interval=None
            if value_ranges is None
            else (to_cents(value_ranges[0, place]), to_cents(value_ranges[1, place])),
        )
        for place, channel in enumerate(paths.channels)
    ]
