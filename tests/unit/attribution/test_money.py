"""Cents: nothing is lost, and what is left over goes where most was cut off."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from smm_pipeline.attribution.money import shared_out, total_of


@pytest.mark.parametrize(
    ("total", "parts", "expected"),
    [
        ("100.00", [100 / 3] * 3, ["33.34", "33.33", "33.33"]),
        ("0.01", [0.0049, 0.0051], ["0.00", "0.01"]),
        ("10.00", [0, 10], ["0.00", "10.00"]),
        # 0.1 + 0.2 is a little more than 0.3, and a third of 0.9 a little less: both are 0.30.
        ("0.60", [0.1 + 0.2, 0.9 / 3], ["0.30", "0.30"]),
        # A refund was more than its order: the sum is below zero.
        ("-5.00", [-5 / 3, -10 / 3], ["-1.67", "-3.33"]),
        ("1.00", [-0.335, 1.335], ["-0.33", "1.33"]),
        # Too large for cents in floating point: whatever they are off by is shared out too.
        ("99999999999999.99", [33333333333333.33] * 3, ["33333333333333.33"] * 3),
        ("0.00", [0, 0], ["0.00", "0.00"]),
    ],
)
def test_parts_sum_to_the_total(total: str, parts: list[float], expected: list[str]) -> None:
    found = shared_out(Decimal(total), np.array(parts))
    assert sum(found) == Decimal(total)
    assert found == [Decimal(part) for part in expected]


def test_many_random_parts_sum_to_their_total_and_none_is_a_cent_off() -> None:
    random = np.random.default_rng(5)
    for _ in range(200):
        total = Decimal(int(random.integers(0, 10**9))) / 100
        parts = float(total) * random.dirichlet(np.ones(int(random.integers(1, 40))))
        found = shared_out(total, parts)
        assert sum(found) == total
        assert all(abs(float(one) - part) < 0.01 + 1e-6 for one, part in zip(found, parts, strict=True))


def test_the_sum_is_rounded_once() -> None:
    assert total_of([Decimal("0.004")] * 5) == Decimal("0.02")
    assert total_of([Decimal("0.005")]) == Decimal("0.01")
    assert total_of([]) == Decimal("0.00")
