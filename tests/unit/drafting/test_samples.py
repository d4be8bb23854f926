"""A file is looked into within the limits that a delivery is read in."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from smm_pipeline.drafting.samples import read_sample
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest import archives


def _workbook(folder: Path, parts: dict[str, bytes]) -> Path:
    path = folder / "book.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_workbook_of_too_many_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _workbook(tmp_path, {f"xl/worksheets/sheet{n}.xml": b"" for n in range(4)})
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(SmmError, match="the zip archive holds 4 files, and at most 3 are read"):
        read_sample(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = _workbook(tmp_path, {"xl/workbook.xml": bytes(64 << 20)})
    with pytest.raises(SmmError, match=r"a part of the workbook unpacks from \d+ to 67108864 bytes"):
        read_sample(path)


def test_an_archive_that_is_no_workbook_is_told(tmp_path: Path) -> None:
    with pytest.raises(SmmError, match="a zip archive is no workbook"):
        read_sample(_workbook(tmp_path, {"a.csv": b"a,b\n1,2\n"}))
