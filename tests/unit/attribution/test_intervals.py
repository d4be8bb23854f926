"""Intervals against distributions that are known, and their being the same each time."""

from __future__ import annotations

from decimal import Decimal
from math import comb

import pytest

from smm_pipeline.attribution import Model, Path, attribute, collect
from tests.unit.attribution.nine_paths import nine_paths


def _binomial_percentile(trials: int, chance: float, share: float) -> int:
    """The least number that this share of a binomial distribution does not exceed."""
    reached = 0.0
    for number in range(trials + 1):
        reached += comb(trials, number) * chance**number * (1 - chance) ** (trials - number)
        if reached >= share:
            return number
    return trials


@pytest.mark.parametrize("model", [Model.LAST, Model.MARKOV, Model.SHAPLEY])
def test_one_channel_with_one_path_is_a_binomial(model: Model) -> None:
    """100 paths of which 40 convert, for 10.00 each: conversions from 31 to 50, value ten times that."""
    bounds = [_binomial_percentile(100, 0.4, share) for share in (0.025, 0.975)]
    assert bounds == [31, 50]
    [credit] = attribute(collect([Path(("A",), 40, 60, Decimal(400))]), [model], with_intervals=True)
    assert credit.conversions_interval is not None
    assert list(credit.conversions_interval) == pytest.approx(bounds, abs=1)
    cent = Decimal("0.01")
    assert credit.value_interval == tuple(Decimal(bound).quantize(cent) * 10 for bound in credit.conversions_interval)


def test_without_other_paths_all_conversions_are_drawn_again() -> None:
    """Paths without a conversion unknown: one channel keeps its 40; two share them by a binomial of 40."""
    [alone] = attribute(collect([Path(("A",), 40)]), [Model.LINEAR], with_intervals=True)
    assert alone.conversions_interval == (40.0, 40.0)
    first, second = attribute(collect([Path(("A",), 10), Path(("B",), 30)]), [Model.LINEAR], with_intervals=True)
    bounds = [_binomial_percentile(40, 0.25, share) for share in (0.025, 0.975)]
    assert list(first.conversions_interval or ()) == pytest.approx(bounds, abs=1)
    assert list(second.conversions_interval or ()) == pytest.approx([40 - bound for bound in reversed(bounds)], abs=1)
    assert first.value_interval is None


def test_intervals_are_the_same_each_time_and_whatever_models_stand_beside() -> None:
    all_models = attribute(nine_paths(), with_intervals=True)
    assert attribute(nine_paths(), with_intervals=True) == all_models
    alone = attribute(nine_paths(), [Model.MARKOV], with_intervals=True)
    assert alone == [credit for credit in all_models if credit.model is Model.MARKOV]


@pytest.mark.parametrize("model", Model)
def test_figures_lie_within_their_intervals(model: Model) -> None:
    for credit in attribute(nine_paths(), [model], with_intervals=True):
        assert credit.conversions_interval is not None
        assert credit.value_interval is not None
        assert credit.value is not None
        assert credit.conversions_interval[0] <= credit.conversions <= credit.conversions_interval[1]
        assert credit.value_interval[0] <= credit.value <= credit.value_interval[1]
        assert credit.conversions_interval[0] < credit.conversions_interval[1]


def test_intervals_are_left_out_unless_asked_for() -> None:
    assert {(c.conversions_interval, c.value_interval) for c in attribute(nine_paths())} == {(None, None)}
