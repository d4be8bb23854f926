"""The YAML of a mapping: keys that it does not read as they are written, and keys that stand twice."""

from __future__ import annotations

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import parse_mapping

GOOD = """
format: {kind: csv}
source_system: test
columns: [date, "Order ID"]
tables:
  calendar_day:
    columns:
      calendar_date: date
      kind: {const: payday}
      name: Order ID
"""


@pytest.mark.parametrize(
    ("structure", "says"),
    [
        ("{no: VARCHAR}", "line 2: expected text as key; YAML reads no without quotes as False: write 'no'"),
        ("{a: {Off: VARCHAR}}", "YAML reads Off without quotes as False: write 'Off'"),
        ("{a: [{on: VARCHAR}]}", "YAML reads on without quotes as True: write 'on'"),
        ("{null: VARCHAR, yes: VARCHAR}", "YAML reads null without quotes as None: write 'null'; line 2: "),
        ("{2026-03-01: VARCHAR}", "YAML reads 2026-03-01 without quotes as 2026-03-01: write '2026-03-01'"),
    ],
)
def test_a_field_that_yaml_does_not_read_as_text_is_named(structure: str, says: str) -> None:
    """At any depth: deeper than the first such a field was taken for one named False, which no record has."""
    with pytest.raises(SmmError) as raised:
        parse_mapping(GOOD.replace("{kind: csv}", f"{{kind: json, structure: {structure}}}"), where="x.yml")
    assert (raised.value.code, raised.value.where) == ("SMM-204", "x.yml")
    assert says in raised.value.what


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "      name:",
            "      kind: {const: holiday}\n      name:",
            "line 10: kind stands twice, first in line 9, and YAML keeps the last alone: leave one out",
        ),
        (
            "tables:\n",
            "tables:\n  calendar_day:\n    columns: {calendar_date: date}\n",
            "line 8: calendar_day stands twice, first in line 6",
        ),
        ("{const: payday}", "{expr: date, map: {'5': a, 5: b}}", "line 9: 5 stands twice, first in line 9"),
        ("{kind: csv}", "{kind: json, structure: {a: [{b: VARCHAR, b: VARCHAR}]}}", "line 2: b stands twice"),
    ],
)
def test_a_key_that_stands_twice_is_named(old: str, new: str, says: str) -> None:
    """The first was left out without a word."""
    assert old in GOOD
    with pytest.raises(SmmError) as raised:
        parse_mapping(GOOD.replace(old, new), where="x.yml")
    assert (raised.value.code, raised.value.where) == ("SMM-204", "x.yml")
    assert says in raised.value.what


def test_a_key_over_the_same_one_of_what_is_merged_passes() -> None:
    text = GOOD.replace("    columns:\n", "    columns: &day\n") + (
        "  smm_cost:\n    columns: &cost {<<: *day, kind: date}\n  smm_plan:\n    columns: {<<: *cost, kind: date}\n"
    )
    tables = parse_mapping(text, where="x").tables
    assert [tables[name].columns["kind"].expr for name in ("smm_cost", "smm_plan")] == ["date", "date"]


def test_such_fields_pass_in_quotes() -> None:
    text = GOOD.replace("{kind: csv}", "{kind: json, structure: {'no': VARCHAR, a: {\"on\": VARCHAR}, 5: VARCHAR}}")
    assert parse_mapping(text, where="x").structure == {"no": "VARCHAR", "a": {"on": "VARCHAR"}, "5": "VARCHAR"}


def test_a_file_that_is_no_mapping_is_not_repeated() -> None:
    """It may be the wrong one, such as .env with the person key."""
    with pytest.raises(SmmError) as raised:
        parse_mapping("SMM_PERSON_KEY=0123456789", where=".env")
    assert raised.value.what == "the whole file: expected a mapping (key: value)"
