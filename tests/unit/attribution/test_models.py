"""The models against slow ways of computing the same, on tables drawn at random, and at the edges."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import combinations, pairwise, permutations
from math import factorial

import numpy as np
import pytest

from smm_pipeline.attribution import Model, Path, attribute, collect, journey_figures
from smm_pipeline.attribution.models import FEW_CONVERSIONS
from tests.unit.attribution.nine_paths import TOLERANCE

SEEDS = range(12)


def _drawn(seed: int, channels: int, paths: int = 60) -> list[Path]:
    """Paths of up to six touches, with repeats, and some that never convert."""
    random = np.random.default_rng(seed)
    names = [f"channel {n}" for n in range(channels)]
    return [
        Path(
            tuple(str(name) for name in random.choice(names, random.integers(1, 7))),
            int(random.poisson(1)),
            int(random.poisson(3)),
        )
        for _ in range(paths)
    ]


def _credited(told: list[Path], model: Model, half_life_days: float = 7) -> dict[str, float]:
    found = attribute(collect(told), [model], half_life_days=half_life_days)
    return {credit.channel: credit.conversions for credit in found}


def _chance(told: list[Path], without: str | None = None) -> float:
    """The chance to convert, by the whole chain with its absorbing states, as one linear system of named states.

    What comes to the channel taken out ends in null.
    """
    states = ["start", *sorted({channel for path in told for channel in path.channels}), "conversion", "null"]
    place = {state: n for n, state in enumerate(states)}
    counts = np.zeros((len(states), len(states)))
    for path in told:
        for ending, times in (("conversion", path.conversions), ("null", path.nulls)):
            steps = ["start", *path.channels, ending]
            for one, other in pairwise(steps):
                counts[place[one], place["null" if other == without else other]] += times
    chances = np.eye(len(states))
    for state in states[:-2]:
        if counts[place[state]].any():
            chances[place[state]] -= counts[place[state]] / counts[place[state]].sum()
    wanted = np.zeros(len(states))
    wanted[place["conversion"]] = 1.0
    return float(np.linalg.solve(chances, wanted)[place["start"]])


@pytest.mark.parametrize("seed", SEEDS)
def test_removal_effects_are_those_of_a_chain_that_is_solved_anew_without_each_channel(seed: int) -> None:
    told = _drawn(seed, channels=2 + seed % 6)
    whole = _chance(told)
    found = attribute(collect(told), [Model.MARKOV])
    expected = {credit.channel: 1 - _chance(told, credit.channel) / whole for credit in found}
    assert {c.channel: c.removal_effect for c in found} == pytest.approx(expected, abs=TOLERANCE)
    conversions = sum(path.conversions for path in told)
    shares = {channel: conversions * effect / sum(expected.values()) for channel, effect in expected.items()}
    assert {c.channel: c.conversions for c in found} == pytest.approx(shares, abs=TOLERANCE)


def _worth(told: list[Path], coalition: frozenset[str]) -> int:
    return sum(path.conversions for path in told if coalition.issuperset(path.channels))


@pytest.mark.parametrize("seed", SEEDS)
def test_shapley_is_the_mean_of_what_a_channel_adds_over_all_orders_of_coming(seed: int) -> None:
    told = _drawn(seed, channels=2 + seed % 5, paths=25)
    channels = sorted({channel for path in told for channel in path.channels})
    worth = {
        frozenset(chosen): _worth(told, frozenset(chosen))
        for size in range(len(channels) + 1)
        for chosen in combinations(channels, size)
    }
    added = dict.fromkeys(channels, 0)
    for order in permutations(channels):
        for place, channel in enumerate(order):
            added[channel] += worth[frozenset(order[: place + 1])] - worth[frozenset(order[:place])]
    expected = {channel: total / factorial(len(channels)) for channel, total in added.items()}
    assert _credited(told, Model.SHAPLEY) == pytest.approx(expected, abs=TOLERANCE)


def test_shapley_is_exact_beyond_fifteen_channels() -> None:
    """Seventeen channels: the sum over all 131,072 coalitions, each a number whose bits are its channels."""
    size = 17
    told = _drawn(3, channels=size, paths=300)
    channels = sorted({channel for path in told for channel in path.channels})
    assert len(channels) == size
    worth = np.zeros(1 << size)
    for path in told:
        worth[sum(1 << channels.index(channel) for channel in set(path.channels))] += path.conversions
    coalitions = np.arange(1 << size)
    members = np.zeros(1 << size, dtype=np.int64)
    for bit in range(size):
        has = (coalitions >> bit & 1).astype(bool)
        worth[has] += worth[coalitions[has] ^ (1 << bit)]
        members += has
    weight = np.array([factorial(n) * factorial(size - n - 1) / factorial(size) for n in range(size)])
    expected = {}
    for bit, channel in enumerate(channels):
        lacking = coalitions[(coalitions >> bit & 1) == 0]
        expected[channel] = float((weight[members[lacking]] * (worth[lacking | 1 << bit] - worth[lacking])).sum())
    assert _credited(told, Model.SHAPLEY) == pytest.approx(expected, abs=TOLERANCE)


def test_the_chain_of_three_paths_that_the_field_explains_it_by() -> None:
    """C1 > C2 > C3 converts, C1 and C2 > C3 do not: without C1 half of the chance is left, without the others none."""
    told = [Path(("C1", "C2", "C3"), 1, 0), Path(("C1",), 0, 1), Path(("C2", "C3"), 0, 1)]
    found = attribute(collect(told), [Model.MARKOV])
    assert [c.removal_effect for c in found] == pytest.approx([0.5, 1, 1], abs=TOLERANCE)
    assert [c.conversions for c in found] == pytest.approx([0.2, 0.4, 0.4], abs=TOLERANCE)


def test_a_channel_touched_twice_in_a_row_changes_nothing_in_the_chain_and_in_shapley() -> None:
    once = [Path(("A", "B"), 3, 2), Path(("B", "A"), 1, 4), Path(("A",), 1, 1)]
    twice = [Path(("A", "A", "B", "B", "B"), 3, 2), Path(("B", "B", "A"), 1, 4), Path(("A", "A", "A"), 1, 1)]
    for model in (Model.MARKOV, Model.SHAPLEY):
        assert _credited(twice, model) == pytest.approx(_credited(once, model), abs=TOLERANCE)


def test_a_channel_that_never_converts_gets_nothing_by_any_model() -> None:
    """It stands by on no path that converts; N stands for itself, and A before it leads to nothing."""
    told = [Path(("A",), 4, 1), Path(("N",), 0, 3), Path(("A", "N"), 0, 2)]
    for model in Model:
        assert _credited(told, model) == pytest.approx({"A": 4, "N": 0}, abs=TOLERANCE)


def test_paths_of_one_channel_alone_are_their_channels() -> None:
    told = [Path(("A",), 4, 1), Path(("B",), 1, 9)]
    for model in Model:
        assert _credited(told, model) == pytest.approx({"A": 4, "B": 1}, abs=TOLERANCE)


def test_paths_without_a_conversion_count_in_the_chain_and_nowhere_else() -> None:
    """With them A still starts 4 of 5 paths, but 8 of its 12 go nowhere."""
    bare = [Path(("A",), 4), Path(("B",), 1)]
    with_nulls = [Path(("A", "B"), 4, 0), Path(("A",), 0, 8), Path(("B",), 1, 1)]
    # Without nulls everything converts: removing A costs 4 of 5 conversions.
    assert [c.removal_effect for c in attribute(collect(bare), [Model.MARKOV])] == pytest.approx([0.8, 0.2])
    # b = 5/6, a = b / 3 of the 14 paths, 12 by A: P = (12 a + 2 b) / 14 = 5/14; without A 2 b / 14, without B 0.
    found = [c.removal_effect for c in attribute(collect(with_nulls), [Model.MARKOV])]
    assert found == pytest.approx([2 / 3, 1], abs=TOLERANCE)
    without = [Path(path.channels, path.conversions) for path in with_nulls]
    for model in set(Model) - {Model.MARKOV}:
        assert _credited(with_nulls, model) == _credited(without, model)


def test_where_nothing_converted_there_is_nothing_to_share_and_no_removal_effect() -> None:
    told = [Path(("A", "B"), 0, 3, Decimal(0)), Path(("B",), 0, 0, Decimal(0))]
    found = attribute(collect(told), with_intervals=True)
    assert {(c.conversions, c.value, c.removal_effect, c.conversions_interval) for c in found} == {
        (0.0, Decimal(0), None, (0.0, 0.0))
    }
    figures = journey_figures(collect(told))
    assert (figures.conversions, figures.median_length) == (0, None)
    empty = attribute(collect([Path(("A",), 0, 0)]), with_intervals=True)
    assert {(c.conversions, c.conversions_interval) for c in empty} == {(0.0, (0.0, 0.0))}


@pytest.mark.parametrize("direct", [["Direct"], ["(direct) / (none)", "DIRECT"]])
def test_last_non_direct_passes_over_what_is_named_direct_and_not_over_a_path_of_nothing_else(
    direct: list[str],
) -> None:
    told = [Path(("VK", "direct", "Direct"), 2), Path(("Direct", "direct"), 3), Path(("VK", "Directory"), 1)]
    found = attribute(collect(told), [Model.LAST_NON_DIRECT], direct=direct)
    assert {c.channel: c.conversions for c in found} == {"VK": 2, "direct": 3, "Direct": 0, "Directory": 1}


def test_time_decay_takes_the_ages_of_touches_where_they_are_known() -> None:
    """Touches 14, 7 and 0 days before weigh 1, 2 and 4; the same a year earlier; a step back counts as a day else."""
    told = [Path(("A", "B", "C"), 7, ages_days=(14, 7, 0)), Path(("A", "B", "C"), 7, ages_days=(379, 372, 365))]
    assert _credited(told, Model.TIME_DECAY) == pytest.approx({"A": 2, "B": 4, "C": 8}, abs=TOLERANCE)
    assert _credited(told, Model.TIME_DECAY, half_life_days=3.5) == pytest.approx(
        {"A": 14 / 21, "B": 14 * 4 / 21, "C": 14 * 16 / 21}, abs=TOLERANCE
    )
    steps = _credited([Path(("A", *["B"] * 7), 1)], Model.TIME_DECAY)
    assert steps["A"] == pytest.approx(0.5 / sum(2 ** (-n / 7) for n in range(8)), abs=TOLERANCE)


def test_lag_is_the_age_of_the_first_touch() -> None:
    """Nine conversions after 2 days, one after 30; half and nine of ten are within 2."""
    told = [Path(("A", "B"), 9, ages_days=(2, 0)), Path(("A", "B"), 1, 5, ages_days=(30, 0))]
    figures = journey_figures(collect(told))
    assert (figures.median_lag_days, figures.p90_lag_days) == (2, 2)
    figures = journey_figures(collect([*told, Path(("B", "B"), 1, ages_days=(4, 1))]))
    assert (figures.median_lag_days, figures.p90_lag_days) == (2, 4)


def test_equal_paths_are_added_up_and_the_order_stays() -> None:
    told = [
        Path(("B", "A"), 1, 2, Decimal("1.005")),
        Path(("A",), 2, 0, Decimal(3)),
        Path(("B", "A"), 3, 4, Decimal("2.005")),
    ]
    paths = collect(told)
    assert (paths.channels, paths.repeats) == (("B", "A"), 1)
    assert (paths.conversions.tolist(), paths.nulls.tolist()) == ([4, 2], [6, 0])
    # Cents are cut once, at the sum: 3.01 and not 1.01 + 2.01.
    assert paths.values == (Decimal("3.010"), Decimal(3))
    assert [c.value for c in attribute(paths, [Model.LAST])] == [Decimal("0.00"), Decimal("6.01")]


def test_a_channel_with_few_conversions_on_its_paths_is_flagged_by_every_model() -> None:
    enough = FEW_CONVERSIONS
    told = [Path(("Big", "Little", "Big"), enough - 1, 500), Path(("Big",), 1, 0), Path(("None",), 0, 9000)]
    for credit in attribute(collect(told)):
        assert credit.has_too_few_paths is (credit.channel != "Big"), credit


@pytest.mark.parametrize(
    "told",
    [
        list,
        lambda: [Path((), 1)],
        lambda: [Path(("A", ""), 1)],
        lambda: [Path(("A",), -1)],
        lambda: [Path(("A",), 1, -1)],
        lambda: [Path(("A",), 0, 1, Decimal(5))],
        lambda: [Path(("A",), 1, 0, Decimal(5)), Path(("B",), 1)],
        lambda: [Path(("A",), 1, ages_days=(1, 2))],
        lambda: [Path(("A",), 1, ages_days=(-1,))],
    ],
)
def test_paths_that_are_none_are_the_callers_mistake(told: Callable[[], list[Path]]) -> None:
    with pytest.raises(ValueError, match=r"path|channel|counts|value|ages"):
        collect(told())
