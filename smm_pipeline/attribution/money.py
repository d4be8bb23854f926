"""Amounts to the cent.

Belongs here: sharing an amount out so that the parts sum to it. Does not belong here: who gets what.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from smm_pipeline.attribution.paths import FloatArray

CENT = Decimal("0.01")


def to_cents(amount: Decimal | float) -> Decimal:
    """An amount rounded to the cent."""
    return Decimal(amount).quantize(CENT, ROUND_HALF_UP)


def total_of(values: Iterable[Decimal]) -> Decimal:
    """The exact sum of amounts, rounded to the cent once."""
    return to_cents(sum(values, Decimal(0)))


def shared_out(total: Decimal, parts: FloatArray) -> list[Decimal]:
    """Parts as whole cents that sum to the total: the largest remainders get the cents that cutting leaves over.

    Args:
        total: an amount in whole cents.
        parts: what each should get, summing to the total but for rounding; of equal remainders the first goes first.
    """
    cents = parts * 100
    # What differs from a whole cent by the noise of floating point alone is that cent.
    cut = np.floor(cents + 1e-6)
    by_remainder = np.argsort(cut - cents, kind="stable").tolist()
    # Sums of cents are whole numbers of any size from here on; floating point would lose them from 10^14 on.
    whole = [int(amount) for amount in cut]
    each, more = divmod(int(total.scaleb(2)) - sum(whole), len(whole))
    extra = set(by_remainder[:more])
    return [(amount + each + (place in extra)) * CENT for place, amount in enumerate(whole)]
