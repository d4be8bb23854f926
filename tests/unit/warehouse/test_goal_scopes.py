"""Goals that are of nothing, found in a work database filled by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.goal_settings import Goal
from smm_pipeline.settings import Settings, Shop
from smm_pipeline.warehouse.build import build_table
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.goal_scopes import aimless_goals
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView
from tests.project_catalog import project_catalog

CATALOG = project_catalog()


def _goal(scope: str, kpi: str = "kpi_daily_benefit.orders") -> Goal:
    return Goal(name="More", kpi=kpi, scope=scope, target=Decimal(5), due_on=date(2026, 6, 30))


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A shop with one community, its scopes as they are built, and a page that was visited."""
    settings = Settings(home=tmp_path, shop=Shop(name="Shop", time_zone="UTC", currency="UAH"))
    with connect(settings) as connection:
        ensure_schema(connection, CATALOG, settings)
        connection.execute("insert into core.dim_community (network, community_id) values ('telegram', 'Domivka')")
        connection.execute("insert into kpi.kpi_daily_content_traffic (page_path) values ('/blog/winter')")
        view = StateView(connection, CATALOG, settings)
        spec = CATALOG["core.dim_goal_scope"]
        build_table(connection, spec, None, settings, view, run_id="r1", validate=lambda *_, **__: ())
        yield connection


@pytest.mark.parametrize(
    ("kpi", "scope"),
    [
        ("kpi_daily_benefit.orders", "D1"),
        ("kpi_daily_benefit.orders", " D4_deferred"),
        ("kpi_daily_benefit.orders", "all"),
        # Without a community yet, but a network.
        ("kpi_daily_supporters.members", "Mastodon"),
        ("kpi_daily_supporters.members", "telegram/domivka"),
        ("kpi_daily_social_traffic.sessions", "DOMIVKA"),
        ("kpi_daily_content_traffic.sessions", "/Blog/winter"),
        ("kpi_daily_brand_demand.observed_count", "direct_sessions"),
    ],
)
def test_what_there_is_is_a_scope(con: duckdb.DuckDBPyConnection, kpi: str, scope: str) -> None:
    assert aimless_goals(con, [_goal(scope, kpi)]) == []


@pytest.mark.parametrize(
    ("kpi", "scope", "nearest"),
    [
        ("kpi_daily_benefit.orders", "nowhere", ()),
        ("kpi_daily_benefit.orders", "D1_recomendation", ("d1_recommendation",)),
        ("kpi_daily_supporters.members", "telegram/domyvka", ("telegram/domivka",)),
        # Classes are of orders alone.
        ("kpi_daily_share_of_voice.mentions_share", "D1", ("all",)),
        ("kpi_daily_content_traffic.sessions", "/blog/wintr", ("/blog/winter",)),
        # Of brand demand a signal has to be named.
        (
            "kpi_daily_brand_demand.observed_count",
            "all",
            ("brand_search_clicks", "brand_search_impressions", "direct_sessions"),
        ),
    ],
)
def test_a_scope_that_is_none_is_told_with_the_nearest(
    con: duckdb.DuckDBPyConnection, kpi: str, scope: str, nearest: tuple[str, ...]
) -> None:
    [found] = aimless_goals(con, [_goal(scope, kpi)])
    assert (found.name, found.kpi, found.scope, found.nearest) == ("More", kpi, scope, nearest)


def test_goals_of_feeds_are_looked_at_and_what_has_figures_is_a_scope(con: duckdb.DuckDBPyConnection) -> None:
    """Of the settings those that were built are not: they may be others now."""
    con.execute(
        "insert into core.dim_goal (source_system, name, kpi, scope) values "
        "('goals', 'a', 'kpi_daily_benefit.orders', 'nowhere'), ('goals', 'b', 'kpi_daily_benefit.orders', 'c9'), "
        "('goals', 'c', 'reach', 'x'), ('smm.toml', 'd', 'kpi_daily_benefit.orders', 'nowhere')"
    )
    con.execute(
        "insert into kpi.kpi_goal_progress (source_system, name, kpi, scope, reason) values "
        "('goals', 'a', 'kpi_daily_benefit.orders', 'nowhere', 'no such scope'), "
        "('goals', 'b', 'kpi_daily_benefit.orders', 'c9', null)"
    )
    assert [found.name for found in aimless_goals(con, [])] == ["a"]


def test_before_anything_is_built_nothing_is_said(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from core.dim_goal_scope")
    assert aimless_goals(con, [_goal("nowhere")]) == []
    con.execute("drop table core.dim_goal_scope")
    assert aimless_goals(con, [_goal("nowhere")]) == []
