"""A zip archive as a delivery: the one file that the mapping names is read, and what is no archive of it is refused."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.ingest import archives
from smm_pipeline.ingest.archives import open_member

QUERIES = b"Top queries,Clicks\nlamp,5\n"


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _many(number: int) -> bytes:
    """An archive of so many empty files: what zipfile would write takes it seconds."""
    names = [f"{n:06}".encode() for n in range(number)]
    local = b"".join(struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 6, 0) + name for name in names)
    entry = struct.pack("<4s6H3L5H", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0)
    directory = b"".join(entry + struct.pack("<2L", 0, 36 * n) + name for n, name in enumerate(names))
    # The number, which has two bytes here, says less than there is: readers go by the size.
    return local + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), len(local), 0)


def _read(folder: Path, content: bytes, *members: str) -> bytes:
    path = folder / "delivery"
    path.write_bytes(content)
    with open_member(path, "a.zip", members) as stream:
        return stream.read()


def _refused(folder: Path, content: bytes, *members: str) -> str:
    with pytest.raises(SmmError) as caught:
        _read(folder, content, *members)
    assert caught.value.code == "SMM-201"
    assert caught.value.where.startswith("a.zip")
    return caught.value.what


@pytest.mark.parametrize(
    "names",
    [
        ["Queries.csv", "Pages.csv"],
        ["../../Queries.csv", "Pages.csv"],
        ["export/Queries.csv", "__MACOSX/export/._Queries.csv", "export/.hidden/"],
    ],
)
def test_the_file_of_that_name_is_read_wherever_its_name_would_lead(tmp_path: Path, names: list[str]) -> None:
    files = dict.fromkeys(names, b"other") | {names[0]: QUERIES}
    assert _read(tmp_path, _zip(files), "Query.csv", "Queries.csv") == QUERIES
    # Nothing was unpacked to a path, here or above.
    assert [p.name for p in tmp_path.iterdir()] == ["delivery"]
    assert not (tmp_path.parent.parent / "Queries.csv").exists()


def test_a_file_that_is_no_archive_is_read_as_it_is(tmp_path: Path) -> None:
    assert _read(tmp_path, QUERIES, "Queries.csv") == QUERIES


def test_a_pattern_passes_over_the_hidden_files_of_macos(tmp_path: Path) -> None:
    assert _read(tmp_path, _zip({"a.csv": QUERIES, "__MACOSX/._a.csv": b"x"}), "*.csv") == QUERIES


@pytest.mark.parametrize(
    ("files", "member", "says"),
    [
        (
            {"a.csv": QUERIES, "b.csv": QUERIES},
            "*.csv",
            "the zip archive has several files named *.csv: it holds a.csv",
        ),
        ({"a.csv": QUERIES}, "Queries.csv", "the zip archive has no file named Queries.csv: it holds a.csv"),
        ({}, "Queries.csv", "it holds nothing"),
        ({"olha@mail.example.csv": b"x"}, "q.csv", "it holds (...)"),
        ({"q.csv": b""}, "q.csv", "the file is empty"),
        ({"q.csv": b"<html>sign in"}, "q.csv", "the file is a web page"),
    ],
)
def test_an_archive_without_the_one_file_is_refused(
    tmp_path: Path, files: dict[str, bytes], member: str, says: str
) -> None:
    assert says in _refused(tmp_path, _zip(files), member)


def test_a_mapping_that_expects_no_archive_refuses_it(tmp_path: Path) -> None:
    assert "the file is a zip archive that holds a.csv" in _refused(tmp_path, _zip({"a.csv": QUERIES}))


def test_damage_is_told(tmp_path: Path) -> None:
    content = _zip({"q.csv": QUERIES}, zipfile.ZIP_STORED)
    assert "Bad CRC-32" in _refused(tmp_path, content.replace(b"lamp,5", b"lamp,6"), "q.csv")
    assert "damaged" in _refused(tmp_path, content[:-30], "q.csv")
    central = content.rindex(b"PK\x01\x02")
    # Bytes 8 and 9 of an entry are its flags, 10 and 11 its method of packing.
    encrypted = content[: central + 8] + struct.pack("<H", 1) + content[central + 10 :]
    assert "is encrypted" in _refused(tmp_path, encrypted, "q.csv")
    unknown = content[: central + 10] + struct.pack("<H", 99) + content[central + 12 :]
    assert "packed in an unknown way" in _refused(tmp_path, unknown, "q.csv")


def test_damage_anywhere_is_told(tmp_path: Path) -> None:
    """Each byte in turn becomes another: the file is read as it was, or the archive is refused."""
    content = _zip({"\u0417\u0430\u043f\u0438\u0442\u0438.csv": QUERIES})
    told = set[bool | str]()
    for place in range(len(content)):
        damaged = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        try:
            told.add(_read(tmp_path, damaged, "*.csv") == QUERIES)
        except SmmError as error:
            told.add(error.code)
    # Where the signature is hurt the bytes are no archive to us, but the text that a reader will refuse.
    assert told == {True, False, "SMM-201"}
    assert "packed in an unknown way" in _refused(tmp_path, _zip({"q.csv": QUERIES}, zipfile.ZIP_LZMA), "q.csv")


def test_what_grows_beyond_measure_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = _zip({"q.csv": bytes(1 << 20)})
    assert len(_read(tmp_path, content, "q.csv")) == 1 << 20
    monkeypatch.setattr(archives, "SMALL_BYTES", 1 << 10)
    assert "to 1048576 bytes" in _refused(tmp_path, content, "q.csv")
    # Packed well enough, but more than any delivery may be.
    monkeypatch.setattr(archives, "SMALL_BYTES", 1 << 30)
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 1 << 10)
    assert "to 1048576 bytes" in _refused(tmp_path, content, "q.csv")


def test_a_list_without_end_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    """A million files in 80 MB, whatever the archive says of their number; and somewhat too many."""
    assert zipfile.ZipFile(BytesIO(_many(10_000))).read("009999") == b""
    assert "no file named q.csv" in _refused(tmp_path, _many(10_000), "q.csv")
    assert "holds 10,001 files, and at most 10,000 are read" in _refused(tmp_path, _many(10_001), "q.csv")
    content = _many(1_000_000)
    tracemalloc.start()
    told = _refused(tmp_path, content, "q.csv")
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()
    assert told == "the zip archive lists its files in 52,000,000 bytes, and at most 4,194,304 are read"


# Named, because a gzip holds the time at which it was made, and its bytes would be another test in each process.
@pytest.mark.parametrize(
    "inner", [_zip({"q.csv": QUERIES}), _zip({}), gzip.compress(QUERIES)], ids=["zip", "empty zip", "gzip"]
)
def test_an_archive_within_an_archive_is_refused(tmp_path: Path, inner: bytes) -> None:
    assert "the file in the zip archive is an archive itself" in _refused(tmp_path, _zip({"q.csv": inner}), "*")
    told = _refused(tmp_path, _zip({"inner.zip": inner}), "q.csv")
    assert told == "the zip archive has no file named q.csv: it holds inner.zip"
