"""`smm restated`: which records came with more than one content, in which files, what differs; no persons."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.cli.restated import export_restated, list_restated, list_text
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.restated import Wanted
from tests.commands import smm
from tests.ingest_fixture import Instance
from tests.project_catalog import project_catalog

TIME = "extracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"
MAPPING = """
format: {kind: jsonl, structure: {id: VARCHAR, modified: VARCHAR, status: VARCHAR, total: VARCHAR, mail: VARCHAR}}
source_system: test
tables:
  shop_order:
    columns:
      store_id: {const: main}
      order_id: id
      created_ts: {const: "2025-03-01T10:00:00Z"}
      updated_ts: modified
      status: status
      total_amount: total
      vendor_status: status
      customer_key: mail
"""


def _order(order: str, status: str, total: str | None = "10", modified: str = "", mail: str = "a@buyer.example") -> str:
    record = {"id": order, "modified": modified, "status": status, "total": total, "mail": mail}
    return json.dumps(record) + "\n"


def _file(day: int, hour: int = 1) -> str:
    return f"=f{day}_x202511{day:02d}T{hour:02d}0000Z.jsonl"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """Orders: once, the same twice, of two versions, two contents of no version and of one, and by two feeds."""
    made = Instance(
        tmp_path_factory.mktemp("shop"), dict.fromkeys(("orders", "other"), f'mapping = "restated.yml"\n{TIME}')
    )
    (made.home / "restated.yml").write_text(MAPPING, encoding="utf-8")
    march = "2025-03-05T00:00:00Z"
    made.deliver(
        "orders",
        _file(20),
        _order("once", "paid")
        + _order("same", "paid")
        + _order("newer", "pending", modified="2025-03-04T00:00:00Z")
        + _order("plain", "pending")
        + _order("tie", "paid", "12.50", march, "b@buyer.example")
        + _order("feeds", "pending", None),
    )
    made.ingest()
    made.deliver(
        "orders",
        _file(24),
        "\n"
        + _order("same", "paid")
        + _order("newer", "paid", modified=march)
        + _order("plain", "paid")
        + _order("tie", "paid", "13.50", march, "c@buyer.example"),
    )
    made.deliver("other", _file(25), _order("feeds", "pending", "11"))
    made.ingest()
    # Another day with the content that holds is none that changes anything.
    made.deliver("orders", _file(25, 5), _order("newer", "paid", modified=march) + "\n")
    made.ingest()
    return made


def _list(shop: Instance, wanted: Wanted | None = None, limit: int = 20) -> dict[str, Any]:
    return list_restated(load_settings(shop.home), project_catalog(), wanted or Wanted(), limit)


def _keys(found: dict[str, Any]) -> list[str]:
    return [record["key"].split("|")[-1] for record in found["records"]]


def test_each_record_tells_what_differs_when_and_in_which_files(shop: Instance) -> None:
    """The newest first. What only the order of deliveries decided is a conflict; a person's key is never shown."""
    found = _list(shop)
    assert (found["total"], found["conflicts"]) == (4, 3)
    records = {record["key"]: record for record in found["records"]}
    assert list(records) == ["test|main|feeds", "test|main|newer", "test|main|plain", "test|main|tie"]
    assert {key: record["kind"] for key, record in records.items()} == {
        "test|main|feeds": "conflict",
        "test|main|newer": "restatement",
        "test|main|plain": "conflict",
        "test|main|tie": "conflict",
    }
    tie = records["test|main|tie"]
    assert (tie["table"], tie["feeds"], tie["contents"]) == ("shop_order", ["orders"], 2)
    assert (tie["first_seen"], tie["restated_at"]) == (
        datetime(2025, 11, 20, 1, tzinfo=UTC),
        datetime(2025, 11, 24, 1, tzinfo=UTC),
    )
    assert tie["differing"] == {"customer_key": None, "total_amount": ["12.5000", "13.5000"]}
    assert [(v["feed"], v["file"], v["unit"], v["row"], v["seen"].day, v["holds"]) for v in tie["versions"]] == [
        ("orders", _file(20), "line", 5, 20, False),
        ("orders", _file(24), "line", 5, 24, True),
    ]
    assert records["test|main|feeds"]["differing"] == {"total_amount": [None, "11.0000"]}
    assert records["test|main|feeds"]["feeds"] == ["orders", "other"]
    newer = records["test|main|newer"]
    assert newer["differing"]["status"] == ["pending", "paid"]
    assert newer["differing"]["updated_ts"] == ["2025-03-04 00:00:00+00", "2025-03-05 00:00:00+00"]
    # Seen again with the content that holds: that is not when it was restated.
    assert (newer["restated_at"].day, newer["versions"][1]["last_seen"]) == (24, datetime(2025, 11, 25, 5, tzinfo=UTC))


def test_the_list_is_bounded_and_narrowed(shop: Instance) -> None:
    assert _keys(_list(shop, limit=2)) == ["feeds", "newer"]
    assert _list(shop, limit=2)["total"] == 4
    assert _keys(_list(shop, Wanted(feed="other"))) == ["feeds"]
    assert _keys(_list(shop, Wanted(is_conflict=True))) == ["feeds", "plain", "tie"]
    assert _keys(_list(shop, Wanted(table="shop_order", since=datetime(2025, 11, 25, tzinfo=UTC)))) == ["feeds"]
    assert _keys(_list(shop, Wanted(table="mention"))) == []
    lines = list_text(_list(shop, limit=1)).splitlines()
    title = "conflict: shop_order test|main|feeds of orders, other: 2 contents, the first seen 2025-11-20 01:00 UTC, "
    assert lines[:2] == [f"{title}the last 2025-11-25 01:00 UTC", "  total_amount: (empty) -> 11.0000"]
    assert lines[2].startswith("and 3 more, 2 of them conflicts")
    assert list_text(_list(shop, Wanted(table="mention"))) == "no record came with more than one content"


def test_one_key_is_shown_whole(shop: Instance) -> None:
    """By the id that people know, or by the whole key: each content with its file, what differs, what does not."""
    ran = smm(shop.home, "restated", "tie")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[1:5] == [
        f"  1. orders/{_file(20)} line 5, made 2025-11-20 01:00 UTC, last seen 2025-11-20 01:00 UTC",
        f"  2. orders/{_file(24)} line 5, made 2025-11-24 01:00 UTC, last seen 2025-11-24 01:00 UTC: it holds",
        "  customer_key: differs, and is not shown",
        "  total_amount: 12.5000 -> 13.5000",
    ]
    assert "  the same in all:" in lines
    assert "    status: paid" in lines
    whole = json.loads(smm(shop.home, "restated", "test|main|tie", "--json").stdout)["records"][0]
    assert whole["same"]["updated_ts"] == "2025-03-05 00:00:00+00"
    assert "customer_key" not in whole["same"]
    keys = {key for (key,) in shop.rows("select customer_key from raw.shop_order")}
    assert len(keys) == 3
    assert not [key for key in keys if key in ran.stdout]
    once = smm(shop.home, "restated", "once")
    assert once.stdout.splitlines()[0] == "no record of key 'once' came with more than one content"


def test_the_table_for_spreadsheets_has_all_of_them(shop: Instance, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    ran = smm(shop.home, "restated", "--csv", str(file), "--conflicts", "--json")
    assert json.loads(ran.stdout)["records"] == 3
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["kind"], row["key"], row["columns"]) for row in rows] == [
        ("conflict", "test|main|feeds", "total_amount"),
        ("conflict", "test|main|plain", "status vendor_status"),
        ("conflict", "test|main|tie", "customer_key total_amount"),
    ]
    assert rows[1]["values"] == "status: pending -> paid; vendor_status: pending -> paid"
    assert rows[1]["files"] == f"orders/{_file(20)} line 4; orders/{_file(24)} line 4"


def test_what_is_not_there_is_told(shop: Instance) -> None:
    settings, catalog = load_settings(shop.home), project_catalog()
    with pytest.raises(SmmError, match=r"(?s)SMM-206.*did you mean orders\?"):
        list_restated(settings, catalog, Wanted(feed="order"), 20)
    with pytest.raises(SmmError, match=r"SMM-107: not writable: Is a directory"):
        export_restated(settings, catalog, Wanted(), None, shop.home)
    wrong = smm(shop.home, "restated", "--table", "shop_ordr")
    assert wrong.returncode == 2
    assert "did you mean shop_order?" in wrong.stderr
    assert smm(shop.home, "restated", "--days", "1").stdout.startswith("no record")


def test_counters_have_no_version_of_the_vendor(tmp_path: Path) -> None:
    """A count read later is a restatement, in whichever order they came; two counts of one time are a conflict."""
    counted = Instance(tmp_path, {"followers": f'mapping = "followers_jsonl.yml"\n{TIME}'})
    for day, followers in ((2, 70), (1, 50)):
        line = json.dumps({"community": "c1", "day": "2025-11-01", "followers": followers})
        counted.deliver("followers", _file(day), line + "\n")
        counted.ingest()
    [record] = _list(counted)["records"]
    assert record["table"] == "community_day"
    assert record["kind"] == "restatement"
    assert [(version["file"], version["holds"]) for version in record["versions"]] == [
        (_file(1), False),
        (_file(2), True),
    ]
    line = json.dumps({"community": "c1", "day": "2025-11-01", "followers": 71})
    counted.deliver("followers", _file(2).replace("f2", "again"), line + "\n")
    counted.ingest()
    assert [found["kind"] for found in _list(counted)["records"]] == ["conflict"]
    assert record["differing"] == {"value": ["50", "70"]}


def test_a_person_is_neither_in_a_key_nor_in_a_value(tmp_path: Path) -> None:
    """A customer's key is a pseudonym, and what looks like an address or a telephone in any value is masked."""
    made = Instance(tmp_path, {"crm": f'mapping = "crm.yml"\n{TIME}'})
    (tmp_path / "crm.yml").write_text(
        "format: {kind: jsonl, structure: {id: VARCHAR, note: VARCHAR}}\nsource_system: test\n"
        "tables:\n  shop_order:\n    columns:\n      store_id: {const: main}\n      order_id: id\n"
        '      created_ts: {const: "2025-03-01T10:00:00Z"}\n      status: {const: paid}\n      vendor_status: note\n'
        "  shop_customer:\n    columns:\n      store_id: {const: main}\n      user_key: id\n      country: note\n",
        encoding="utf-8",
    )
    for day, note in ((20, "ask x@buyer.example"), (21, "call +380 50 000 00 00")):
        made.deliver("crm", _file(day), json.dumps({"id": "z@buyer.example", "note": note}) + "\n")
        made.ingest()
    found = _list(made)
    assert [(r["table"], r["key"]) for r in found["records"]] == [
        ("shop_customer", "test|main|(person)"),
        ("shop_order", "test|main|(...)"),
    ]
    assert found["records"][1]["differing"] == {"vendor_status": ["ask (...)", "call (...)"]}
