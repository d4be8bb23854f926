"""How far rows of raw tables reach: steps add up on the longest way."""

from __future__ import annotations

from typing import Any

import pytest

from smm_pipeline.catalog import Catalog, ColumnSpec, Layer, TableSpec
from smm_pipeline.warehouse.reach import Reach, raw_reach
from tests.project_catalog import project_catalog


def _table(layer: Layer, name: str, reads: str = "", **options: Any) -> TableSpec:
    return TableSpec(
        layer=layer,
        name=name,
        description="",
        grain="",
        key=("d",),
        columns=(ColumnSpec("d", "DATE", ""),),
        sql=f"select d from {reads}" if reads else None,
        **{"partition": "d", **options},
    )


def test_steps_add_up_on_the_longest_way() -> None:
    """Ways back and ahead are looked at apart; all is all, and so is what has no days."""
    tables = [
        _table("raw", "near"),
        _table("raw", "any_later"),
        _table("raw", "dayless", partition=None),
        _table("raw", "by_a_dayless"),
        _table("raw", "stranger"),
        _table("staging", "s", "raw.near", lookback_days={"raw.near": 2}, lookahead_days={"raw.near": 1}),
        _table("staging", "list", "raw.by_a_dayless", partition=None),
        _table(
            "core",
            "c",
            "staging.s, raw.near, raw.any_later, raw.dayless, staging.list",
            lookback_days={"staging.s": 30},
            lookahead_days={"raw.near": 5, "raw.any_later": "all"},
        ),
        _table("kpi", "k", "core.c", lookback_days={"core.c": 7}),
    ]
    catalog = Catalog({t.full_name: t for t in tables})
    assert raw_reach(catalog, catalog["kpi.k"]) == {
        "raw.any_later": Reach(7, "all"),
        "raw.by_a_dayless": Reach("all", "all"),
        "raw.dayless": Reach("all", "all"),
        "raw.near": Reach(39, 5),
    }


@pytest.mark.parametrize(
    ("table", "raw", "expected"),
    [
        # Of one order: 90 in which its device may be shared, 90 of the orders that show it so, a day for the visit that
        # names an order, and one for the night in which it began. Of its path, 89 more; of the windows of paths, 31.
        ("core.fct_model_credit", "raw.web_event", 302),
        ("core.fct_attribution_credit", "raw.web_event", 182),
        ("core.fct_order_benefit", "raw.web_event", 182),
    ],
)
def test_the_reach_of_credit(table: str, raw: str, expected: int) -> None:
    assert raw_reach(project_catalog(), project_catalog()[table])[raw].before == expected
