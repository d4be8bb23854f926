"""Text without names: CSV whose cells are told by their place, and plain lines such as a server's log."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

from smm_pipeline.ingest import RECORDS, Counts
from tests.ingest_fixture import Instance

COLUMNS = """
tables:
  community_day:
    columns:
      network: {const: telegram}
      community_id: %s
      metric_date: %s
      metric: {const: followers}
      value_kind: {const: level}
      value: %s
"""
NAMELESS = (
    """
format: {kind: csv, delimiter: "\\t", quote: "", header_row: 0}
source_system: test
columns: [community, day, followers]
"""
    + COLUMNS % ("community", "day", "followers")
)
LINES = (
    """
format: {kind: lines}
source_system: test
reject_text: false
let: {part: "string_split(line, ' ')"}
skip: [{where: "starts_with(line, '#')", reason: comment}]
"""
    + COLUMNS % ("part[1]", "part[2]", "part[3]")
)


def _shop(tmp_path: Path, mapping: str) -> Instance:
    shop = Instance(tmp_path, {"feed": 'mapping = "feed.yml"'})
    (tmp_path / "feed.yml").write_text(mapping, encoding="utf-8")
    return shop


def test_cells_without_a_header_are_told_by_their_place(tmp_path: Path) -> None:
    """The first row is a record like others; a quote is a character; a row of another length is a reject."""
    shop = _shop(tmp_path, NAMELESS)
    content = 'club"s\t2026-03-01\t120\n\nb\t2026-03-01\nc\t2026-03-02\t0\n'
    shop.deliver("feed", "part.tsv.gz", gzip.compress(content.encode()))
    [result] = shop.ingest()
    assert result.counts[RECORDS] == Counts(rows_in=3, loaded=2, rejected=1)
    assert result.warnings == ()
    assert shop.rejects() == [(RECORDS, 3, ["ragged_row:2_cells_for_3_columns"])]
    assert shop.rows("select community_id, metric_date, value from raw.community_day order by 1") == [
        ("c", date(2026, 3, 2), 0),
        ('club"s', date(2026, 3, 1), 120),
    ]


def test_each_line_is_a_record(tmp_path: Path) -> None:
    """A byte order mark and blank lines are none; a line in another encoding is a reject, and no text of it is kept."""
    shop = _shop(tmp_path, LINES)
    lines = [
        "\ufeffa 2026-03-01 5",
        "",
        "# по-русски",
        "клуб 2026-03-01 6\r",
        "  ",
        "c 2026-03-01 none",
        "e 2026-03-01 \0",
    ]
    shop.deliver("feed", "a.log", "\n".join(lines).encode() + b"\nd\xff 2026-03-01 7\n\nf 2026-03-01 8")
    [result] = shop.ingest()
    assert result.counts[RECORDS] == Counts(rows_in=7, loaded=4, rejected=3)
    assert result.counts["raw.community_day"] == Counts(rows_in=4, loaded=3, rejected=1)
    assert shop.rejects() == [
        (RECORDS, 3, ["skipped:comment"]),
        (RECORDS, 7, ["nul_character"]),
        (RECORDS, 8, ["not_decodable"]),
        ("raw.community_day", 6, ["bad_number:value"]),
    ]
    assert shop.rows("select distinct record from quality.rejects") == [(None,)]
    assert shop.rows("select community_id, value from raw.community_day order by 2") == [
        ("a", 5),
        ("клуб", 6),
        ("f", 8),
    ]


def test_lines_may_be_in_another_encoding(tmp_path: Path) -> None:
    shop = _shop(tmp_path, LINES.replace("kind: lines", "kind: lines, encoding: cp1251"))
    shop.deliver("feed", "a.log", "клуб 2026-03-01 6\n".encode("cp1251"))
    shop.ingest()
    assert shop.rows("select community_id from raw.community_day") == [("клуб",)]


def test_lines_may_be_told_to_have_a_byte_order_mark(tmp_path: Path) -> None:
    shop = _shop(tmp_path, LINES.replace("kind: lines", "kind: lines, encoding: utf-8-sig"))
    shop.deliver("feed", "a.log", "\ufeffa 2026-03-01 6\nb 2026-03-01 7")
    shop.ingest()
    assert shop.rows("select community_id from raw.community_day order by value") == [("a",), ("b",)]


def test_a_file_without_lines_is_refused(tmp_path: Path) -> None:
    shop = _shop(tmp_path, LINES)
    shop.deliver("feed", "empty.log", "\n \n")
    shop.deliver("feed", "one.log", b"a" * (1 << 20))
    said = {r.file_path: r.error for r in shop.ingest()}
    assert "no line with anything in it" in str(said["empty.log"])
    assert "line 1 is longer than 1048576 bytes" in str(said["one.log"])
    assert {e.code for e in said.values() if e} == {"SMM-201"}
