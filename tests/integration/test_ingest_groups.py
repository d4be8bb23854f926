"""Records that a source spreads over several rows or lines: format.carry and format.nest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smm_pipeline.ingest import RECORDS, Counts, nested_lines
from tests.ingest_fixture import Instance
from tests.integration.test_ingest_workbooks import workbook

# Order and date stand on the first row of an order alone, as in the export of a shop's own pages.
SHEET = """
format: {kind: [csv, xlsx], carry: {by: order, columns: [created, price]}}
source_system: sheet
columns: [order, created, total, sku, price]
tables:
  shop_order:
    where: group_row = '1'
    columns: {store_id: {const: main}, order_id: order, created_ts: created, status: {const: paid}, total_amount: total}
  shop_order_line:
    columns:
      store_id: {const: main}
      order_id: order
      line_id: group_row
      created_ts: created
      sku: sku
      unit_price_amount: price
"""
LINES = """
format:
  kind: jsonl
  nest: {parent: __parentId, key: id, into: children}
  structure:
    id: VARCHAR
    at: VARCHAR
    total: VARCHAR
    children: [{id: VARCHAR, sku: VARCHAR, children: [{tax: VARCHAR}]}]
source_system: bulk
tables:
  shop_order:
    columns: {store_id: {const: main}, order_id: id, created_ts: at, status: {const: paid}, total_amount: total}
  shop_order_line:
    from: unnest(children) as line
    columns:
      store_id: {const: main}
      order_id: id
      line_id: line.id
      created_ts: at
      sku: line.sku
      line_tax_amount: line.children[1].tax
"""


def shop_with(home: Path, mapping: str) -> Instance:
    shop = Instance(home, {"feed": 'mapping = "own.yml"'})
    (home / "own.yml").write_text(mapping, encoding="utf-8")
    return shop


def test_blank_cells_take_the_value_of_their_group(tmp_path: Path) -> None:
    """A cell that holds something keeps it, a column that is not named stays blank, no order has no group."""
    shop = shop_with(tmp_path, SHEET)
    rows = ["order,created,total,sku,price", "1,2026-03-02 10:00,30,a,10", "1, ,,b,", "1,,,c,5"]
    rows += ["2,2026-03-02 11:00,7,d,", "2,,,e,", ",2026-03-02 12:00,1,f,1", ",,,g,"]
    shop.deliver("feed", "a.csv", "\n".join(rows))
    [result] = shop.ingest()
    assert result.counts[RECORDS] == Counts(rows_in=7, loaded=7)
    assert result.counts["raw.shop_order"] == Counts(rows_in=4, loaded=2, rejected=2)
    assert shop.rejects() == [
        ("raw.shop_order", 7, ["missing:order_id"]),
        ("raw.shop_order", 8, ["missing:order_id", "missing:created_ts"]),
        ("raw.shop_order_line", 7, ["missing:order_id"]),
        ("raw.shop_order_line", 8, ["missing:order_id", "missing:created_ts"]),
    ]
    assert shop.rows("select order_id, line_id, sku, unit_price_amount from raw.shop_order_line order by all") == [
        ("1", "1", "a", 10),
        ("1", "2", "b", 10),
        ("1", "3", "c", 5),
        ("2", "1", "d", None),
        ("2", "2", "e", None),
    ]


def test_the_first_row_of_a_group_that_cannot_be_read_gives_nothing_away(tmp_path: Path) -> None:
    """Row 2 has a cell too many: what its order has in common is unknown, and not that of the order before."""
    shop = shop_with(tmp_path, SHEET)
    rows = ["order,created,total,sku,price", "1,2026-03-02 10:00,30,a,10", "2,2026-03-02 11:00,7,b,3,0", "2,,,c,4"]
    shop.deliver("feed", "a.csv", "\n".join(rows))
    shop.ingest()
    assert shop.rows("select order_id from raw.shop_order") == [("1",)]
    assert [(table, row) for table, row, _ in shop.rejects()] == [
        ("(records)", 3),
        ("raw.shop_order", 4),
        ("raw.shop_order_line", 4),
    ]


def test_real_values_of_a_workbook_are_carried_as_such(tmp_path: Path) -> None:
    """The price of the second row is the number of the first, which the column's decimal comma does not describe."""
    shop = shop_with(
        tmp_path, SHEET.replace("unit_price_amount: price", "unit_price_amount: {expr: price, number: {decimal: ','}}")
    )
    rows: list[list[object]] = [
        ["order", "created", "total", "sku", "price"],
        ["1", "2026-03-02 10:00", 30, "a", 1.5],
        ["1", None, None, "b", None],
    ]
    shop.deliver("feed", "a.xlsx", workbook(rows))
    shop.ingest()
    assert shop.rejects() == []
    assert shop.rows("select line_id, unit_price_amount::varchar from raw.shop_order_line order by 1") == [
        ("1", "1.5000"),
        ("2", "1.5000"),
    ]


def test_lines_become_parts_of_the_record_that_they_name(tmp_path: Path) -> None:
    """A part may come late or early and have parts; numbers stay as written; what has no record is a reject."""
    shop = shop_with(tmp_path, LINES)
    day = "2026-03-02T10:00:00Z"
    lines = [
        {"sku": "early", "id": "L0", "__parentId": "O1"},
        {"id": "O1", "at": day, "total": "1.10"},
        {"id": "L1", "sku": "a", "__parentId": "O1"},
        {"id": "O2", "at": day, "total": "2", "__parentId": None},
        {"id": "L2", "sku": "b", "__parentId": "O1"},
        {"tax": "0.5", "__parentId": "L2"},
        {"id": "L3", "sku": "lost", "__parentId": "O9"},
        {"tax": "0.7", "__parentId": "L3"},
        {"id": "L4", "sku": "its own parent", "__parentId": "L4"},
        {"id": "O3", "children": []},
    ]
    shop.deliver("feed", "a.jsonl", "\n".join(json.dumps(line) for line in lines) + "\n\n{broken\n")
    [result] = shop.ingest()
    # Two orders, four lines without a record, and one that is no JSON; four lines are parts.
    assert result.counts[RECORDS] == Counts(rows_in=7, loaded=2, rejected=5)
    assert shop.rejects() == [
        ("(records)", 7, ["no_parent"]),
        ("(records)", 8, ["no_parent"]),
        ("(records)", 9, ["no_parent"]),
        ("(records)", 10, ["bad_structure:children"]),
        ("(records)", 12, ["broken_json"]),
    ]
    assert shop.rows("select order_id, total_amount::varchar from raw.shop_order order by 1") == [
        ("O1", "1.1000"),
        ("O2", "2.0000"),
    ]
    assert shop.rows("select order_id, sku, line_tax_amount::varchar from raw.shop_order_line order by 2") == [
        ("O1", "a", None),
        ("O1", "b", "0.5000"),
        ("O1", "early", None),
    ]


def test_of_a_record_that_comes_twice_each_has_its_own_parts(tmp_path: Path) -> None:
    """Two results in one file: the order of the second has lost a line."""
    shop = shop_with(tmp_path, LINES)
    order = {"id": "O1", "at": "2026-03-02T10:00:00Z", "total": "1"}
    lines = [order, *({"id": n, "sku": n, "__parentId": "O1"} for n in ("a", "b"))]
    lines += [order | {"total": "2"}, {"id": "a", "sku": "a", "__parentId": "O1"}]
    shop.deliver("feed", "a.jsonl", "\n".join(json.dumps(line) for line in lines))
    [result] = shop.ingest()
    assert result.counts["raw.shop_order"] == Counts(rows_in=2, loaded=1, superseded=1)
    assert result.counts["raw.shop_order_line"] == Counts(rows_in=3, loaded=2, duplicate=1)


def test_a_file_too_large_to_be_held_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nested_lines, "MAX_NESTED_BYTES", 100)
    shop = shop_with(tmp_path, LINES)
    shop.deliver("feed", "a.jsonl", json.dumps({"id": "O1", "total": "1" * 90}))
    [result] = shop.ingest()
    assert result.error is not None
    assert "unpacks to more than 100 bytes" in str(result.error)
