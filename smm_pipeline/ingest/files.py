"""The bytes of a stored delivery.

Belongs here: opening it, unpacking gzip by its content, and refusing what cannot be a delivery whatever its format.
Does not belong here: any format.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from smm_pipeline.errors import SmmError

MAX_UNPACKED_BYTES = 8 << 30
# Tables of numbers and addresses pack to a tenth or a fiftieth; a bomb to a thousandth. Small files cannot hurt.
MAX_RATIO = 200
SMALL_BYTES = 10 << 20
JSON_ENCODING_HINT = "JSON is UTF-8 by its standard: have the source write it so, or convert the file and put it again"
_BLOCK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
# Warnings of PHP stand before what a server would else have sent.
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<br />", b"<b>")
_XML = (b"<?xml", b"<prestashop", b"<!doctype")
_XML_HINT = (
    "ask the source for JSON or CSV, as PrestaShop gives JSON with output_format=JSON, or save a table of Excel as XLSX"
)


class _Unpacked(gzip.GzipFile):
    """What a gzip holds, up to a limit: a small file that unpacks to a huge one fills neither memory nor disk."""

    def __init__(self, packed: BinaryIO, name: str) -> None:
        super().__init__(fileobj=packed)
        size = os.fstat(packed.fileno()).st_size
        self._limit = min(MAX_UNPACKED_BYTES, max(SMALL_BYTES, size * MAX_RATIO))
        self._told = (f"the gzip of {size} bytes unpacks to more than {self._limit} bytes", name)

    def read(self, size: int | None = -1) -> bytes:
        """Read on; all other ways of reading come here."""
        data = super().read(size)
        if self.tell() > self._limit:
            unreadable(*self._told)
        return data


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[io.BufferedReader[Any]]:
    """Open a stored delivery, unpacked when its content is gzip.

    Raises:
        SmmError: SMM-201 for an empty file, a damaged gzip or a web page; raised while reading for damage further on.
    """
    with path.open("rb") as plain:
        magic = plain.read(2)
        plain.seek(0)
        if not magic:
            unreadable("the file is empty", name)
        if name.lower().endswith(".gz") and magic != GZIP_MAGIC:
            unreadable("the file is named .gz but is not gzip", name)
        # gzip.open verifies length and checksum when the end is reached.
        stream = io.BufferedReader(_Unpacked(plain, name)) if magic == GZIP_MAGIC else plain
        try:
            refuse_no_data(stream, name)
            yield stream
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            unreadable(f"the gzip is damaged: {error}", name)


@contextmanager
def plain_file(path: Path, name: str) -> Iterator[Path]:
    """A stored delivery as a file for readers that cannot unpack it: itself, or a temporary copy of what gzip holds.

    Raises:
        SmmError: SMM-201 as `open_bytes`.
    """
    with open_bytes(path, name) as stream:
        if not isinstance(stream.raw, _Unpacked):
            yield path
            return
        with tempfile.NamedTemporaryFile(prefix="smm-") as copy:
            while block := stream.read(_BLOCK_BYTES):
                copy.write(block)
            copy.flush()
            yield Path(copy.name)


def refuse_no_data(stream: io.BufferedReader[Any], name: str) -> None:
    """Refuse an empty file, a web page and XML; the stream stays at its begin."""
    head = stream.peek(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head and not stream.peek(1):
        unreadable("the file is empty", name)
    if head.startswith(_HTML):
        unreadable("the file is a web page or begins like one, probably with an error message", name)
    if head.startswith(_XML):
        # A web page may begin as XML does.
        if any(mark in head for mark in _HTML[:2]):
            unreadable("the file is a web page, probably with an error message", name)
        raise SmmError("SMM-201", "the file is XML, which is not read", where=name, hint=_XML_HINT)


def unreadable(what: str, where: str) -> NoReturn:
    """Refuse a delivery as a whole."""
    raise _unreadable(what, where)


def no_json(why: str, where: str) -> SmmError:
    """The error of a document that is no JSON."""
    return _unreadable(f"not valid JSON: {why}", where)


def _unreadable(what: str, where: str) -> SmmError:
    return SmmError("SMM-201", what, where=where, hint="deliver it again; the bytes received are kept in the raw store")


def wrong_encoding(error: UnicodeDecodeError, line: int, encoding: str, where: str, hint: str) -> NoReturn:
    """Refuse a delivery that is not in its declared encoding; never guess another one."""
    what = f"byte {error.object[error.start]:#04x} in line {line} is not {encoding}: {error.reason}"
    raise SmmError("SMM-203", what, where=where, hint=hint)
