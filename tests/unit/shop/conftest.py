"""One small demo shop, made once for the tests of this folder, and its web events read back with DuckDB."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import orjson
import pytest

from smm_pipeline.shop import ShopFacts, make_shop

PARAM = "list_filter(event_params, lambda p: p.key = '{}')[1].value.{}"
JSON_ROW = {
    "event_date": "VARCHAR",
    "event_timestamp": "BIGINT",
    "event_name": "VARCHAR",
    "event_params": "STRUCT(key VARCHAR, value STRUCT(string_value VARCHAR, int_value BIGINT))[]",
    "user_id": "VARCHAR",
    "user_pseudo_id": "VARCHAR",
    "device": "STRUCT(web_info STRUCT(browser VARCHAR))",
    "ecommerce": "STRUCT(transaction_id VARCHAR, purchase_revenue DOUBLE)",
    "items": "STRUCT(item_id VARCHAR, quantity BIGINT)[]",
    "batch_ordering_id": "BIGINT",
    "batch_page_id": "BIGINT",
}


@dataclass(frozen=True)
class Shop:
    """The made instance with what the tests read from it."""

    home: Path
    facts: ShopFacts
    truth: list[dict[str, str]]
    notes: dict[str, int]
    web: duckdb.DuckDBPyConnection

    def files(self, feed: str) -> list[Path]:
        """Deliveries of a feed, oldest name first."""
        return sorted((self.home / "landing" / feed).iterdir())

    def json(self, feed: str) -> list[list[dict[str, object]]]:
        """Content of a feed's JSON files that hold an array."""
        return [orjson.loads(path.read_bytes()) for path in self.files(feed)]


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("shop")
    facts = make_shop(home, seed=11, days=75, scale=0.06)
    with (home / "truth" / "orders.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    notes = orjson.loads((home / "truth" / "notes.json").read_bytes())
    with duckdb.connect() as con:
        _read_web(con, home / "landing" / "web")
        yield Shop(home, facts, truth, notes, con)


def _read_web(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """delivered: every row of every file; event: each distinct row once, with the fields that the tests need."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in JSON_ROW.items())
    names = ", ".join(JSON_ROW)
    con.execute(
        f"create table delivered as select {names}, filename from read_json('{folder}/*.jsonl.gz',"
        f" format = 'newline_delimited', columns = {{{columns}}}, filename = true)"
    )
    con.execute(
        f"insert into delivered select {names}, filename from read_parquet('{folder}/*.parquet', filename = true)"
    )
    con.execute(
        f"""
        create table event as
        select distinct
            event_timestamp as ts,
            event_date,
            event_name as name,
            user_pseudo_id as visitor,
            {PARAM.format("ga_session_id", "int_value")} as session,
            {PARAM.format("page_location", "string_value")} as url,
            {PARAM.format("page_referrer", "string_value")} as referrer,
            user_id,
            items[1].item_id as sku,
            ecommerce.transaction_id as order_number,
            ecommerce.purchase_revenue as revenue,
            device.web_info.browser as browser,
            batch_ordering_id,
            batch_page_id
        from delivered
        """
    )
