"""Every model on nine paths solved by hand; the working stands beside each figure."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from smm_pipeline.attribution import Model, attribute, channel_counts, journey_figures
from tests.unit.attribution.nine_paths import NINE, TOLERANCE, D, S, T, nine_paths

# Half-life of 7 days, a step back a day: a touch one step older weighs Q times as much.
Q = 2 ** (-1 / 7)
TWO, THREE = 1 + Q, 1 + Q + Q * Q

# Who gets a whole path: by its first, last and last non-direct touch, the conversions of the paths summed.
BY_HAND: dict[Model, dict[str, float | Fraction]] = {
    Model.FIRST: {T: 1 + 2 + 3 + 4, S: 2 + 1 + 0, D: 1 + 1},
    Model.LAST: {T: 1 + 0, S: 2 + 3, D: 1 + 2 + 1 + 4 + 1},
    Model.LAST_NON_DIRECT: {T: 1 + 2 + 0 + 1, S: 2 + 3 + 1 + 4, D: 1},
    # Halves of paths of two touches, thirds of paths of three; D > T > D gives Direct two of them.
    Model.LINEAR: {T: Fraction(31, 6), S: Fraction(16, 3), D: Fraction(9, 2)},
    # Of T > S > D with 4 conversions: 1.6, 0.8, 1.6; of D > T > D with one: 0.4 + 0.4 and 0.2.
    Model.POSITION_BASED: {T: 1 + 1 + 1.5 + 1.6 + 0.2, S: 2 + 1.5 + 0.5 + 0.8, D: 1 + 1 + 0.5 + 1.6 + 0.8},
    Model.TIME_DECAY: {
        T: 1 + (2 + 3) * Q / TWO + 4 * Q * Q / THREE + Q / THREE,
        S: 2 + 3 / TWO + Q / TWO + 4 * Q / THREE,
        D: 1 + 2 / TWO + 1 / TWO + 4 / THREE + (1 + Q * Q) / THREE,
    },
    # As linear, but D > T > D is the set {D, T}: half each.
    Model.SHAPLEY: {T: Fraction(16, 3), S: Fraction(16, 3), D: Fraction(13, 3)},
}

# The chain. Of 30 paths 18 start with T, 8 with S, 4 with D. T is left 22 times: 1 to conversion, 5 to null, 10 to S,
# 6 to D. S 18 times: 5 to conversion, 3 to null, 2 to T, 8 to D. D 18 times: 9 to conversion, 7 to null, 2 to T.
# All of it converts with 15 / 30. Without a channel, with t, s, d the chances to convert from the others:
# without T: d = 9/18, s = 5/18 + 8/18 d = 1/2; (8 s + 4 d) / 30 = 1/5
# without S: 22 t = 1 + 6 d, 18 d = 9 + 2 t, so t = 3/16, d = 25/48; (18 t + 4 d) / 30 = 131/720
# without D: 22 t = 1 + 10 s, 18 s = 5 + 2 t, so t = 17/94, s = 14/47; (18 t + 8 s) / 30 = 53/282
LEFT_WITHOUT = {T: Fraction(1, 5), S: Fraction(131, 720), D: Fraction(53, 282)}
EFFECTS = {channel: 1 - left / Fraction(1, 2) for channel, left in LEFT_WITHOUT.items()}
BY_HAND[Model.MARKOV] = {channel: 15 * effect / sum(EFFECTS.values()) for channel, effect in EFFECTS.items()}


@pytest.mark.parametrize("model", Model)
def test_model_gives_what_was_worked_out_by_hand(model: Model) -> None:
    found = {credit.channel: credit.conversions for credit in attribute(nine_paths(), [model])}
    assert found == pytest.approx({channel: float(n) for channel, n in BY_HAND[model].items()}, abs=TOLERANCE)
    assert sum(found.values()) == pytest.approx(15, abs=TOLERANCE)


def test_removal_effects_stand_beside_the_markov_model_alone() -> None:
    effects = {credit.channel: credit.removal_effect for credit in attribute(nine_paths(), [Model.MARKOV])}
    assert effects == pytest.approx({T: 3 / 5, S: 229 / 360, D: 88 / 141}, abs=TOLERANCE)
    others = [model for model in Model if model is not Model.MARKOV]
    assert {credit.removal_effect for credit in attribute(nine_paths(), others)} == {None}


@pytest.mark.parametrize(
    ("model", "values"),
    [
        # 95.92833, 95.00833, 74.68333: the two cents that cutting leaves go to the two largest remainders.
        (Model.LINEAR, {T: "95.93", S: "95.01", D: "74.68"}),
        (Model.LAST, {T: "10.00", S: "85.50", D: "170.12"}),
        # 265.62 by the removal effects 0.6, 0.63611, 0.62411: 85.67353, 90.82980, 89.11667.
        (Model.MARKOV, {T: "85.67", S: "90.83", D: "89.12"}),
    ],
)
def test_value_is_shared_out_to_the_cent(model: Model, values: dict[str, str]) -> None:
    found = {credit.channel: credit.value for credit in attribute(nine_paths(), [model])}
    assert found == {channel: Decimal(value) for channel, value in values.items()}


@pytest.mark.parametrize("model", Model)
def test_value_of_the_channels_sums_to_that_of_the_paths(model: Model) -> None:
    values = [credit.value for credit in attribute(nine_paths(), [model]) if credit.value is not None]
    assert sum(values) == sum(path.value or 0 for path in NINE) == Decimal("265.62")


def test_models_stand_in_the_order_asked_for_and_channels_in_that_of_the_paths() -> None:
    found = [(c.model, c.channel) for c in attribute(nine_paths(), [Model.SHAPLEY, Model.FIRST])]
    assert found == [(model, channel) for model in ("shapley", "first") for channel in (T, S, D)]


def test_assists_lengths_and_counts() -> None:
    """Assisted by T: paths 4, 5, 8 and 9 of 2, 3, 4 and 1 conversions; by S: 6 and 8, of 1 and 4; D is always last."""
    counts = {
        c.channel: (c.touched_conversions, c.last_conversions, c.assisted_conversions, c.assisted_to_last_ratio)
        for c in channel_counts(nine_paths())
    }
    assert counts == {T: (11, 1, 10, 10.0), S: (10, 5, 5, 1.0), D: (9, 9, 0, 0.0)}
    figures = journey_figures(nine_paths())
    assert (figures.conversions, figures.nulls, figures.value) == (15, 15, Decimal("265.62"))
    # 4 conversions after one touch, 6 after two, 5 after three.
    assert (figures.median_length, figures.p90_length) == (2, 3)
    assert (figures.median_lag_days, figures.p90_lag_days) == (None, None)
