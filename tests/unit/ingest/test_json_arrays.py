"""Large arrays: cut by their signs, they hold what a strict parser of the whole finds in them."""

from __future__ import annotations

import io
import json
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smm_pipeline.ingest import json_arrays
from smm_pipeline.ingest.json_arrays import Element, elements
from smm_pipeline.ingest.text_readers import parse_json

SIGNS = st.text('ab"\\/{}[],:.1e \n\u0456\U0001f600', max_size=6)
NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.just(10**30))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | SIGNS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SIGNS, inner, max_size=3),
    max_leaves=8,
)
LAYOUTS = st.sampled_from(
    [
        {"separators": (",", ":")},
        {"indent": 2},
        {"ensure_ascii": False, "separators": (" ,\r\n\t", " : ")},
    ]
)


def _read(document: bytes, block: int, head: int) -> list[Element]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_arrays, "_BLOCK_BYTES", block)
        return list(elements(document[:head], io.BytesIO(document[head:])))


def _values(document: bytes, block: int, head: int) -> list[Any] | None:
    try:
        return [parse_json(element.text.decode()) for element in _read(document, block, head)]
    except ValueError:
        return None


def _whole(document: bytes) -> Any:
    try:
        return parse_json(document.decode("utf-8-sig"))
    except ValueError:
        return None


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, max_size=6), LAYOUTS, st.integers(1, 60), st.integers(1, 9))
def test_the_elements_of_an_array_are_those_of_a_parser(
    values: list[Any], layout: dict[str, Any], block: int, head: int
) -> None:
    document = json.dumps(values, **layout).encode()
    assert _values(document, block, head) == _whole(document)
    begin = b"\xef\xbb\xbf \n " + b" " * block
    assert _values(begin + document, block + len("\ufeff".encode()), len(begin) + 1) == _whole(document)


@settings(max_examples=600)
@given(st.lists(VALUES, max_size=4), LAYOUTS, st.integers(1, 60), st.integers(0, 200), st.integers(0, 2), SIGNS)
@example([{"a": "x"}], {"separators": (",", ":")}, 60, 6, 1, "")
@example([{"a": 1}, {"b": 2}], {"separators": (",", ":")}, 60, 8, 1, " ")
def test_what_is_no_array_has_an_element_that_is_no_json_or_ends_otherwise(
    values: list[Any], layout: dict[str, Any], block: int, place: int, cut: int, put: str
) -> None:
    """An array with a few characters cut out of it, and others put in, is read as a parser of the whole reads it."""
    text = json.dumps(values, **layout)
    place = min(place, len(text))
    document = ("[" + (text[:place] + put + text[place + cut :])[1:]).encode()
    assert _values(document, block, 1) == _whole(document)


@pytest.mark.parametrize(
    ("number", "is_plain"),
    [
        ("1.1", True),
        ("-250.05", True),
        ("99999999999.9999", True),
        ("0.0001", True),
        ("17", True),
        ("1.10", False),
        ("1.0", False),
        ("0.00001", False),
        ("123456789012.5", False),
        ("1e5", False),
        ("1.5E3", False),
        ("12345678901234567890.12", False),
    ],
)
def test_numbers_that_a_double_would_change_are_not_plain(number: str, is_plain: bool) -> None:
    document = f'[{{"n": {number}, "of": "1.10 1e5"}}, {{"n":{number}}},{{"n":[{number}]}}]'.encode()
    found = _read(document, 1000, 1)
    assert [element.is_plain for element in found] == [is_plain] * 3


@settings(max_examples=300)
@given(st.integers(-(10**20), 10**20), st.integers(0, 8))
def test_duckdb_reads_a_plain_number_as_it_is_written(digits: int, places: int) -> None:
    whole, fraction = divmod(abs(digits), 10**places)
    number = ("-" if digits < 0 else "") + (f"{whole}.{fraction:0{places}}" if places else f"{whole}")
    [found] = _read(f'[{{"n":{number}}}]'.encode(), 100, 1)
    if found.is_plain:
        read = duckdb.execute('select from_json(?, \'{"n":"VARCHAR"}\').n', [found.text.decode()]).fetchone()
        assert read == (number.replace("-0", "0") if number == "-0" else number,)


def test_of_a_field_within_a_field_that_is_named_twice_every_reader_takes_the_first() -> None:
    text = '{"a": {"b": "1", "c": "2", "b": "3"}}'
    read = duckdb.execute('select from_json(?, \'{"a":{"b":"VARCHAR","c":"VARCHAR"}}\')', [text]).fetchone()
    assert read == (parse_json(text),) == ({"a": {"b": "1", "c": "2"}},)


def test_a_line_break_amid_a_text_is_not_plain_and_one_between_values_is() -> None:
    found = _read(b'[{"a":\n1}, {"a": "x\ny"}, {"a": "z"}, 7, "{"]', 1000, 1)
    assert [element.is_plain for element in found] == [True, False, True, False, False]


def test_an_element_that_does_not_end_is_refused_before_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_arrays, "MAX_ELEMENT_BYTES", 1000)
    with pytest.raises(ValueError, match="record 2 is longer than 1000 bytes"):
        _read(b'[{"a": 1}, {"a": "' + b"x" * 5000, 100, 1)


@pytest.mark.parametrize("block", [100, 10_000])
def test_an_element_that_ends_is_as_long_as_one_that_does_not(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much of it is read at a time; one of just so many bytes is read."""
    monkeypatch.setattr(json_arrays, "MAX_ELEMENT_BYTES", 1000)
    longest = b'{"a": "' + b"x" * 991 + b'"}'
    for end in (b"]", b", {}]"):
        assert _read(b"[{}, " + longest + end, block, 1)[1].text == longest
        with pytest.raises(ValueError, match="record 2 is longer than 1000 bytes"):
            _read(b"[{}, " + longest.replace(b"xx", b"xxx", 1) + end, block, 1)
