"""Records that hold something of another kind than their declared structure says, at every depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.ingest_fixture import Instance

SESSION = {"key": "ga_session_id", "value": {"int_value": "300"}}
EVENT = {
    "event_timestamp": "1772400000000000",
    "event_name": "page_view",
    "user_pseudo_id": "1.1",
    "batch_page_id": "1",
    "event_params": [SESSION],
}
ORDER = {
    "id": 1,
    "number": "1",
    "status": "completed",
    "currency": "UAH",
    "total": "5",
    "date_created_gmt": "2026-03-02T08:00:00",
}


def taken(home: Path, vendor: str, name: str, text: str) -> Instance:
    shop = Instance(home, {"feed": f'vendor = "{vendor}"\nconstants = {{ property_id = "p" }}'})
    if vendor != "ga4":
        shop = Instance(home, {"feed": f'vendor = "{vendor}"'})
    shop.deliver("feed", name, text)
    shop.ingest()
    return shop


@pytest.mark.parametrize(
    ("part", "reasons"),
    [
        ({"event_params": [{"key": "ga_session_id", "value": "300"}]}, ["bad_structure:event_params.value"]),
        ({"event_params": [SESSION, "junk"]}, ["bad_structure:event_params"]),
        ({"event_params": {"key": "x"}}, ["bad_structure:event_params"]),
        ({"device": {"web_info": [1]}}, ["bad_structure:device.web_info"]),
        ({"device": "phone", "items": "none"}, ["bad_structure:device", "bad_structure:items"]),
        ({"items": [["a"]]}, ["bad_structure:items"]),
        # What is absent is no fault, nor is a field that nothing declares.
        ({"event_params": [SESSION, {"key": "x", "value": None}, {"key": "y"}, None]}, None),
        ({"device": {"web_info": None}, "items": None, "geo": {}}, None),
        ({"device": {"web_info": []}, "event_params": [SESSION, {"key": "x", "value": []}]}, None),
        ({"event_params": []}, None),
        ({"user_properties": "junk"}, None),
    ],
)
def test_lines(tmp_path: Path, part: dict[str, Any], reasons: list[str] | None) -> None:
    lines = [EVENT | {"batch_event_index": "0"}, EVENT | {"batch_event_index": "1"} | part]
    shop = taken(tmp_path, "ga4", "a.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert shop.rejects() == ([("(records)", 2, reasons)] if reasons else [])
    assert len(shop.rows("select 1 from raw.web_event")) == (1 if reasons else 2)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"meta_data": [{"key": "a", "value": "b"}, 7]}, "meta_data"),
        ({"meta_data": [{"key": "a", "value": {"any": "shape"}}]}, None),
        ({"billing": ["Kyiv"], "line_items": []}, "billing"),
        # PHP writes an empty object so.
        ({"billing": [], "line_items": [{"id": 1, "name": "Tea", "quantity": 1, "total": "5", "image": []}]}, None),
    ],
)
def test_documents(tmp_path: Path, part: dict[str, Any], field: str | None) -> None:
    shop = taken(tmp_path, "woocommerce_orders", "a.json", json.dumps([ORDER | part]))
    assert shop.rejects() == ([("(records)", 1, [f"bad_structure:{field}"])] if field else [])


def test_lists_within_lists_of_objects(tmp_path: Path) -> None:
    """$.insights.data[*].values[*] of a medium of Instagram; the other medium is read."""
    media = [
        {"id": str(n), "owner": {"id": "9"}, "timestamp": "2026-03-01T10:00:00+0000", "insights": {"data": data}}
        for n, data in enumerate(
            [[{"name": "reach", "values": [{"value": 5}]}], [{"name": "reach", "values": [5]}]], start=1
        )
    ]
    shop = taken(tmp_path, "instagram_media", "a.json", json.dumps({"data": media}))
    assert shop.rejects() == [("(records)", 2, ["bad_structure:insights.data.values"])]
    assert shop.rows("select post_id, reach from raw.community_post_snapshot") == [("1", 5)]


def test_a_document_around_the_records(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"feed": 'vendor = "meta_page_insights"'})
    shop.deliver("feed", "a.json", json.dumps({"data": [], "paging": "none"}))
    [result] = shop.ingest()
    assert result.error is not None
    assert (result.error.code, result.error.what) == (
        "SMM-201",
        "paging of the document is of another kind than declared",
    )


def test_a_document_with_an_empty_object_written_as_a_list(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"feed": 'vendor = "meta_page_insights"'})
    value = {"value": 5, "end_time": "2026-03-02T08:00:00+0000"}
    metric = {"name": "page_follows", "period": "day", "id": "104/insights/page_follows/day", "values": [value]}
    shop.deliver("feed", "a.json", json.dumps({"data": [metric], "paging": []}))
    assert [d.status for d in shop.ingest()] == ["loaded"]
    assert shop.rows("select value from raw.community_day") == [(5,)]


PARQUET = """
format: {kind: parquet, structure: {id: VARCHAR, sum: {day: VARCHAR, amount: VARCHAR}, parts: [{amount: VARCHAR}]}}
source_system: test
tables:
  smm_cost:
    columns: {cost_id: id, cost_date: sum.day, kind: {const: ads}, cost_amount: sum.amount, currency: {const: UAH}}
"""


@pytest.mark.parametrize(
    "columns",
    [
        # Parts that share no name with the declared ones, in an object and in a list of objects.
        "{'date': '2026-03-01', 'value': '5'} as sum",
        "{'day': '2026-03-01', 'amount': '5'} as sum, [{'value': '5'}] as parts",
        "[5] as sum",
    ],
)
def test_columns_of_parquet_stop_their_own_delivery_alone(tmp_path: Path, columns: str) -> None:
    shop = Instance(tmp_path, {"a": 'mapping = "parts.yml"', "b": 'mapping = "parts.yml"'})
    (tmp_path / "parts.yml").write_text(PARQUET, encoding="utf-8")
    for feed, values in (("a", columns), ("b", "{'day': '2026-03-02', 'amount': '7'} as sum")):
        duckdb.execute(f"copy (select '{feed}' as id, {values}) to '{tmp_path}/x.parquet' (format parquet)")
        shop.deliver(feed, "x.parquet", (tmp_path / "x.parquet").read_bytes())
    refused, loaded = shop.ingest()
    assert refused.error is not None
    assert (refused.feed, refused.error.code, loaded.feed, loaded.status) == ("a", "SMM-201", "b", "loaded")
    assert "of another structure" in refused.error.what
    assert shop.rows("select cost_id, cost_amount from raw.smm_cost") == [("b", 7)]
    assert shop.ingest() == []


def test_texts_of_parquet_that_are_not_called_texts(tmp_path: Path) -> None:
    """Older programs do not mark the bytes of texts as UTF-8, in objects too; what is none is refused."""
    shop = Instance(tmp_path, {"a": 'mapping = "parts.yml"'})
    (tmp_path / "parts.yml").write_text(PARQUET, encoding="utf-8")
    sums = "{'day': encode('2026-03-01'), 'amount': encode('5')} as sum"
    for name, key in (("a.parquet", "encode('день')"), ("b.parquet", "'\\xFFsecret'::blob")):
        duckdb.execute(f"copy (select {key} as id, {sums}) to '{tmp_path}/x.parquet' (format parquet)")
        shop.deliver("a", name, (tmp_path / "x.parquet").read_bytes())
    results = {r.file_path: r for r in shop.ingest()}
    assert shop.rows("select cost_id, cost_amount from raw.smm_cost") == [("день", 5)]
    error = results["b.parquet"].error
    assert error is not None
    assert error.code == "SMM-201"
    assert "secret" not in str(error)
