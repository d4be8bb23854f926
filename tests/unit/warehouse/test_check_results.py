"""Which verdicts quality.check_results holds after builds that pass, warn, fail and are taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.catalog import TableSpec
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Settings
from smm_pipeline.validation import Verdict
from smm_pipeline.warehouse.audits import BuildResult, forget_rolled_back
from smm_pipeline.warehouse.build import build_table
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView, bump
from tests.commands import TEST_KEY
from tests.dagster_project import make_instance, make_project

FIRST = date(2026, 3, 1)


class Workshop:
    """The small project's table of sales over five days, built with verdicts of the test's choosing."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, settings: Settings) -> None:
        catalog = make_project(folder)
        ensure_schema(con, catalog, settings)
        bump(con, "raw.sale", [str(FIRST + timedelta(days=n)) for n in range(5)], run_id="1")
        self.con, self.settings, self.catalog = con, settings, catalog
        self.spec: TableSpec = catalog["staging.stg_sale"]
        self.view = StateView(con, catalog, settings)

    def build(self, first: int, last: int, status: str, severity: str = "critical", odd: int = 31) -> BuildResult:
        """Build the days first..last of March, with one verdict; whatever holds the odd day gives a warning."""

        def validate(*_args: object, days: Sequence[date], **_kwargs: object) -> Sequence[Verdict]:
            found = ("warning", "failed") if date(2026, 3, odd) in days else (severity, status)
            return [Verdict("amount", "any", *found, None, None, 0, "Amounts")]  # type: ignore[arg-type] # a test's words

        days = [date(2026, 3, day) for day in range(first, last + 1)]
        return build_table(
            self.con, self.spec, days, self.settings, self.view, run_id="1", validate=validate
        )  # fmt: skip

    def verdicts(self) -> list[tuple[str, str]]:
        """Windows and statuses on record."""
        rows = self.con.execute("select partition_key, status from quality.check_results order by all").fetchall()
        return [(str(key), str(status)) for key, status in rows]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setenv(PERSON_KEY_VARIABLE, TEST_KEY)
    settings = make_instance(tmp_path / "home")
    with connect(settings) as con:
        yield Workshop(con, tmp_path / "project", settings)


def test_a_wider_build_takes_the_place_of_a_narrower_one(workshop: Workshop) -> None:
    workshop.build(2, 2, "failed", "warning")
    workshop.build(1, 3, "passed")
    assert workshop.verdicts() == [("2026-03-01/2026-03-03", "passed")]


def test_a_warning_on_other_days_outlives_a_narrower_build(workshop: Workshop) -> None:
    workshop.build(1, 3, "passed", odd=2)
    workshop.build(3, 4, "passed", odd=2)
    assert workshop.verdicts() == [("2026-03-01/2026-03-03", "failed"), ("2026-03-03/2026-03-04", "passed")]


def test_a_warning_is_gone_when_its_days_are_mended(workshop: Workshop) -> None:
    """The days that were built with the mended one are looked at again, with it."""
    workshop.build(1, 3, "passed", odd=2)
    workshop.build(2, 2, "passed")
    assert workshop.verdicts() == [("2026-03-01/2026-03-03", "passed")]


def test_a_rolled_back_build_is_forgotten_once_any_of_its_days_is_built(workshop: Workshop) -> None:
    assert workshop.build(1, 4, "failed").status == "failed"
    assert workshop.build(3, 5, "passed").status == "built"
    assert workshop.verdicts() == [("2026-03-03/2026-03-05", "passed")]


def test_a_rolled_back_build_that_nobody_needs_any_more_is_forgotten(workshop: Workshop) -> None:
    workshop.build(1, 2, "failed", "warning")
    workshop.build(4, 5, "failed")
    forget_rolled_back(workshop.con, workshop.spec)
    assert workshop.verdicts() == [("2026-03-01/2026-03-02", "failed")]


def test_what_failed_on_demand_is_built_again_by_the_next_run(workshop: Workshop) -> None:
    """Fresh days built anew that fail are not fresh any more, or the next run would forget the failure and publish."""
    workshop.build(1, 5, "passed")
    workshop.build(2, 3, "failed")
    view = StateView(workshop.con, workshop.catalog, workshop.settings)
    assert view.stale_keys(workshop.spec) == ["2026-03-02", "2026-03-03"]


def test_a_check_of_the_newest_day_has_one_verdict(workshop: Workshop) -> None:
    """It failed on the fourth, passes on the fifth, and a late correction of the first says nothing of now."""
    newest = "insert into raw.sale by name select ? as sale_id, ?::date as sale_date_local, true as _is_current"
    entry = {"id": "amount", "type": "any", "about": "now"}
    workshop.spec = replace(workshop.spec, suite={"expectations": [entry]})
    workshop.con.execute(newest, ["s4", "2026-03-04"])
    workshop.build(1, 4, "failed", "warning")
    assert workshop.verdicts() == [("2026-03-01/2026-03-04", "failed")]
    workshop.con.execute(newest, ["s5", "2026-03-05"])
    workshop.build(5, 5, "passed")
    workshop.build(1, 1, "failed", "warning")
    assert workshop.verdicts() == [("2026-03-05", "passed")]
