"""The work database against the catalog."""

from __future__ import annotations

import duckdb
import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.warehouse.schema import create_tables
from tests.project_catalog import project_catalog


def test_raw_tables_of_another_version_are_refused_and_derived_ones_made_anew() -> None:
    goal, staged = project_catalog()["raw.goal"], project_catalog()["staging.stg_goal"]
    with duckdb.connect() as con:
        con.execute("create schema raw; create schema staging")
        create_tables(con, [goal, staged])
        con.execute("alter table staging.stg_goal add column old integer")
        create_tables(con, [goal, staged])
        assert "old" not in [name for name, *_ in con.execute("describe staging.stg_goal").fetchall()]
        con.execute("alter table raw.goal drop column _first_ts")
        with pytest.raises(SmmError, match=r"(?s)SMM-302.*raw\.goal.*move warehouse\.duckdb away"):
            create_tables(con, [goal, staged])
