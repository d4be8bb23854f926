"""Values and file names that look like SQL, paths, formulas or templates are text, wherever a feed may have them."""

from __future__ import annotations

import json
from pathlib import Path

from smm_pipeline.ingest import RECORDS, Counts
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.connection import connect
from tests.ingest_fixture import Instance

HOSTILE = [
    "'; drop table raw.community_day; --",
    "\"; attach 'x' as y; --",
    "') or 1=1 union select * from meta.delivery --",
    "$1 ? :name {feed} %s {{ 7 * 7 }} ${HOME} $(id) `id`",
    "read_csv('/etc/passwd')",
    "../../../etc/passwd",
    "=cmd|' /c calc'!A1",
    "\\'; \\n \\x00 \\u0027",
    "/* */ -- # ;",
    "raw.community_day",
    "select",
    "null'",
    "ком'юніті ☃ \U0001d518 \u202edxe",
    "a" * 100_000,
]


def test_hostile_values_are_text(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"feed": 'mapping = "followers_jsonl.yml"'})
    lines = [
        json.dumps({"community": text, "day": "2026-03-01", "followers": n, "tags": [text]}, ensure_ascii=n % 2 == 0)
        for n, text in enumerate(HOSTILE)
    ]
    shop.deliver("feed", "x'); drop table meta.delivery; --.jsonl", "\n".join(lines))
    [result] = shop.ingest()
    assert result.counts[RECORDS] == Counts(rows_in=len(HOSTILE), loaded=len(HOSTILE))
    kept = shop.rows("select community_id from raw.community_day order by value")
    assert [row[0] for row in kept] == HOSTILE


def test_keys_that_hold_the_sign_between_the_parts_of_a_key_stay_two(tmp_path: Path) -> None:
    """Put together with U+001F between them, both would read a, b, c."""
    mapping = """
format: {kind: jsonl, structure: {community: VARCHAR, post: VARCHAR}}
source_system: test
tables:
  community_post:
    columns:
      {network: {const: vk}, community_id: community, post_id: post, published_ts: {const: "2026-03-01T10:00:00Z"}}
"""
    (tmp_path / "own.yml").write_text(mapping, encoding="utf-8")
    shop = Instance(tmp_path, {"feed": 'mapping = "own.yml"'})
    posts = [("a\x1fb", "c"), ("a", "b\x1fc")]
    shop.deliver("feed", "a.jsonl", "\n".join(json.dumps({"community": c, "post": p}) for c, p in posts))
    [result] = shop.ingest()
    assert result.counts["raw.community_post"] == Counts(rows_in=2, loaded=2)
    assert shop.rows("select community_id, post_id from raw.community_post where _is_current order by 2 desc") == posts


def test_hostile_constants_and_maps_of_a_mapping_are_text(tmp_path: Path) -> None:
    """A mapping's words become part of the SQL; each has quotes of its own there."""
    hostile = HOSTILE[:10]
    (tmp_path / "hostile.yml").write_text(
        json.dumps(
            {
                "format": {"kind": "jsonl", "structure": {'it\'s "odd"; --': "VARCHAR", "n": "VARCHAR"}},
                "source_system": hostile[0],
                "tables": {
                    "community_day": {
                        "columns": {
                            "network": {"const": hostile[1]},
                            "community_id": {"expr": "n", "map": {str(n): text for n, text in enumerate(hostile)}},
                            "metric_date": {"const": "2026-03-01"},
                            "metric": {"const": "followers"},
                            "vendor_metric": {"expr": 'it\'s "odd"; --'},
                            "value": "n",
                            "value_kind": {"const": "level"},
                        }
                    }
                },
            }
        ),
        encoding="utf-8",
    )
    shop = Instance(tmp_path, {"feed": 'mapping = "hostile.yml"'})
    lines = [json.dumps({'it\'s "odd"; --': text, "n": n}) for n, text in enumerate(hostile)]
    shop.deliver("feed", "a.jsonl", "\n".join(lines))
    [result] = shop.ingest()
    assert (result.error, shop.rejects()) == (None, [])
    with connect(load_settings(tmp_path)) as con:
        found = con.execute(
            "select source_system, network, community_id, vendor_metric from raw.community_day order by value"
        )
        assert found.fetchall() == [(hostile[0], hostile[1], text, text) for text in hostile]
