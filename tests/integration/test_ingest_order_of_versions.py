"""Which of two contents of a key holds: the vendor's version, then the extraction, then the place in the delivery."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from smm_pipeline.ingest import Counts
from smm_pipeline.ingest import run as ingest_run
from tests.ingest_fixture import Instance

FEEDS = {"orders": "mapping = \"orders.yml\"\nextracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"}
MAPPING = """
format: {kind: jsonl, structure: {id: VARCHAR, created: VARCHAR, modified: VARCHAR, status: VARCHAR}}
source_system: test
tables:
  shop_order:
    columns:
      store_id: {const: main}
      order_id: id
      created_ts: created
      updated_ts: modified
      status: status
"""
CURRENT = "select order_id, status from raw.shop_order where _is_current order by order_id"


def _shop(home: Path) -> Instance:
    shop = Instance(home, FEEDS)
    (home / "orders.yml").write_text(MAPPING, encoding="utf-8")
    return shop


def _order(status: str, modified: str = "", order: str = "1") -> str:
    return json.dumps({"id": order, "created": "2026-03-01T10:00:00Z", "modified": modified, "status": status}) + "\n"


def _name(hour: int) -> str:
    return f"f{hour}_x20261125T{hour:02d}0000Z.jsonl"


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_a_vendors_version_wins_over_none_whatever_the_time_of_the_file(tmp_path: Path, order: tuple[int, ...]) -> None:
    """The order was changed in March, the files are of November: only the vendor's clock says which is the newer."""
    files = {1: _order("completed"), 2: _order("cancelled", "2026-03-05T00:00:00Z"), 3: _order("pending")}
    shop = _shop(tmp_path)
    for hour in order:
        shop.deliver("orders", _name(hour), files[hour])
        shop.ingest()
    assert shop.rows(CURRENT) == [("1", "cancelled")]


def test_a_correction_with_a_version_is_loaded_over_one_without(tmp_path: Path) -> None:
    shop = _shop(tmp_path)
    shop.deliver("orders", _name(1), _order("completed"))
    shop.ingest()
    shop.deliver("orders", _name(2), _order("cancelled", "2026-03-05T00:00:00Z"))
    [second] = shop.ingest()
    assert second.counts["raw.shop_order"] == Counts(rows_in=1, loaded=1)


@pytest.mark.parametrize("modified", ["", "2026-03-05T00:00:00Z"])
@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_among_equal_versions_the_later_extraction_wins(tmp_path: Path, order: tuple[int, ...], modified: str) -> None:
    files = {hour: _order(status, modified) for hour, status in ((1, "paid"), (2, "completed"), (3, "paid"))}
    shop = _shop(tmp_path)
    for hour in order:
        # The empty lines keep the bytes of the first and the third file apart.
        shop.deliver("orders", _name(hour), files[hour] + "\n" * hour)
        shop.ingest()
    assert shop.rows(CURRENT) == [("1", "paid")]
    assert shop.rows("select status, hour(_version_ts) from raw.shop_order order by status") == [
        ("completed", 2),
        ("paid", 3),
    ]


@pytest.mark.parametrize("files", [1, 64])
@pytest.mark.parametrize("later_first", [False, True])
def test_of_two_rows_of_one_delivery_the_later_one_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, later_first: bool
) -> None:
    """Both orders end as their last row says, in whichever direction the hashes of the contents would decide."""
    monkeypatch.setattr(ingest_run, "BATCH_FILES", files)
    lines = [_order("pending"), _order("completed"), _order("completed", order="2"), _order("cancelled", order="2")]
    expected = [("1", "completed"), ("2", "cancelled")]
    if later_first:
        lines = [lines[1], lines[0], lines[3], lines[2]]
        expected = [("1", "pending"), ("2", "completed")]
    shop = _shop(tmp_path)
    shop.deliver("orders", _name(5), "".join(lines))
    shop.deliver("orders", _name(6), _order("paid", order="3"))
    [first, _] = shop.ingest()
    assert first.counts["raw.shop_order"] == Counts(rows_in=4, loaded=2, superseded=2)
    assert [row for row in shop.rows(CURRENT) if row[0] != "3"] == expected
    # An older delivery of one of the contents asks again, and changes nothing.
    shop.deliver("orders", _name(1), _order("pending") + _order("completed", order="2") + _order("failed"))
    shop.ingest()
    assert [row for row in shop.rows(CURRENT) if row[0] != "3"] == expected


@pytest.mark.parametrize("order", list(itertools.permutations(("a", "b", "c"))))
def test_deliveries_of_the_same_instant_end_alike_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    """Nothing says which of them is the newer, so any may hold, but always the same."""
    files = {
        "a": _order("pending") + _order("completed"),
        "b": _order("cancelled"),
        "c": _order("completed") + _order("failed"),
    }
    ends = []
    for folder, names in (("given", order), ("sorted", sorted(order))):
        shop = _shop(tmp_path / folder)
        for name in names:
            shop.deliver("orders", f"{name}_x20261125T010000Z.jsonl", files[name])
            shop.ingest()
        ends.append(shop.rows(CURRENT))
    assert ends[0] == ends[1]
