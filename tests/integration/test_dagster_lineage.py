"""Column lineage read out of the SQL: right for what a reader would say at a glance."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from smm_pipeline.explain import column_origins
from smm_pipeline.orchestration.lineage import column_lineage
from tests.dagster_project import make_project
from tests.project_catalog import project_catalog


def test_origins_pass_through_ctes_functions_and_joins(tmp_path: Path) -> None:
    catalog = make_project(tmp_path)
    assert column_origins(catalog["kpi.kpi_daily_sale"], catalog) == {
        "date_local": {("staging.stg_sale", "sale_date_local")},
        "revenue_amount": {("staging.stg_sale", "amount")},
        "two_day_amount": {("staging.stg_sale", "amount")},
        "sales_in_year": {("core.dim_year", "sales")},
    }
    assert column_origins(catalog["staging.stg_sale"], catalog)["amount"] == {("raw.sale", "amount")}
    assert column_origins(catalog["raw.sale"], catalog) == {}


def test_a_count_of_rows_has_no_origin(tmp_path: Path) -> None:
    catalog = make_project(tmp_path)
    lineage = column_lineage(catalog["core.dim_year"], catalog)
    assert lineage is not None
    assert dict(lineage.deps_by_column) == {
        "year": [dg.TableColumnDep(dg.AssetKey(["staging", "stg_sale"]), "sale_date_local")]
    }


def test_origins_of_the_real_tables_exist() -> None:
    """Every origin named is a column of a table that the SQL reads, and no table is without lineage."""
    catalog = project_catalog()
    for spec in catalog.build_order:
        origins = column_origins(spec, catalog)
        assert origins.keys() == {c.name for c in spec.columns}, spec.full_name
        for table, column in set().union(*origins.values()):
            assert table in spec.deps, spec.full_name
            assert column in {c.name for c in catalog[table].stored_columns}, f"{spec.full_name}: {table}.{column}"
        if spec.deps:
            assert any(origins.values()), spec.full_name
