"""Which column a name stands for, and which accepted value a word."""

from __future__ import annotations

import pytest
import yaml

from smm_pipeline.drafting import closeness
from smm_pipeline.drafting.closeness import near_value, plain
from tests.project_catalog import project_catalog

SENTIMENTS = ("positive", "neutral", "negative", "unknown")


def test_names_are_compared_by_their_words() -> None:
    assert plain("createdAt") == plain("Created at") == plain("created_at") == "created at"
    assert plain("№ замовлення") == "№ замовлення"


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", "positive"),
        ("0", "neutral"),
        ("-1", "negative"),
        (" Негатив ", "negative"),
        ("-2", ""),
        ("bad!", "negative"),
    ],
)
def test_words_of_a_vendor_stand_for_accepted_values(word: str, value: str) -> None:
    assert near_value(word, SENTIMENTS) == value


def test_synonyms_are_those_of_contracts_and_each_stands_once() -> None:
    """A word for two values of one column would be a guess."""
    written = yaml.safe_load(closeness._SYNONYM_FILE.read_text(encoding="utf-8"))
    columns = [column for spec in project_catalog().layer("raw") for column in spec.columns]
    assert written["columns"].keys() <= {column.name for column in columns}
    accepted = [tuple(column.rules.get("accepted", ())) for column in columns]
    assert written["values"].keys() <= {value for values in accepted for value in values}
    for name, words in written["columns"].items():
        assert words, name
        assert len({plain(name), *map(plain, words)}) == len(words) + 1, name
    for values in set(accepted):
        known = [near_value(word, values) for value in values for word in written["values"].get(value, ())]
        assert known == [value for value in values for _ in written["values"].get(value, ())]
