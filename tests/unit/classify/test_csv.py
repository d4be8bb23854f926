"""The file in, the file out: order, other columns, quoting, and errors that say what is wrong."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from smm_pipeline.classify import classify_visits
from smm_pipeline.errors import SmmError
from tests.unit.classify.helpers import catalog, classify_file


def _file(folder: Path, content: str | bytes) -> Path:
    path = folder / "visits.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_writes_the_rows_in_order_with_other_columns_kept(tmp_path: Path) -> None:
    content = '\ufeffnote,utm_source,id\r\n"a, ""b""\r\nc",vk,2\r\n=1+1,,1\r\n" x ",ok,3\r\n'
    out = io.StringIO()
    assert classify_visits(_file(tmp_path, content), catalog=catalog(), out=out) == 3
    assert out.getvalue() == (
        "note,utm_source,id,source,medium,channel,network,rule_id\n"
        '"a, ""b""\r\nc",vk,2,vk,(not set),Organic Social,vk,organic_social_source\n'
        "'=1+1,,1,(direct),(none),Direct,,direct\n"
        " x ,ok,3,ok,(not set),Organic Social,ok,organic_social_source\n"
    )


def test_no_cell_is_a_formula_to_a_spreadsheet(tmp_path: Path) -> None:
    """Neither a cell of the input, nor the name of a column, nor what is made of a tag; numbers stay numbers."""
    content = '@note,utm_source,utm_medium,amount\n+cmd|x,=1+1,-2+3,-5\n"\tx",@sum(1),email,-1.5e-7\n'
    [first, second] = classify_file(_file(tmp_path, content))
    assert list(first)[:4] == ["'@note", "utm_source", "utm_medium", "amount"]
    assert [first[name] for name in ("'@note", "utm_source", "source", "medium", "amount")] == [
        "'+cmd|x", "'=1+1", "'=1+1", "'-2+3", "-5",
    ]  # fmt: skip
    assert [second[name] for name in ("'@note", "source", "amount")] == ["'\tx", "'@sum(1)", "-1.5e-7"]


def test_keeps_the_order_of_many_visits(tmp_path: Path) -> None:
    content = "id,utm_source\n" + "".join(f"{n},s{n}\n" for n in range(5000))
    assert [v["source"] for v in classify_file(_file(tmp_path, content))] == [f"s{n}" for n in range(5000)]


def test_keeps_columns_named_like_added_ones_under_another_name(tmp_path: Path) -> None:
    content = "utm_source,channel,input_channel\nvk,Social,x\n"
    [visit] = classify_file(_file(tmp_path, content))
    assert (visit["channel"], visit["input_channel"], visit["input_input_channel"]) == ("Organic Social", "x", "Social")


def test_a_header_alone_gives_a_header_alone(tmp_path: Path) -> None:
    out = io.StringIO()
    assert classify_visits(_file(tmp_path, "utm_source\n"), catalog=catalog(), out=out) == 0
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [
        ["utm_source", "source", "medium", "channel", "network", "rule_id"]
    ]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", "SMM-201", "empty"),
        ("\n\n", "SMM-201", "empty"),
        ("a,b\n1,2\n", "SMM-202", "page_location"),
        ("page_location;utm_source\nx;y\n", "SMM-202", "commas"),
        ("<html><body>502</body></html>\n", "SMM-202", "page_location"),
        ("utm_source,utm_source\na,b\n", "SMM-201", "twice"),
        ("utm_source,id\nvk,1\nok\n", "SMM-201", "line 3"),
        ("utm_source,id\nvk,1,2\n", "SMM-201", "line 2"),
        ('utm_source,id\n"vk,1\n', "SMM-201", "not CSV"),
        ('utm_source,id\n"vk"x,1\n', "SMM-201", "not CSV"),
        ("utm_source\n" + "x" * (1 << 21) + "\n", "SMM-201", "field"),
        (b"utm_source\n\xf0\xe5\xea\xeb\n", "SMM-203", "UTF-8"),
        ("utm_source\nvk\n".encode("utf-16"), "SMM-203", "UTF-8"),
    ],
)
def test_refuses_what_it_cannot_read_and_writes_nothing(
    tmp_path: Path, content: str | bytes, code: str, words: str
) -> None:
    out = io.StringIO()
    with pytest.raises(SmmError) as caught:
        classify_visits(_file(tmp_path, content), catalog=catalog(), out=out)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert out.getvalue() == ""


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_refuses_a_file_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(SmmError, match="SMM-201"):
        classify_visits(tmp_path / name, catalog=catalog(), out=io.StringIO())


def test_refuses_a_host_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SmmError, match="SMM-102"):
        classify_visits(_file(tmp_path, "utm_source\n"), own_hosts=["a..ж"], catalog=catalog(), out=io.StringIO())
