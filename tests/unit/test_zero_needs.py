"""`zero_needs` of a table's description: what is read, and what is refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.catalog import load_catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import PROJECT_ROOT
from smm_pipeline.zero_needs import ZeroNeed, read_zero_needs

TABLE = Path("sql") / "kpi" / "kpi_daily_share_of_voice.yml"
SECTION = "\ncolumns:"


def test_days_are_those_of_the_row_unless_said_otherwise() -> None:
    entries: list[dict[str, Any]] = [
        {"contracts": ["mention"], "columns": ["mentions"]},
        {"contracts": ["shop_order"], "columns": ["orders"], "days": ["-core_window_days", 30]},
        {"contracts": ["shop_order"], "columns": ["orders"], "days": "month"},
        {"contracts": ["mention"], "columns": ["reach"], "where": "is_own", "is_optional": True},
        {"figure": "kpi", "verdicts": ["state"], "days": ["starts_on", "as_of_date"], "reason": "why"},
    ]
    assert read_zero_needs(entries) == (
        ZeroNeed(("raw.mention",), ("mentions",), days=(0, 0)),
        ZeroNeed(("raw.shop_order",), ("orders",), days=("-core_window_days", 30)),
        ZeroNeed(("raw.shop_order",), ("orders",), days="month"),
        ZeroNeed(("raw.mention",), ("reach",), where="is_own", is_optional=True),
        ZeroNeed((), (), ("state",), ("starts_on", "as_of_date"), figure="kpi", reason="why"),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "zero_needs: [{contracts: [mention], columns: [orders]}]",
            "unknown columns in zero_needs or follows: ['orders']",
        ),
        ("zero_needs: [{contracts: [mentions], columns: [reach]}]", "no contracts with days: ['raw.mentions']"),
        ("zero_needs: [{contracts: [shop_product], columns: [reach]}]", "no contracts with days: ['raw.shop_product']"),
        ("zero_needs: [{columns: [reach]}]", "KeyError('contracts')"),
        ("zero_needs: [{contracts: [mention], columns: [reach], day: [0, 1]}]", "zero_needs knows no day"),
        ("follows: {reach: mentions}", "follows names columns without zero_needs: ['mentions']"),
    ],
)
def test_a_wrong_entry_is_told(tmp_path: Path, line: str, said: str) -> None:
    for folder in ("sql", "expectations"):
        shutil.copytree(PROJECT_ROOT / folder, tmp_path / folder)
    text = (tmp_path / TABLE).read_text(encoding="utf-8")
    (tmp_path / TABLE).write_text(f"{text.partition('zero_needs:')[0]}{line}{SECTION}{text.rpartition(SECTION)[2]}")
    with pytest.raises(SmmError) as caught:
        load_catalog(tmp_path)
    assert caught.value.code == "SMM-105"
    assert said in str(caught.value)
