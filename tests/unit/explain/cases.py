"""A case of the SQL in a work database, and what `smm explain` finds behind its rows.

Belongs here: that. Does not belong here: the cases, which are those of tests/sql, and what is behind a row; the tests
say so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import yaml

from smm_pipeline.catalog import Catalog
from smm_pipeline.explain.trace import Root, trace
from smm_pipeline.settings import Rules, Settings, Shop
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import tune
from smm_pipeline.warehouse.schema import ensure_schema, relation
from tests.project_catalog import project_catalog

CATALOG = project_catalog()
SHOP = Shop(name="Our Shop", brand="OurBrand", time_zone="Europe/Kyiv", currency="UAH", own_hosts=("shop.example",))
CASES = Path(__file__).parents[2] / "sql" / "kpi"


class Case:
    """A table built from the inputs of its case, named table/case."""

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str, home: Path) -> None:
        case = yaml.safe_load((CASES / f"{name}.yml").read_text(encoding="utf-8"))
        self.con, self.table, self.expect = con, name.partition("/")[0], case["expect"]
        self.settings = Settings(home=home, shop=SHOP, rules=Rules(**case.get("settings", {})))
        tune(con, self.settings.warehouse)
        ensure_schema(con, CATALOG, self.settings)
        for table, data in case["inputs"].items():
            con.execute(f"delete from {relation(CATALOG[table])}")
            base, rows = (data.get("base", {}), data["rows"]) if isinstance(data, dict) else ({}, data)
            for row in rows:
                merged = base | row
                con.execute(
                    f"insert into {relation(CATALOG[table])} ({', '.join(merged)}) "
                    f"values ({', '.join('?' * len(merged))})",
                    [*merged.values()],
                )
        spec = CATALOG[f"kpi.{self.table}"]
        # What the tables that it reads are made from is of no interest here, and takes a second for each figure.
        read = {name: replace(CATALOG[name], sql="select null") for name in spec.deps}
        self.catalog = Catalog({spec.full_name: spec, **read})
        first, last = case["days"]
        self.first = first
        values = self.settings.sql_parameters() | window_parameters(first, last, self.settings)
        con.execute(
            f"insert into {relation(spec)} by name {spec.sql}", {name: values[name] for name in spec.parameters}
        )

    def behind(self, row: dict[str, Any], column: str | None, upstream: str, measure: str = "count(*)") -> Any:
        """What the rows found behind a column of a row of the case come to."""
        spec, day = CATALOG[f"kpi.{self.table}"], row.get("date_local", self.first)
        key = {"date_local": day} | {name: row[name] for name in spec.key if name in row}
        condition = " and ".join(f"b.{name} = ${name}" for name in key)
        settings = self.settings.sql_parameters() | window_parameters(day, day, self.settings)
        found = trace(self.con, self.catalog, Root(spec.full_name, condition, key, column, settings=settings))
        assert (found[spec.full_name].rows, found[upstream].is_exact) == (1, True)
        [(value,)] = self.con.execute(f'select {measure} from "behind_{upstream}"').fetchall()
        return value
