"""A published file to read in tests: synthetic KPI rows put through the real `publish`.

Belongs here: making an instance whose serving file holds given rows, and books in which no feed, or one, is silent.
Does not belong here: rows that look like a shop's (quarter_rows.py), and expected values; each test works out its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.settings import Feed, Settings, Shop
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.publish import publish
from smm_pipeline.warehouse.schema import create_books, create_tables, load_seed_csv, relation
from tests.project_catalog import project_catalog

Rows = Mapping[str, Sequence[Mapping[str, Any]]]

# Tells which days are complete, and of which networks; and the seeds of the dictionary.
CONTRACTS = sorted({c for spec in project_catalog() for need in spec.zero_needs for c in need.contracts})
READ_BESIDE = (
    "core.fct_feed_day",
    "core.fct_feed_arrival",
    "seeds.metric_dictionary",
    "seeds.metric_label",
    *CONTRACTS,
)


def gave(feed: str, contract: str) -> str:
    """A statement for the books: the feed gave a record of this contract once."""
    return f"""
        insert into meta.delivery_count by name
        select
            '{feed}' as feed, '{feed}' as delivery_id, '{contract}' as table_name, 1 as rows_in, 1 as loaded,
            0 as duplicate, 0 as superseded, 0 as rejected
        """


def _silent(feed: str, other: str) -> tuple[str, ...]:
    """Books where a feed of every day (the shop's orders, a club's days) is silent on March 2, when `other` gives."""
    return (
        f"""
        insert into core.fct_feed_day values
            ('{other}', '2026-03-01'), ('{other}', '2026-03-02');
        insert into core.fct_feed_day select '{feed}', date '2026-03-01' - cast(n as integer) from range(14) as r(n)
        """,
        gave("shop", "raw.shop_order"),
        gave("club", "raw.community_day"),
        f"insert into kpi.data_quality values ('2026-03-01', 'feed:{feed}', 'silent_share', 0, 1, 0)",
    )


SILENT_CLUB = _silent("club", "shop")
SILENT_SHOP = _silent("shop", "club")


def give_everything(con: duckdb.DuckDBPyConnection, networks: Sequence[str]) -> None:
    """Books in which the feed `all` gave every contract, of these networks, from February 1 to March 2."""
    con.execute("insert into core.fct_feed_day values ('all', '2026-02-01'), ('all', '2026-03-02')")
    for name in CONTRACTS:
        con.execute(gave("all", name))
        if "network" in {column.name for column in project_catalog()[name].columns}:
            con.execute(
                f"insert into {name} by name select 'all' as _feed, unnest($networks) as network",
                {"networks": list(networks)},
            )


def publish_rows(home: Path, rows: Rows, *, books: Sequence[str] = (), feeds: Sequence[str] = ()) -> Settings:
    """Make an instance at `home` whose serving file holds `rows` (table name -> rows); tables not named are empty.

    `books` are statements that fill the engine's own books, such as quality.check_results, and `feeds` names of feeds.
    """
    shop, named = (
        Shop(name="Kozak", time_zone="Europe/Kyiv", currency="UAH"),
        {f: Feed(vendor="ga4") for f in feeds},
    )
    settings = Settings(home=home, shop=shop, feeds=named)
    catalog = _published()
    with connect(settings) as con:
        create_books(con)
        for layer in sorted({spec.layer for spec in catalog}):
            con.execute(f"create schema if not exists {layer}")
        create_tables(con, catalog)
        for spec in catalog:
            if spec.layer == "seeds":
                load_seed_csv(con, spec)
            _insert(con, spec, rows.get(spec.name, ()))
        fill_dictionary(con)
        give_everything(con, sorted({row["network"] for table in rows.values() for row in table if "network" in row}))
        for statement in books:
            con.execute(statement)
        publish(settings, project_catalog(), con, run_id="fixture")
    return settings


@cache
def _published() -> Catalog:
    """What is published, and what publishing reads beside it."""
    needed = (*(spec for spec in project_catalog() if spec.publish), *(project_catalog()[name] for name in READ_BESIDE))
    return Catalog({spec.full_name: spec for spec in needed})


def fill_dictionary(con: duckdb.DuckDBPyConnection) -> None:
    """Make the metric dictionary out of its seeds, as a build does."""
    con.execute("delete from kpi.metric_dictionary")
    con.execute(f"insert into kpi.metric_dictionary {project_catalog()['kpi.metric_dictionary'].sql}")


def _insert(con: duckdb.DuckDBPyConnection, spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows through one JSON text: thousands of single inserts would take longer than the tests."""
    shape = json.dumps([{column.name: column.type for column in spec.columns}])
    text = json.dumps(list(rows), default=str)
    con.execute(
        f"insert into {relation(spec)} by name select unnest(from_json(?, ?), recursive := true)", [text, shape]
    )
