"""Deliveries of the model's shop: their files, and the feed that reads them.

Belongs here: the bytes of orders and the mapping. Does not belong here: which deliveries come (test_histories.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.model.versions import NONE, Order

MAPPING = """
format:
  kind: jsonl
  structure:
    {id: VARCHAR, extracted: VARCHAR, created: VARCHAR, modified: VARCHAR, status: VARCHAR,
     lines: [{id: VARCHAR, pieces: VARCHAR}]}
source_system: model
extracted_ts: extracted
tables:
  shop_order:
    columns:
      {store_id: {const: main}, order_id: id, created_ts: created, updated_ts: modified,
       status: status}
  shop_order_line:
    from: unnest(lines) as line
    columns:
      {store_id: {const: main}, order_id: id, line_id: line.id, created_ts: created,
       updated_ts: modified, quantity: line.pieces}
"""
FEED = "mapping = \"model.yml\"\nextracted_at = '_x(?P<ts>\\d{8}T\\d{6}Z)'"


@dataclass(frozen=True)
class Delivery:
    """A file: its name, its orders and their bytes, and the hour at which it was extracted."""

    name: str
    orders: tuple[Order, ...]
    content: bytes
    hour: int


def time_of(hour: int) -> str:
    """An hour as deliveries write it."""
    return f"2026-11-01T{hour:02d}:00:00Z"


def line_of(order: Order, extracted: str | None) -> str:
    """An order as a line of a file, which tells when it was extracted or leaves it to the file's name."""
    record = {
        "id": order.order_id,
        "extracted": extracted,
        "created": f"2026-03-0{order.day}T10:00:00Z",
        "modified": f"2026-03-0{order.modified}T00:00:00Z" if order.modified != NONE else None,
        "status": order.status,
        "lines": [{"id": line, "pieces": pieces} for line, pieces in order.lines],
    }
    return json.dumps(record) + "\n"
