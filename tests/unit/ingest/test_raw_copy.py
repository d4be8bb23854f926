"""Copies into the raw store are whole and known by the hash of their bytes, however the system copies."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.ingest.landing import CHUNK_BYTES, RANGE_BYTES, raw_path, store_raw


def _stored(tmp_path: Path, content: bytes) -> bytes:
    source = tmp_path / "landed"
    source.write_bytes(content)
    digest = store_raw(source, tmp_path / "raw", "feed", source.stat())
    assert digest == hashlib.sha256(content).hexdigest()
    return raw_path(tmp_path / "raw", "feed", digest).read_bytes()


SIZES = (0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, RANGE_BYTES, 2 * RANGE_BYTES, 2 * RANGE_BYTES + CHUNK_BYTES + 7)
Copy = Callable[[int, int, int], int]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_copied_whole(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    assert _stored(tmp_path, content) == content


def _refuses(number: int) -> Callable[[], Copy]:
    def refuse(_source: int, _target: int, _size: int) -> int:
        raise OSError(number, "not here")

    return lambda: refuse


def _is_short() -> Copy:
    calls = []

    def copy(source: int, target: int, size: int) -> int:
        """Some bytes at first, and then none, as if the file had ended."""
        calls.append(size)
        return os.sendfile(target, source, None, 1000) if len(calls) < 3 else 0

    return copy


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "make",
    [_refuses(errno.EXDEV), _refuses(errno.EPERM), _is_short],
    ids=["another file system", "a container", "ends early"],
)
def test_what_the_system_does_not_copy_is_read(
    tmp_path: Path, size: int, make: Callable[[], Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(size)
    monkeypatch.setattr(os, "copy_file_range", make())
    assert _stored(tmp_path, content) == content


def test_a_system_without_such_copies_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    content = os.urandom(RANGE_BYTES + 1)
    assert _stored(tmp_path, content) == content


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "copy_file_range", _refuses(errno.ENOSPC)())
    with pytest.raises(SmmError, match="SMM-106"):
        _stored(tmp_path, b"any")
    assert [path for path in (tmp_path / "raw").rglob("*") if path.is_file()] == []
