"""By which words a search is one for the brand."""

from __future__ import annotations

import duckdb
import pytest

from smm_pipeline.setting_types import whole_words


@pytest.mark.parametrize(
    ("query", "is_brand"),
    [
        ("our brand", True),
        ("київ our  brand відгуки", True),
        ("ourbrand.ua", False),
        ("your brand", False),
        ("our brands", False),
        ("домівка: купити", True),
        ("домівкар", False),
        ("c++ shop", True),
        ("c shop", False),
    ],
)
def test_a_word_stands_as_a_whole(query: str, is_brand: bool) -> None:
    pattern = whole_words(["Our Brand", "Домівка", "C++"])
    assert duckdb.execute("select regexp_matches(?, ?)", [query, pattern]).fetchone() == (is_brand,)
