"""The path table as a file: what is read, and what is refused with line, column and remedy."""

from __future__ import annotations

import pathlib
from decimal import Decimal

import pytest

from smm_pipeline.attribution import read_path_table
from smm_pipeline.errors import SmmError


def _file(folder: pathlib.Path, content: str | bytes) -> pathlib.Path:
    path = folder / "paths.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_reads_paths_in_order_and_adds_equal_ones_up(tmp_path: pathlib.Path) -> None:
    content = (
        "\ufeffnulls,path,note,conversions,value\r\n"
        '7,"Телеграм > Direct",x,3.0,10.50\r\n'
        "0, VK>Direct ,,0,\r\n"
        "\r\n"
        "1,Телеграм >Direct,,2,-0.2500000000000001\r\n"
    )
    table = read_path_table(_file(tmp_path, content))
    paths = table.paths
    assert paths.channels == ("Телеграм", "Direct", "VK")
    assert (paths.touch_channel.tolist(), paths.starts.tolist()) == ([0, 1, 2, 1], [0, 2, 4])
    assert (paths.conversions.tolist(), paths.nulls.tolist()) == ([5, 0], [8, 0])
    assert paths.values == (Decimal("10.2499999999999999"), Decimal(0))
    assert (paths.repeats, table.has_nulls, table.unread) == (1, True, ("note",))


def test_value_and_nulls_may_be_unknown(tmp_path: pathlib.Path) -> None:
    table = read_path_table(_file(tmp_path, "path,conversions\nA > B,2\n"))
    assert (table.paths.values, table.has_nulls, table.unread) == (None, False, ())


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", "SMM-201", ["empty"]),
        ("path,conversions\n", "SMM-701", ["no paths"]),
        ("path;conversions\nA;1\n", "SMM-202", ["no column path", "no column conversions", "commas"]),
        ("path,total_conversions\nA,1\n", "SMM-202", ["no column conversions", "value, nulls"]),
        ("path,conversions\nA > B,1\n,2\n", "SMM-701", ["line 3, column path", "path is empty"]),
        ("path,conversions\nA >  > B,1\n", "SMM-701", ["line 2, column path", "no channel"]),
        ("path,conversions\nA > B >,1\n", "SMM-701", ["line 2, column path", "no channel"]),
        ("path,conversions\nA,\n", "SMM-701", ["line 2, column conversions", "0 where there were none"]),
        ("path,conversions\nA,-1\n", "SMM-701", ["line 2, column conversions"]),
        ("path,conversions\nA,1.5\n", "SMM-701", ["line 2, column conversions"]),
        ("path,conversions\nA,1e3\n", "SMM-701", ["column conversions"]),
        ('path,conversions\nA,"1,000"\n', "SMM-701", ["column conversions"]),
        ("path,conversions\nA,nan\n", "SMM-701", ["column conversions"]),
        ("path,conversions\nA,secret@shop.example\n", "SMM-701", ["column conversions"]),
        ("path,conversions\nA,9999999999999\n", "SMM-701", ["1,000,000,000,000"]),
        ("path,conversions,nulls\nA,1,\n", "SMM-701", ["line 2, column nulls"]),
        ("path,conversions,nulls\nA,1,-3\n", "SMM-701", ["line 2, column nulls"]),
        ("path,conversions,value\nA,1,\n", "SMM-701", ["line 2, column value", "leave out the column"]),
        ('path,conversions,value\nA,1,"10,5"\n', "SMM-701", ["column value", "decimal point"]),
        ("path,conversions,value\nA,1,inf\n", "SMM-701", ["column value"]),
        ("path,conversions,value\nA,0,10\n", "SMM-701", ["column value", "without a conversion"]),
        ("path,conversions\nA,1,2\n", "SMM-201", ["line 2"]),
        ("path,path,conversions\nA,A,1\n", "SMM-201", ["twice"]),
        (b"path,conversions\n\xf0\xe5\xea,1\n", "SMM-203", ["UTF-8"]),
        (
            "path,conversions\n" + "".join(f"/page/{n},1\n" for n in range(1001)),
            "SMM-701",
            ["1,001 channels", "communities"],
        ),
    ],
)
def test_refuses_what_is_no_path_table(
    tmp_path: pathlib.Path, content: str | bytes, code: str, words: list[str]
) -> None:
    with pytest.raises(SmmError) as caught:
        read_path_table(_file(tmp_path, content))
    assert caught.value.code == code
    assert "paths.csv" in caught.value.where
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "secret" not in str(caught.value)


def test_refuses_a_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SmmError, match="SMM-201"):
        read_path_table(tmp_path / "missing.csv")
