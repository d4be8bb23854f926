"""A table whose days fit into memory one by one, but not together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.catalog import TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Settings
from smm_pipeline.validation import Verdict
from smm_pipeline.warehouse.audits import BuildResult
from smm_pipeline.warehouse.build import build_table
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView, bump
from tests.commands import TEST_KEY
from tests.dagster_project import make_instance, make_project

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(4)]
# What string_agg gathers cannot be written to disk: kilobytes a day that all have to be in memory.
GREEDY = """
select 'sale of ' || day as sale_id, day as sale_date_local,
    cast(length(string_agg(repeat('x', 1000), '')) as decimal(18, 4)) as amount
from (select cast(unnest(generate_series($first_date, $last_date, interval 1 day)) as date) as day), range({kilobytes})
group by day
"""


class Workshop:
    """The small project with a greedy table, and the days that each audit was asked about."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, settings: Settings) -> None:
        self.con, self.settings, self.catalog = con, settings, make_project(folder)
        ensure_schema(con, self.catalog, settings)
        bump(con, "raw.sale", [str(day) for day in DAYS], run_id="1")
        self.audited: list[list[date]] = []
        con.execute("set memory_limit = '150MB'")

    def build(self, kilobytes: int) -> BuildResult:
        def validate(*_args: object, days: Sequence[date], **_kwargs: object) -> Sequence[Verdict]:
            self.audited.append(list(days))
            return [Verdict("amount", "any", "critical", "passed", None, None, 0, "Amounts")]

        spec: TableSpec = replace(self.catalog["staging.stg_sale"], sql=GREEDY.format(kilobytes=kilobytes))
        view = StateView(self.con, self.catalog, self.settings)
        return build_table(self.con, spec, DAYS, self.settings, view, run_id="2", validate=validate)

    def days(self) -> list[date]:
        rows = self.con.execute("select sale_date_local from staging.stg_sale order by all").fetchall()
        return [day for (day,) in rows]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setenv(PERSON_KEY_VARIABLE, TEST_KEY)
    settings = make_instance(tmp_path / "home")
    with connect(settings) as con:
        yield Workshop(con, tmp_path / "project", settings)


def test_days_that_do_not_fit_together_are_built_in_halves(workshop: Workshop) -> None:
    result = workshop.build(10_000)
    assert result.status == "built"
    assert result.rows == 4
    assert list(result.keys) == [str(day) for day in DAYS]
    assert workshop.days() == DAYS
    # Four days at once did not come as far as the audit.
    assert workshop.audited == [DAYS[:2], DAYS[2:]]


def test_a_day_that_does_not_fit_is_told_and_leaves_the_old_rows(workshop: Workshop) -> None:
    workshop.build(1)
    with pytest.raises(SmmError, match=r"(?s)SMM-307.*memory needed.*staging.stg_sale 2026-03-01.*memory_limit"):
        workshop.build(40_000)
    assert workshop.days() == DAYS
    # The connection can go on.
    assert workshop.build(2).status == "built"
