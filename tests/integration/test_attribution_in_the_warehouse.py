"""The models of the warehouse are those of the library: the same paths give the same shares, within a cent a visit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path as File

import duckdb
import pytest

from smm_pipeline.attribution import Credit, Model, Path, attribute, collect
from smm_pipeline.settings import Settings, Shop
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import tune
from smm_pipeline.warehouse.schema import create_tables, relation
from tests.project_catalog import project_catalog

DAY = date(2026, 3, 10)
BOUGHT = datetime(2026, 3, 10, 12, tzinfo=UTC)
CHANNELS = ("Direct", "Email", "Organic Social", "Organic Search", "Referral", "Display", "SMS", "Audio")
RULES = tuple(model for model in Model if model not in (Model.MARKOV, Model.SHAPLEY))
ORDERS = 60
CATALOG = project_catalog()
Told = dict[str, tuple[tuple[str, ...], tuple[int, ...], Decimal]]


@pytest.fixture(scope="module")
def told() -> Told:
    """Orders: channels, ages in seconds, worth; no channel twice, so that channels stand for visits."""
    dice = random.Random(7)  # noqa: S311 - test data, not a secret
    found = {}
    for number in range(ORDERS):
        length = dice.randint(1, len(CHANNELS))
        ages = tuple(sorted(dice.sample(range(30 * 86_400), length), reverse=True))
        found[f"o{number}"] = (tuple(dice.sample(CHANNELS, length)), ages, Decimal(dice.randint(-500, 2_000_000)) / 100)
    return found


@pytest.fixture(scope="module")
def con(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The orders and their visits, and the credit that the project's SQL makes of them."""
    settings = Settings(
        home=File(tmp_path_factory.mktemp("home")), shop=Shop(name="Shop", time_zone="UTC", currency="UAH")
    )
    values = {**settings.sql_parameters(), **window_parameters(DAY, DAY, settings)}
    with duckdb.connect() as connection:
        tune(connection, settings.warehouse)
        for schema in ("seeds", "raw", "staging", "core", "kpi"):
            connection.execute(f"create schema {schema}")
        create_tables(connection, CATALOG)
        for order, (channels, ages, worth) in told.items():
            connection.execute(
                "insert into core.fct_order (order_key, order_date_local, created_ts, is_countable, is_marketplace, "
                "net_revenue_amount) values (?, ?, ?, true, false, ?)",
                [order, DAY, BOUGHT, worth],
            )
            connection.execute(
                "insert into core.brg_order_visitor (order_key, visitor_key, order_date_local) values (?, ?, ?)",
                [order, order, DAY],
            )
            for channel, age in zip(channels, ages, strict=True):
                start = BOUGHT - timedelta(seconds=age)
                connection.execute(
                    "insert into core.fct_session (session_key, visitor_key, start_ts, session_date_local, channel) "
                    "values (?, ?, ?, ?, ?)",
                    [f"{order}:{channel}", order, start, start.date(), channel],
                )
        for name in ("core.fct_attribution_credit", "core.fct_model_credit"):
            spec = CATALOG[name]
            used = {parameter: values[parameter] for parameter in spec.parameters}
            connection.execute(f"insert into {relation(spec)} by name {spec.sql}", used)
        yield connection


def by_library(told: Told, models: tuple[Model, ...]) -> dict[tuple[str, str, str], Credit]:
    found = {}
    for order, (channels, ages, worth) in told.items():
        paths = collect([Path(channels, 1, value=worth, ages_days=tuple(age / 86_400 for age in ages))])
        for credit in attribute(paths, models):
            found[order, credit.model.value, credit.channel] = credit
    return found


@pytest.mark.parametrize(
    ("table", "models"),
    [("core.fct_attribution_credit", RULES), ("core.fct_model_credit", (Model.SHAPLEY,))],
    ids=["rules", "shapley"],
)
def test_each_visit_has_the_share_of_the_library(
    con: duckdb.DuckDBPyConnection,
    told: Told,
    table: str,
    models: tuple[Model, ...],
) -> None:
    level = "level = 'channel'" if table == "core.fct_model_credit" else "true"
    rows = con.execute(
        "select order_key, model, channel, credited_orders, credited_revenue_amount "
        f"from {table} where list_contains(?, model) and {level}",
        [[model.value for model in models]],
    ).fetchall()
    expected = by_library(told, models)
    assert {tuple(row[:3]) for row in rows} == expected.keys()
    for order, model, channel, orders, amount in rows:
        credit, worth = expected[order, model, channel], told[order][2]
        assert orders == pytest.approx(credit.conversions, abs=0.000002), (order, model, channel)
        assert abs(float(amount) - float(worth) * credit.conversions) < 0.0100001, (order, model, channel)


def test_shares_of_whole_cents_are_the_same_cents(con: duckdb.DuckDBPyConnection) -> None:
    """840.00 over two to eight visits: linear and position-based shares need no rounding."""
    for length in (2, 3, 4, 5, 6, 7, 8):
        paths = collect([Path(CHANNELS[:length], 1, value=Decimal("840.00"))])
        con.execute("delete from core.fct_order")
        con.execute("delete from core.brg_order_visitor")
        con.execute("delete from core.fct_session")
        con.execute(
            "insert into core.fct_order (order_key, order_date_local, created_ts, is_countable, is_marketplace, "
            "net_revenue_amount) values ('w', ?, ?, true, false, 840)",
            [DAY, BOUGHT],
        )
        con.execute(
            "insert into core.brg_order_visitor (order_key, visitor_key, order_date_local) values ('w', 'w', ?)", [DAY]
        )
        for place, channel in enumerate(CHANNELS[:length]):
            con.execute(
                "insert into core.fct_session (session_key, visitor_key, start_ts, session_date_local, channel) "
                "values (?, 'w', ?, ?, ?)",
                [channel, BOUGHT - timedelta(hours=10 - place), DAY, channel],
            )
        settings = Settings(home=File(), shop=Shop(name="Shop", time_zone="UTC", currency="UAH"))
        spec = CATALOG["core.fct_attribution_credit"]
        values = {**settings.sql_parameters(), **window_parameters(DAY, DAY, settings)}
        rows = con.execute(
            f"select model, channel, credited_revenue_amount from ({spec.sql}) as built "
            "where model in ('first', 'last', 'last_non_direct', 'linear', 'position_based')",
            {parameter: values[parameter] for parameter in spec.parameters},
        ).fetchall()
        models = (Model.FIRST, Model.LAST, Model.LAST_NON_DIRECT, Model.LINEAR, Model.POSITION_BASED)
        expected = {(c.model.value, c.channel): c.value for c in attribute(paths, models)}
        assert {(model, channel): amount for model, channel, amount in rows} == expected
