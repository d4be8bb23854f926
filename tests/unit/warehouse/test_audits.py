"""Loaded rows are audited whoever loaded them, once, and again when their suite has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline import pipeline
from smm_pipeline.catalog import Catalog
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Settings
from smm_pipeline.warehouse.connection import connect
from tests.commands import TEST_KEY
from tests.dagster_project import deliver, make_instance, make_project

FIRST = date(2026, 3, 1)
RAW, SEED, STAGED = "raw.sale", "seeds.shop_host", "staging.stg_sale"


class Shop:
    """The small project with three sales on two days, and what its runs find."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = make_instance(folder / "home", 'history_start = "2026-01-01"\n')
        self.catalog: Catalog = make_project(folder / "project")
        deliver(self.settings, "a", [("s1", FIRST, "10"), ("s2", FIRST, "20"), ("s3", FIRST + timedelta(days=1), "5")])

    def run(self) -> pipeline.RunSummary:
        """What `smm run` does, without the report, which needs the real KPI tables."""
        return pipeline.run(self.settings, self.catalog)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the work database."""
        with connect(self.settings) as con:
            return con.execute(sql).fetchall()

    def bound_amounts(self, maximum: int, table: str = RAW) -> None:
        """Let the suite of a table bound its amounts, critically."""
        spec = self.catalog[table]
        bound = {
            "id": "amount_small",
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "amount", "max_value": maximum},
            "severity": "critical",
            "description": "Amounts are small.",
        }
        entries = (spec.suite or {})["expectations"][:1]
        self.catalog = Catalog({**self.catalog.tables, table: replace(spec, suite={"expectations": [*entries, bound]})})


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv(PERSON_KEY_VARIABLE, TEST_KEY)
    monkeypatch.setattr(pipeline, "_report", lambda settings: settings.report_file)
    return Shop(tmp_path)


def _audited(summary: pipeline.RunSummary) -> list[tuple[str, tuple[str, ...]]]:
    return [(result.table, result.keys) for result in summary.audited]


def test_a_run_audits_what_an_ingest_before_it_has_loaded(shop: Shop) -> None:
    pipeline.ingest(shop.settings, shop.catalog)
    assert _audited(shop.run()) == [(SEED, ("all",)), (RAW, ("2026-03-01", "2026-03-02"))]
    checks = (
        "select table_name, check_id, status from quality.check_results "
        f"where table_name in ('{RAW}', '{SEED}') order by all"
    )
    assert shop.rows(checks) == [(RAW, "sale_id_present", "passed"), (SEED, "host_present", "passed")]
    assert _audited(shop.run()) == []


def test_a_later_delivery_is_audited_on_its_day_alone(shop: Shop) -> None:
    shop.run()
    deliver(shop.settings, "b", [("s3", FIRST + timedelta(days=1), "6")], version=2)
    pipeline.ingest(shop.settings, shop.catalog)
    assert _audited(shop.run()) == [(RAW, ("2026-03-02",))]


def test_a_critical_failure_of_what_an_ingest_loaded_publishes_nothing_until_it_is_mended(shop: Shop) -> None:
    shop.bound_amounts(15)
    pipeline.ingest(shop.settings, shop.catalog)
    for _ in range(2):
        summary = shop.run()
        assert [result.table for result in summary.failed] == [RAW]
        assert summary.publication is None
    shop.bound_amounts(20)
    mended = shop.run()
    assert not mended.failed
    assert mended.publication is not None
    assert shop.rows("select count(*) from quality.check_results where status <> 'passed'") == [(0,)]


def test_a_changed_suite_is_run_on_everything_that_was_loaded(shop: Shop) -> None:
    shop.run()
    shop.bound_amounts(100)
    assert _audited(shop.run()) == [(RAW, ("2026-03-01", "2026-03-02"))]
    assert shop.rows("select status from quality.check_results where check_id = 'amount_small'") == [("passed",)]


def test_a_changed_suite_of_a_built_table_is_run_on_all_its_days(shop: Shop) -> None:
    """What is built anew has the same rows, so that nothing after it is."""
    shop.run()
    shop.bound_amounts(100, STAGED)
    assert [(r.table, r.keys) for r in shop.run().built] == [(STAGED, ("2026-03-01", "2026-03-02"))]
    shop.bound_amounts(15, STAGED)
    assert [r.table for r in shop.run().failed] == [STAGED]
    assert [r.table for r in shop.run().failed] == [STAGED], "it is not forgotten"
