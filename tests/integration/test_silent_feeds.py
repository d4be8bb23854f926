"""A shop whose feeds fall silent: no figure that was a number is published as 0 on a day whose records did not come."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from smm_pipeline import pipeline
from smm_pipeline.catalog import TableSpec
from smm_pipeline.quoting import quoted
from smm_pipeline.settings import PERSON_KEY_VARIABLE, load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import relation
from tests.commands import TEST_KEY
from tests.instances import small_shop
from tests.project_catalog import project_catalog

LAST = date(2026, 5, 31)
SILENT_DAYS = [LAST - timedelta(days=n) for n in range(5, 9)]
NUMBERS = ("BIGINT", "INTEGER", "DECIMAL", "DOUBLE")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The shop with all its records, built and published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PERSON_KEY_VARIABLE, TEST_KEY)
        home = small_shop(tmp_path_factory.mktemp("whole") / "home", days=36, scale=0.1)
        assert not pipeline.run(load_settings(home), project_catalog()).failed
        yield home


def _without(feed: str, whole: Path, home: Path, silent: Sequence[date] = SILENT_DAYS) -> Path:
    """The serving file of the same shop, the feed's records of the silent days taken out and these days built anew."""
    shutil.copytree(whole, home)
    settings = load_settings(home)
    days = {"feed": feed, "days": list(silent)}
    with connect(settings) as con:
        for spec in project_catalog().layer("raw"):
            if spec.partition:
                about = f"_feed = $feed and {spec.partition} in (select unnest($days))"
                con.execute(f"delete from {relation(spec)} where {about}", days)
    summary = pipeline.run(settings, project_catalog(), first=min(silent), last=max(silent))
    assert not summary.failed
    return settings.serving_file


def _lost(spec: TableSpec, con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """By column: numbers of the silent days that are published as 0, and as unknown, without the feed."""
    key = " and ".join(f"s.{quoted(k)} is not distinct from w.{quoted(k)}" for k in spec.key)
    columns = [c.name for c in spec.columns if c.name not in spec.key and c.type.startswith(NUMBERS)]
    counts = ", ".join(
        f"count(*) filter (where w.{quoted(c)} <> 0 and s.{quoted(c)} = 0), "
        f"count(*) filter (where w.{quoted(c)} <> 0 and s.{quoted(c)} is null)"
        for c in columns
    )
    [found] = con.execute(
        f"select {counts} from silent.kpi.{spec.name} as s inner join whole.kpi.{spec.name} as w on {key} "
        f"where s.{quoted(str(spec.day_column))} in (select unnest($days))",
        {"days": SILENT_DAYS},
    ).fetchall()
    return {name: (found[2 * n], found[2 * n + 1]) for n, name in enumerate(columns)}


@pytest.mark.parametrize("feed", ["orders", "web", "telegram_posts", "messages"])
def test_no_number_of_a_silent_day_becomes_a_zero(feed: str, whole: Path, tmp_path: Path) -> None:
    """Some do become unknown, in tables that say that the day is incomplete without the feed."""
    daily = [s for s in project_catalog().layer("kpi") if s.publish and s.day_column and s.name.startswith("kpi_")]
    silent = _without(feed, whole, tmp_path / "home")
    with duckdb.connect() as con:
        con.execute(f"attach '{silent}' as silent (read_only)")
        con.execute(f"attach '{load_settings(whole).serving_file}' as whole (read_only)")
        lost = {spec.name: _lost(spec, con) for spec in daily}
        incomplete = con.execute(
            "select table_name, date_local from silent.kpi._completeness "
            "where state = 'incomplete' and missing_feeds = $feed and date_local in (select unnest($days))",
            {"feed": feed, "days": SILENT_DAYS},
        ).fetchall()
    zeros = [f"{table}.{column}" for table, columns in lost.items() for column, (zero, _) in columns.items() if zero]
    unknown = {table for table, columns in lost.items() if any(count for _, count in columns.values())}
    assert zeros == []
    assert unknown
    assert {(table, day) for table in unknown for day in SILENT_DAYS} <= set(incomplete)


def test_a_month_without_visits_has_no_zeros_of_networks(whole: Path, tmp_path: Path) -> None:
    """Which network an order is of is told by its visit, too: without visits of all May no network's orders are 0."""
    silent = _without("web", whole, tmp_path / "home", [date(2026, 5, 1) + timedelta(days=n) for n in range(31)])
    where = "month_start_date = '2026-05-01' and network <> '(all)'"
    with duckdb.connect(str(silent), read_only=True) as con:
        platforms = con.execute(
            "select count(*), count(sessions), count(*) filter (where least(orders, new_customers) = 0) "
            f"from kpi.kpi_platform_choice where {where}"
        ).fetchall()
        returns = con.execute(
            f"select count(*) from kpi.kpi_monthly_return where {where} and new_customers = 0"
        ).fetchall()
    [(rows, with_sessions, zeros)] = platforms
    assert rows > 0
    assert (with_sessions, zeros) == (0, 0)
    assert returns == [(0,)]


def test_nothing_is_in_doubt_in_a_shop_whose_feeds_all_come(whole: Path) -> None:
    """Each KPI is published as it was built."""
    settings = load_settings(whole)
    with duckdb.connect() as con:
        con.execute(f"attach '{settings.serving_file}' as serving (read_only)")
        con.execute(f"attach '{settings.warehouse_file}' as work (read_only)")
        changed = {
            spec.name: con.execute(
                f"select count(*) from (from work.kpi.{spec.name} except all from serving.kpi.{spec.name})"
            ).fetchall()[0][0]
            for spec in project_catalog().layer("kpi")
            if spec.publish
        }
    assert {name: rows for name, rows in changed.items() if rows} == {}
