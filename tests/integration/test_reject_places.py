"""Where a reject is said to stand is where an editor or a spreadsheet finds it, for every kind of file."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import duckdb
from openpyxl import Workbook  # type: ignore[import-untyped]  # has no types of its own

from smm_pipeline.cli.rejects import list_rejects, list_text, show_reject, show_text
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.rejects import Wanted
from tests.ingest_fixture import Instance
from tests.project_catalog import project_catalog

TABLE = """
source_system: test
columns: [community, day, followers]
tables:
  community_day:
    columns:
      {network: {const: telegram}, community_id: community, metric_date: day, metric: {const: followers},
       value: followers, value_kind: {const: level}}
"""
# Seven lines up to the first fault, one of them empty, one within quotes; the second fault begins on the eighth.
SHEET = (
    '"Report of March"\r\n,,\r\ncommunity,day,followers\r\n"c\r\n1",2026-03-01,5\r\n\r\n'
    'c2,2026-03-01,many\r\n"c\r\n3",2026-03-01,some\r\n'
)
BOOK = [
    ["Report of March"],
    [],
    ["community", "day", "followers"],
    ["c1", "2026-03-01", 5],
    [],
    ["c2", "2026-03-01", "many"],
]


def _record(community: str, followers: str) -> dict[str, str]:
    return {"community": community, "day": "2026-03-01", "followers": followers}


def test_a_reject_is_found_by_the_number_it_is_told_with(tmp_path: Path) -> None:
    feeds = {name: f'mapping = "{name}.yml"' for name in ("book", "columnar", "gone", "sheet")}
    feeds |= {name: f'mapping = "followers_{name}.yml"' for name in ("json", "jsonl")}
    shop = Instance(tmp_path, feeds)
    for name, fmt in (
        ("sheet", "{kind: csv, header_within: 9}"),
        ("book", "{kind: xlsx, header_within: 9}"),
        ("columnar", "{kind: parquet}"),
        ("gone", "{kind: csv, header_within: 9}"),
    ):
        (tmp_path / f"{name}.yml").write_text(f"format: {fmt}{TABLE}", encoding="utf-8")
    shop.deliver("sheet", "s.csv", SHEET)
    shop.deliver("gone", "g.csv", SHEET.replace("2026-03-01", "2026-03-02"))
    records = [_record("c1", "5"), _record("c2", "many")]
    shop.deliver("jsonl", "l.jsonl", f"{json.dumps(records[0])}\n\n{json.dumps(records[1])}\n")
    shop.deliver("json", "d.json", json.dumps(records, indent=2))
    book, content = Workbook(), BytesIO()
    for row in BOOK:
        book.active.append(row)
    book.save(content)
    shop.deliver("book", "b.xlsx", content.getvalue())
    columnar = tmp_path / "p.parquet"
    rows = "values ('c1', '2026-03-01', '5'), ('c2', '2026-03-01', 'many')"
    duckdb.execute(f"copy (select * from ({rows}) as t(community, day, followers)) to '{columnar}' (format parquet)")
    shop.deliver_copy("columnar", columnar)
    shop.ingest()
    (tmp_path / "gone.yml").unlink()

    settings, catalog = load_settings(tmp_path), project_catalog()
    listed = list_rejects(settings, catalog, Wanted(), 20)
    assert [(r["file"], r["unit"], r["row"]) for r in listed["rejects"]] == [
        ("b.xlsx", "row", 6),
        ("p.parquet", "row", 2),
        ("g.csv", "record", 7),
        ("g.csv", "record", 8),
        ("d.json", "record", 2),
        ("l.jsonl", "line", 3),
        ("s.csv", "line", 7),
        ("s.csv", "line", 8),
    ]
    lines = SHEET.split("\r\n")
    assert (lines[7 - 1], lines[8 - 1]) == ("c2,2026-03-01,many", '"c')
    assert "jsonl/l.jsonl line 3, community_day: bad_number:value" in list_text(listed)
    shown = show_text(show_reject(settings, catalog, listed["rejects"][-1]["id"]))
    assert ": line 8 of sheet/s.csv, for community_day\n" in shown
    assert "\nthe original: line 8 of /" in shown
