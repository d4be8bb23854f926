"""Records that are parts of one."""

from __future__ import annotations

from pathlib import Path

from smm_pipeline.ingest import RECORDS, Counts
from tests.ingest_fixture import Instance

MAPPING = """
format: {kind: csv}
source_system: test
columns: [day, city, views]
skip: [{where: city = 'test', reason: test_city}]
combine: {by: "nullif(day, '')", each: views, into: cities}
tables:
  community_day:
    where: city <> 'nowhere'
    columns:
      network: {const: youtube}
      community_id: {const: c}
      metric_date: day
      metric: {const: views}
      vendor_metric: len(cities)
      value: total_of(cities)
      value_kind: {const: daily_flow}
"""


def test_parts_of_a_record_are_read_with_the_first(tmp_path: Path) -> None:
    """Parts need not follow one another; one that cannot be read rejects the whole, one that is unknown makes it so."""
    shop = Instance(tmp_path, {"feed": 'mapping = "m.yml"'})
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    lines = [
        "2026-03-01,Kyiv,5", "2026-03-02,Kyiv,1", "2026-03-01,Lviv,7", "2026-03-01,test,100", "2026-03-01,,3",
        "2026-03-03,Kyiv,1", "2026-03-03,Lviv,many", "2026-03-04,Kyiv,1", "2026-03-04,Lviv,",
        "2026-03-05,nowhere,1", "2026-03-05,Lviv,2", ",Kyiv,1", ",Lviv,1",
    ]  # fmt: skip
    shop.deliver("feed", "a.csv", "\n".join(["day,city,views", *lines]))
    shop.deliver("feed", "b.csv", "day,city,views\n2026-03-06,Kyiv,9")
    first, second = shop.ingest()
    # Line 5 is skipped; of the fifth of March the first part is none of the table, so both parts are left over.
    assert first.counts[RECORDS] == Counts(rows_in=13, loaded=10, rejected=3)
    assert first.counts["raw.community_day"] == Counts(rows_in=6, loaded=3, rejected=3)
    assert second.counts["raw.community_day"] == Counts(rows_in=1, loaded=1)
    rows = shop.rows("select metric_date::varchar, vendor_metric, value from raw.community_day order by 1")
    assert rows == [("2026-03-01", "3", 15), ("2026-03-02", "1", 1), ("2026-03-04", "2", None), ("2026-03-06", "1", 9)]
    assert [r for r in shop.rejects() if r[0] == RECORDS] == [
        (RECORDS, 5, ["skipped:test_city"]),
        (RECORDS, 11, ["skipped:no_row"]),
        (RECORDS, 12, ["skipped:no_row"]),
    ]
    assert [r[1:] for r in shop.rejects() if r[0] != RECORDS] == [
        (7, ["bad_number:value"]),
        (13, ["missing:metric_date"]),
        (14, ["missing:metric_date"]),
    ]
