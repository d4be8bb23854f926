"""Functions of our own that a SELECT may call: what is mathematics and not a query.

Belongs here: their names and types in SQL, and the way from rows to smm_pipeline.attribution and back.
Does not belong here: the mathematics itself. Spark knows Python functions under the same names;
tests/contract/portable_sql.py lists them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb

SEPARATOR = "\x1f"
"""Between the touches of a path; it stands in no name."""
ATTRIBUTION_MODELS = "attribution_models"
DRAWS = 200
"""Of the bootstrap: an interval ends at the fifth draw from either end, and a large shop has 24 windows a year."""
_PATHS = "STRUCT(path VARCHAR, conversions BIGINT, nulls BIGINT, amount DECIMAL(18, 4))[]"
_CREDITS = (
    "STRUCT(model VARCHAR, unit VARCHAR, credited_orders DOUBLE, credited_orders_low DOUBLE, "
    "credited_orders_high DOUBLE, credited_revenue_amount DECIMAL(18, 4), credited_revenue_low_amount DECIMAL(18, 4), "
    "credited_revenue_high_amount DECIMAL(18, 4), removal_effect DOUBLE, touched_orders BIGINT, last_orders BIGINT, "
    "unconverted_paths BIGINT, has_too_few_paths BOOLEAN)[]"
)


def add_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to a connection; they live as long as it does."""
    con.create_function(ATTRIBUTION_MODELS, attribution_models, [_PATHS], _CREDITS)


def attribution_models(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the two models that look at all paths at once give each unit, and what units did on the paths.

    Args:
        told: distinct paths in any order: their units joined by `SEPARATOR`, conversions, nulls, and the amount.
    """
    # Every command opens a connection; few of them need numpy.
    from smm_pipeline.attribution import Model, Path, attribute, channel_counts, collect

    # The draws of the bootstrap follow the order of paths.
    paths = collect(
        Path(
            tuple(row["path"].split(SEPARATOR)),
            row["conversions"],
            row["nulls"],
            row["amount"] if row["conversions"] else Decimal(0),
        )
        for row in sorted(told, key=lambda row: str(row["path"]))
    )
    unconverted = paths.by_channel(paths.first_of_channel, paths.nulls)
    did = {
        counts.channel: (counts.touched_conversions, counts.last_conversions, int(nulls))
        for counts, nulls in zip(channel_counts(paths), unconverted, strict=True)
    }
    found = []
    for credit in attribute(paths, (Model.MARKOV, Model.SHAPLEY), with_intervals=True, draws=DRAWS):
        orders, amounts = credit.conversions_interval or (None, None), credit.value_interval or (None, None)
        touched, last, nulls = did[credit.channel]
        found.append(
            {
                "model": credit.model.value,
                "unit": credit.channel,
                "credited_orders": credit.conversions,
                "credited_orders_low": orders[0],
                "credited_orders_high": orders[1],
                "credited_revenue_amount": credit.value,
                "credited_revenue_low_amount": amounts[0],
                "credited_revenue_high_amount": amounts[1],
                "removal_effect": credit.removal_effect,
                "touched_orders": touched,
                "last_orders": last,
                "unconverted_paths": nulls,
                "has_too_few_paths": credit.has_too_few_paths,
            }
        )
    return found
