"""Names that vary: a header in several languages, and a vendor's name that holds for a time only."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.ingest_fixture import Instance

HEADERS = """
format: {kind: [csv, parquet]}
source_system: test
columns: {day: [Date, Дата], members: [Members, Підписники, Подписчики], note: []}
required_columns: [day, members]
tables:
  community_day:
    columns:
      network: {const: telegram}
      community_id: {const: c}
      metric_date: day
      metric: {const: followers}
      vendor_metric: note
      value: members
      value_kind: {const: level}
"""
METRICS = """
format: {kind: csv}
source_system: test
columns: [day, metric, value]
tables:
  community_day:
    columns:
      network: {const: facebook}
      community_id: {const: c}
      metric_date: day
      metric:
        expr: metric
        map:
          fans: {to: followers, until: 2025-11-15}
          follows: {to: followers, since: 2025-11-15}
          seen: {to: views, since: 2025-11-01, until: 2025-11-16}
          reach: {until: 2025-11-15}
          clicks: link_clicks
      value: value
      value_kind: {const: daily_flow}
"""


def test_a_header_in_any_of_its_languages(tmp_path: Path) -> None:
    """Ukrainian and Russian text files, and English Parquet; a name of no column is reported."""
    shop = Instance(tmp_path, {"feed": 'mapping = "m.yml"'})
    (tmp_path / "m.yml").write_text(HEADERS, encoding="utf-8")
    shop.deliver("feed", "a.csv", "Дата,Підписники,note\n2026-03-01,5,x\n")
    shop.deliver("feed", "b.csv", "Подписчики,Город,day\n6,Kyiv,2026-03-02\n")
    with duckdb.connect() as con:
        target = tmp_path / "landing" / "feed" / "c.parquet"
        con.execute(f"copy (select '2026-03-03' as Date, 7 as Members, 'y' as note) to '{target}' (format parquet)")
    results = shop.ingest()
    assert [r.warnings for r in results] == [
        (),
        ("columns not in the file: note", "columns not in the mapping: Город"),
        (),
    ]
    rows = shop.rows("select metric_date::varchar, value, vendor_metric from raw.community_day order by 1")
    assert rows == [("2026-03-01", 5, "x"), ("2026-03-02", 6, None), ("2026-03-03", 7, "y")]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("Date,Members,Подписчики", "two columns for members: Members, Подписчики"),
        ("day,Memebrs,note", "missing columns: members (or Members, Підписники, Подписчики)"),
        ("Дата;Підписники;note", "the header as read: Дата;Підписники;note"),
    ],
)
def test_a_header_that_cannot_be_told_is_refused(tmp_path: Path, header: str, says: str) -> None:
    shop = Instance(tmp_path, {"feed": 'mapping = "m.yml"'})
    (tmp_path / "m.yml").write_text(HEADERS, encoding="utf-8")
    shop.deliver("feed", "a.csv", header + "\n1,2,3\n")
    [result] = shop.ingest()
    assert result.error is not None
    assert result.error.code == "SMM-202"
    assert says in result.error.what


def test_a_name_outside_its_days_is_a_gap(tmp_path: Path) -> None:
    """The day before, the day itself; a zero of a retired metric is none."""
    shop = Instance(tmp_path, {"feed": 'mapping = "m.yml"'})
    (tmp_path / "m.yml").write_text(METRICS, encoding="utf-8")
    lines = [
        "2025-11-14,fans,100", "2025-11-14,follows,101", "2025-11-15,fans,0", "2025-11-15,follows,102",
        "2025-10-31,seen,1", "2025-11-01,seen,2", "2025-11-15,seen,3", "2025-11-16,seen,4",
        "2025-11-14,reach,5", "2025-11-15,reach,", "2025-11-15,clicks,6", "soon,fans,7",
    ]  # fmt: skip
    shop.deliver("feed", "a.csv", "\n".join(["day,metric,value", *lines]))
    shop.ingest()
    assert [r[1:] for r in shop.rejects()] == [
        (3, ["not_yet:follows"]),
        (4, ["retired:fans"]),
        (6, ["not_yet:seen"]),
        (9, ["retired:seen"]),
        (11, ["retired:reach"]),
        (13, ["bad_date:metric_date"]),
    ]
    rows = shop.rows("select metric_date::varchar, metric, value from raw.community_day order by all")
    assert rows == [
        ("2025-11-01", "views", 2),
        ("2025-11-14", "followers", 100),
        ("2025-11-14", "reach", 5),
        ("2025-11-15", "followers", 102),
        ("2025-11-15", "link_clicks", 6),
        ("2025-11-15", "views", 3),
    ]


TAKEN = """
format: {kind: jsonl, structure: {day: VARCHAR, Document: VARCHAR, delivery_date: VARCHAR, delivery_id: VARCHAR,
    delivered_ts: VARCHAR, is_again: VARCHAR}}
source_system: test
let: {all_of_them: "concat_ws(' ', Document, delivery_date, delivery_id, delivered_ts, is_again)"}
tables:
  calendar_day:
    columns: {calendar_date: day, kind: {const: payday}, name: all_of_them, country: delivery_date}
"""


def test_fields_may_be_called_what_ingest_calls_its_own(tmp_path: Path) -> None:
    """A shop's orders have a delivery too. The version is the time of the file, 2026-03-01, as without them."""
    shop = Instance(tmp_path, {"feed": 'mapping = "m.yml"'})
    (tmp_path / "m.yml").write_text(TAKEN, encoding="utf-8")
    line = '{"day": "2026-03-02", "Document": "a", "delivery_date": "b", "delivery_id": "c", "delivered_ts": "d", '
    shop.deliver("feed", "a.jsonl", line + '"is_again": "e"}', mtime=1772323200)
    [result] = shop.ingest()
    assert result.status == "loaded", result.error
    rows = shop.rows("select name, country, _version_ts::varchar from raw.calendar_day")
    assert rows == [("a b c d e", "b", "2026-03-01 00:00:00+00")]
