"""Every table has its SELECT, its description and its suite, and the description says what the SELECT gives."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml
from sqlglot import exp

from smm_pipeline.catalog import Catalog, Layer, TableSpec
from smm_pipeline.settings import PROJECT_ROOT, Settings, Shop
from smm_pipeline.validation import check_suite
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import tune
from smm_pipeline.warehouse.schema import ensure_schema
from tests.project_catalog import project_catalog

DAY = date(2026, 3, 29)  # the 23 hour day of Europe/Kyiv
NAME_STARTS: dict[Layer, tuple[str, ...]] = {
    "staging": ("stg_",),
    "core": ("dim_", "fct_", "brg_", "visit_", "order_"),  # the last two add columns to a fact of that name
    "kpi": ("kpi_", "metric_", "data_"),
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return project_catalog()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    shop = Shop(name="Example", time_zone="Europe/Kyiv", currency="UAH", own_hosts=("shop.example",))
    return Settings(home=tmp_path_factory.mktemp("instance"), shop=shop)


def test_what_a_table_reads_is_what_a_parser_finds_in_it(catalog: Catalog) -> None:
    """The catalog looks at words alone."""
    for spec in catalog:
        if spec.sql:
            tables = (f"{table.db}.{table.name}" for table in spec.tree.find_all(exp.Table) if table.db)
            parameters = (found.name for found in spec.tree.find_all(exp.Parameter, exp.Placeholder) if found.name)
            assert spec.deps == frozenset(tables), spec.full_name
            assert spec.parameters == frozenset(parameters), spec.full_name


def test_names_in_texts_and_comments_are_no_tables(catalog: Catalog) -> None:
    sql = """
    select 'it''s core.fct_order -- $no' as a, o.b, "core.fct_visit" /* kpi.kpi_daily_benefit
    $neither */ from core.fct_post as o -- raw.shop_order $nor
    where o.b > $yes
    """
    spec = replace(catalog["core.fct_order"], sql=sql)
    assert spec.deps == frozenset({"core.fct_post"})
    assert spec.parameters == frozenset({"yes"})


def test_comments_and_blanks_change_no_rows(catalog: Catalog) -> None:
    spec = replace(catalog["core.fct_post"], sql="select 'a  b' as a from core.fct_order")
    same = replace(spec, sql="-- It's said\nselect 'a  b' as a /* anew */\n    from core.fct_order\n")
    assert same.code_version == spec.code_version
    assert replace(spec, sql="select 'a b' as a from core.fct_order").code_version != spec.code_version


def test_every_sql_and_suite_belongs_to_a_described_table(catalog: Catalog) -> None:
    described = {Path(spec.layer) / spec.name for spec in catalog}
    files = [*PROJECT_ROOT.glob("sql/*/*.sql"), *PROJECT_ROOT.glob("sql/seeds/*.csv")]
    files += PROJECT_ROOT.glob("expectations/*/*.yml")
    strays = [str(f.relative_to(PROJECT_ROOT)) for f in files if Path(f.parent.name) / f.stem not in described]
    assert not strays


def test_every_table_says_what_it_is(catalog: Catalog) -> None:
    silent = [spec.full_name for spec in catalog if not (spec.description.strip() and spec.grain.strip() and spec.key)]
    silent += [f"{s.full_name}.{c.name}" for s in catalog for c in s.columns if not c.description.strip()]
    assert not silent


def test_every_table_but_seeds_has_a_suite(catalog: Catalog) -> None:
    missing = [spec.full_name for spec in catalog if spec.layer != "seeds" and not spec.suite]
    assert not missing


def test_every_suite_is_sound(catalog: Catalog) -> None:
    found = [f"{spec.full_name}: {p}" for spec in catalog if spec.suite for p in check_suite(spec.suite, spec)]
    assert not found, "\n".join(found)


def test_descriptions_give_the_columns_of_the_select(catalog: Catalog, settings: Settings) -> None:
    """Names, order and types, both ways."""
    found: list[str] = []
    with duckdb.connect() as con:
        tune(con, settings.warehouse)
        ensure_schema(con, catalog, settings)
        for spec in catalog.build_order:
            differences = _differences(_selected(con, spec, settings), _described(con, spec))
            found += [f"{spec.full_name}: the SELECT gives {a}, the yml says {b}" for a, b in differences]
    assert not found, "\n" + "\n".join(found)


def test_every_rule_has_a_known_answer(catalog: Catalog) -> None:
    """The layers of rules: a table without a case in tests/sql is a rule that nobody has worked out by hand."""
    specs = [spec for layer in ("core", "kpi") for spec in catalog.layer(layer)]
    assert specs
    cases = PROJECT_ROOT / "tests" / "sql"
    missing = [spec.full_name for spec in specs if not any((cases / spec.layer / spec.name).glob("*.yml"))]
    assert not missing


def test_every_kpi_is_shown_a_tie_an_empty_day_and_a_restated_day(catalog: Catalog) -> None:
    """Where rules go wrong: rows of equal right, a day of nothing, a past that changes. The dictionary has no days."""
    missing: list[str] = []
    for spec in catalog.layer("kpi"):
        files = sorted((PROJECT_ROOT / "tests" / "sql" / "kpi" / spec.name).glob("*.yml"))
        cases = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
        shown = {mark for case in cases for mark, words in case.get("shows", {}).items() if words}
        shown |= {"restated_day" for case in cases if "restated" in case}
        missing += [f"{spec.full_name}: {mark}" for mark in ("tie", "empty_day", "restated_day") if mark not in shown]
    assert not [line for line in missing if not line.startswith("kpi.metric_dictionary:")]


def test_every_feed_with_days_is_listened_to(catalog: Catalog) -> None:
    """A kind of record that is left out here could fall silent without anybody being told."""
    dated = {spec.full_name for spec in catalog.layer("raw") if spec.partition}
    assert catalog["staging.stg_feed_day"].deps == dated


def test_names_speak_of_their_layer(catalog: Catalog) -> None:
    for layer, starts in NAME_STARTS.items():
        assert not [spec.full_name for spec in catalog.layer(layer) if not spec.name.startswith(starts)]


def _selected(con: duckdb.DuckDBPyConnection, spec: TableSpec, settings: Settings) -> dict[str, str]:
    values = {**settings.sql_parameters(), **window_parameters(DAY, DAY, settings)}
    used = {name: values[name] for name in spec.parameters}
    return {str(r[0]): str(r[1]) for r in con.execute(f"describe {spec.sql}", used).fetchall()}


def _described(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> dict[str, str]:
    """The columns of the yml, types as DuckDB spells them: the table was made from the yml."""
    rows = con.execute(f"describe {spec.full_name}").fetchall()
    return {str(r[0]): str(r[1]) for r in rows}


def _differences(given: dict[str, str], written: dict[str, str]) -> list[tuple[str, str]]:
    names = [*given, *(name for name in written if name not in given)]
    pairs = [(f"{n} {given.get(n, 'nothing')}", f"{n} {written.get(n, 'nothing')}") for n in names]
    return [(a, b) for a, b in pairs if a != b]


def test_every_number_of_a_kpi_says_what_its_zero_needs(catalog: Catalog) -> None:
    """Or it is named here: a 0 that no silent feed leaves. It was read, or the number or the row is not there then."""
    given = {
        "kpi_attribution_window": "median_path_length_visits p90_path_length_visits median_lag_days p90_lag_days",
        "kpi_benefit_sensitivity": "threshold_value",
        "kpi_content_rules": "rule_number checked",
        "kpi_daily_brand_demand": "history_days expected_count expected_lower_count expected_upper_count",
        "kpi_daily_channel_attribution": "median_path_length_visits median_lag_days",
        "kpi_daily_community_activity": "likes comments shares saves engagements_with_followers followers_of_posts "
        "er_followers engagements_with_reach reach_of_posts er_reach "
        "engagements_with_views views_of_posts er_views response_minutes_median "
        "members_checked fakes_found suspected_fakes_share "
        "suspected_fakes_share_lower suspected_fakes_share_upper",
        "kpi_daily_competitors": "members_28d_ago members_gained_28d members_gained_28d_share likes comments "
        "shares public_engagements public_engagements_with_followers "
        "followers_of_posts er_public_followers best_post_public_engagements",
        "kpi_daily_content_traffic": "page_search_position",
        "kpi_daily_supporters": "members_checked fakes_found suspected_fakes suspected_fakes_lower "
        "suspected_fakes_upper members_less_fakes members_less_fakes_lower "
        "members_less_fakes_upper",
        "kpi_events_newsletters": "sent delivered attended reached cost_amount cost_per_1000_reached_amount "
        "cost_per_order_amount",
        "kpi_goal_progress": "total_days elapsed_days target_value expected_value model_days",
        "kpi_monthly_return": "cost_amount cost_ads_amount cost_content_amount cost_blogger_amount "
        "cost_tool_amount cost_salary_amount cost_other_amount "
        "cost_days_without_amount cac_amount ltv_30_amount ltv_90_amount "
        "ltv_180_amount ltv_365_amount payback_days",
        "kpi_platform_choice": "cost_amount cost_days_without_amount cost_per_1000_reached_amount "
        "cost_per_session_amount cost_per_benefit_order_amount",
        "kpi_post_performance": "post_hour_local views reach likes comments shares saves link_clicks "
        "engagements er_reach er_followers days_to_half_effect",
        "kpi_segment_benefit": "communities members",
    }
    found = {}
    for spec in catalog.layer("kpi"):
        said = {
            *spec.key,
            *spec.follows,
            *(name for need in spec.zero_needs for name in (*need.columns, *need.verdicts)),
        }
        numbers = [c.name for c in spec.columns if c.type.startswith(("BIGINT", "INTEGER", "DECIMAL", "DOUBLE"))]
        if spec.publish and spec.name.startswith("kpi_") and not said.issuperset(numbers):
            found[spec.name] = [name for name in numbers if name not in said]
    assert found == {table: names.split() for table, names in given.items()}


def test_every_figure_of_a_goal_says_what_it_needs(catalog: Catalog) -> None:
    """A goal is as unknown as its figure."""
    with (PROJECT_ROOT / "sql" / "seeds" / "goal_metric.csv").open(encoding="utf-8", newline="") as file:
        figures = [row["kpi"] for row in csv.DictReader(file)]
    said = {
        f"{spec.name}.{column}"
        for spec in catalog.layer("kpi")
        for need in spec.zero_needs
        for column in (*need.columns, *need.verdicts)
    }
    assert figures
    assert [figure for figure in figures if figure not in said] == []
