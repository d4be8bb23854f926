"""A zip archive as a delivery: one file of it is read as it stands in the archive.

Belongs here: which file that is, and what an archive must not be: a bomb, a list without end, encrypted, damaged,
within another. Does not belong here: the format of the file. Nothing is ever unpacked to a path, so names in an archive
lead nowhere.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NoReturn, cast

from smm_pipeline.errors import SmmError, one_line
from smm_pipeline.ingest.files import (
    GZIP_MAGIC,
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    SMALL_BYTES,
    open_bytes,
    refuse_no_data,
    unreadable,
)
from smm_pipeline.masking import without_persons

_ZIP_MAGIC = b"PK\x03\x04"
_EMPTY_ZIP_MAGIC = b"PK\x05\x06"
_ENCRYPTED = 0x1
# The others, bzip2 and LZMA, no source uses; they tell of damage each in a way of its own.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# No export has as many. The directory is bounded in bytes too, because what it says of its number need not be so:
# reading one of 4 MB takes some 40 MB, and 10,000 names of 300 bytes fit into it.
MAX_MEMBERS = 10_000
MAX_DIRECTORY_BYTES = 4 << 20
_SHOWN_NAMES = 10


@contextmanager
def open_member(path: Path, name: str, members: Sequence[str]) -> Iterator[io.BufferedReader[Any]]:
    """Open a stored delivery: the file itself, or the one that `members` names where it is a zip archive.

    Args:
        path: the stored bytes.
        name: the delivery's name, for messages.
        members: name or patterns of names, of which one file of an archive must meet one.

    Raises:
        SmmError: SMM-201 as `open_bytes`, and for an archive that is damaged, encrypted or a bomb, that holds no such
            file or several, or that the mapping does not expect; a wrong checksum is told when the end is reached.
    """
    with open_bytes(path, name) as stream:
        if not stream.peek(4).startswith((_ZIP_MAGIC, _EMPTY_ZIP_MAGIC)):
            yield stream
            return
        try:
            archive = open_archive(stream, name)
            info = _member(archive, name, members)
            packed = archive.open(info)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeError, OSError) as error:
            # zipfile hands on what stumbles over the damage: names that are no text, places before the begin.
            _damaged(error, name)
        try:
            # The type checker wants a raw stream, which could also be written to.
            with archive, packed, io.BufferedReader(cast("io.RawIOBase", packed)) as member:
                within = f"{name}: {without_persons(info.filename)}"
                refuse_no_data(member, within)
                if member.peek(4).startswith((_ZIP_MAGIC, _EMPTY_ZIP_MAGIC, GZIP_MAGIC)):
                    hint = "deliver the archive that is within it, or what is in that one"
                    raise SmmError(
                        "SMM-201", "the file in the zip archive is an archive itself", where=within, hint=hint
                    )
                yield member
        except (zipfile.BadZipFile, EOFError, zlib.error) as error:
            _damaged(error, name)


class _Bounded:
    """A stream for zipfile, which reads an archive's directory in one piece, as large as the archive says it is."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable
        self.is_open = False

    def read(self, size: int = -1) -> bytes:
        if not self.is_open and size > MAX_DIRECTORY_BYTES:
            _too_many(f"lists its files in {size:,} bytes, and at most {MAX_DIRECTORY_BYTES:,} are read", self._name)
        return self._stream.read(size)


def open_archive(stream: BinaryIO, name: str) -> zipfile.ZipFile:
    """Open a zip archive whose list of files is as long as one may be.

    Raises:
        SmmError: SMM-201 for a longer one, before it fills memory.
        zipfile.BadZipFile: for a damaged one, and what else zipfile stumbles over.
    """
    bounded = _Bounded(stream, name)
    archive = zipfile.ZipFile(bounded)
    if len(archive.infolist()) > MAX_MEMBERS:
        _too_many(f"holds {len(archive.infolist()):,} files, and at most {MAX_MEMBERS:,} are read", name)
    bounded.is_open = True
    return archive


def _too_many(what: str, name: str) -> NoReturn:
    hint = "deliver the file alone, or an archive of it alone"
    raise SmmError("SMM-201", f"the zip archive {what}", where=name, hint=hint)


def _member(archive: zipfile.ZipFile, name: str, members: Sequence[str]) -> zipfile.ZipInfo:
    files = [info for info in archive.infolist() if _is_file(info)]
    told = ", ".join(one_line(without_persons(info.filename)) for info in files[:_SHOWN_NAMES]) or "nothing"
    if not members:
        hint = "name the file to read in the mapping's format, e.g. member: Queries.csv, or deliver it unpacked"
        raise SmmError("SMM-201", f"the file is a zip archive that holds {told}", where=name, hint=hint)
    found = [info for info in files if any(PurePosixPath(info.filename).match(pattern) for pattern in members)]
    if len(found) != 1:
        what = "several files" if found else "no file"
        hint = "correct member: in the mapping's format, or deliver the right file unpacked"
        raise SmmError(
            "SMM-201",
            f"the zip archive has {what} named {' or '.join(members)}: it holds {told}",
            where=name,
            hint=hint,
        )
    if found[0].flag_bits & _ENCRYPTED:
        unreadable("the file in the zip archive is encrypted", name)
    if found[0].compress_type not in _PACKINGS:
        unreadable("the file in the zip archive is packed in an unknown way; pack it as usual (deflate)", name)
    refuse_bomb(found[0], "the file in the zip archive", name)
    return found[0]


def refuse_bomb(info: zipfile.ZipInfo, what: str, name: str) -> None:
    """Refuse a part of an archive that unpacks to too much.

    What the archive says of the size is what is read at most: more of it is a wrong checksum.
    """
    size, packed = info.file_size, info.compress_size
    if size > MAX_UNPACKED_BYTES or (size > SMALL_BYTES and size > packed * MAX_RATIO):
        unreadable(f"{what} unpacks from {packed} to {size} bytes", name)


def refuse_large_parts(path: Path, name: str) -> None:
    """Refuse a zip archive of which all parts will be read, as a workbook is, by what its list says of them.

    Raises:
        SmmError: SMM-201 for too many parts, and for one that unpacks to too much.
        zipfile.BadZipFile: for a damaged one, and what else zipfile stumbles over.
    """
    with path.open("rb") as stream, open_archive(stream, name) as archive:
        for part in archive.infolist():
            refuse_bomb(part, "a part of the workbook", name)


def _damaged(error: Exception, name: str) -> NoReturn:
    unreadable(f"the zip archive is damaged or packed in an unknown way: {without_persons(str(error))}", name)


def _is_file(info: zipfile.ZipInfo) -> bool:
    """Whether an entry is a file that somebody put there; macOS adds hidden ones beside each."""
    return not info.is_dir() and not PurePosixPath(info.filename).name.startswith(".")
