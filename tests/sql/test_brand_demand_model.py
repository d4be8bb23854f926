"""The expected level of kpi_daily_brand_demand against a general solver of least squares.

The SQL solves its model in closed form; here the same model is written out, with a column for each day of the week and
one for the trend, and solved by numpy. The quantile of Student's t is taken from printed tables.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from math import sqrt
from pathlib import Path

import duckdb
import numpy as np
import pytest

from smm_pipeline.settings import Settings, Shop
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.schema import create_tables
from tests.project_catalog import project_catalog

DAY = date(2026, 3, 29)
SPEC = project_catalog()["kpi.kpi_daily_brand_demand"]
T_975 = {20: 2.085963, 28: 2.048407, 40: 2.021075, 48: 2.010635}


@pytest.mark.parametrize(("seed", "ages"), [(1, range(1, 57)), (2, range(1, 29)), (3, [*range(1, 20), *range(40, 57)])])
def test_the_closed_form_is_least_squares(seed: int, ages: list[int], tmp_path: Path) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    counts = {age: 200 + 30 * (age % 7) - age + rng.randint(-25, 25) for age in ages}
    design = np.array([[float(age % 7 == place) for place in range(7)] + [-float(age)] for age in counts])
    counted = np.array(list(counts.values()), dtype=float)
    solution, *_ = np.linalg.lstsq(design, counted)
    freedom = len(counts) - 8
    spread = float(((counted - design @ solution) ** 2).sum()) / freedom
    wanted = np.array([1.0, 0, 0, 0, 0, 0, 0, 0])
    half = T_975[freedom] * sqrt(spread * (1 + wanted @ np.linalg.inv(design.T @ design) @ wanted))

    level, lower, upper = _built(counts, tmp_path)
    assert level == pytest.approx(solution[0], abs=1e-6)
    assert (lower, upper) == pytest.approx((solution[0] - half, solution[0] + half), abs=1e-4)


def _built(counts: dict[int, int], home: Path) -> tuple[float, float, float]:
    """What the SQL expects of DAY when the brand was searched so often on the days before."""
    settings = Settings(home=home, shop=Shop(name="Our Shop", time_zone="Europe/Kyiv", currency="UAH"))
    with duckdb.connect() as con:
        con.execute("create schema core")
        create_tables(con, [project_catalog()[name] for name in SPEC.deps])
        con.executemany(
            "insert into core.fct_search_day (metric_date, clicks, subject_kind, is_brand)"
            " values (?, ?, 'query', true)",
            [(DAY - timedelta(days=age), count) for age, count in (counts | {0: 1}).items()],
        )
        values = {**settings.sql_parameters(), **window_parameters(DAY, DAY, settings)}
        row = con.execute(
            "select expected_count, expected_lower_count, expected_upper_count"
            f" from ({SPEC.sql}) where signal = 'brand_search_clicks'",
            {name: values[name] for name in SPEC.parameters},
        ).fetchone()
    assert row is not None
    return row
