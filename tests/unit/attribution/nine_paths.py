"""Nine paths of three channels, small enough to be solved by hand; test_nine_paths.py holds the solutions."""

from __future__ import annotations

from decimal import Decimal

from smm_pipeline.attribution import Path, Paths, collect

T, S, D = "Telegram", "Search", "Direct"
TOLERANCE = 1e-9

NINE = [
    Path((T,), 1, 3, Decimal("10.00")),
    Path((S,), 2, 2, Decimal("25.50")),
    Path((D,), 1, 1, Decimal("9.99")),
    Path((T, D), 2, 2, Decimal("40.01")),
    Path((T, S), 3, 1, Decimal("60.00")),
    Path((S, D), 1, 1, Decimal("12.35")),
    Path((S, T), 0, 2, Decimal("0")),
    Path((T, S, D), 4, 2, Decimal("100.00")),
    Path((D, T, D), 1, 1, Decimal("7.77")),
]


def nine_paths() -> Paths:
    """The nine paths as arrays: 15 conversions worth 265.62, and 15 paths without."""
    return collect(NINE)
