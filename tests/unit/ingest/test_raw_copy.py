"""The copy into the raw store: what the disk refuses while it is made is told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from smm_pipeline.ingest import landing


def test_a_failure_to_write_is_told_even_if_the_system_tells_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first fsync fails and the later ones know nothing of it: nothing may be kept as if it were on the disk."""
    source = tmp_path / "a.jsonl"
    source.write_bytes(b"{}\n" * 10)
    monkeypatch.setattr(landing, "WRITTEN_BYTES", 1)
    monkeypatch.setattr(landing, "_make_folder", lambda folder: folder.mkdir(parents=True, exist_ok=True))
    monkeypatch.setattr(os, "fsync", _fails_once(os.fsync))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        landing.store_raw(source, tmp_path / "raw", "web", source.lstat())
    assert [path for path in (tmp_path / "raw").rglob("*") if path.is_file()] == []


def _fails_once(fsync: Callable[[int], None]) -> Callable[[int], None]:
    failures = [OSError(errno.EIO, os.strerror(errno.EIO))]

    def once(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        fsync(descriptor)

    return once
