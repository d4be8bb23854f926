"""Reader of large JSON arrays, one element after the other.

Belongs here: the grammar of an array around its elements, in bounded memory. Does not belong here: documents that are
read as a whole, and what an element means (json_documents.py).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any, NamedTuple

import numpy as np

from smm_pipeline.ingest.json_scan import scan
from smm_pipeline.ingest.text_readers import parse_json

_BLANKS = b" \t\n\r"
# What the processor keeps at hand: larger blocks take longer, and smaller ones cut more elements off.
_BLOCK_BYTES = 256 << 10
# No record is so long; what is cannot be told from one that never ends.
MAX_ELEMENT_BYTES = 64 << 20


class Element(NamedTuple):
    """What stands between two commas of an array, as it is written, without the blanks around it.

    Of one that is `is_plain`, DuckDB's parser makes what a strict one makes, or says that it is no JSON; of it a field
    may be named twice. Others have to be parsed in Python.
    """

    text: bytes
    is_plain: bool


def is_array(head: bytes) -> bool:
    """Whether a document that begins so is an array."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS).startswith(b"[")


def elements(head: bytes, stream: IO[bytes]) -> Iterator[Element]:
    """The elements of an array; `head` is what was read of it before, at least its first bracket.

    Raises:
        ValueError: when what is around the elements is no JSON array, or something follows it; UnicodeDecodeError when
            it is no UTF-8.
    """
    blocks = _blocks(head, stream)
    text = next(blocks).removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS)
    while not text:
        text = next(blocks).lstrip(_BLANKS)
    text, count = text[1:], 0
    while True:
        found, begin = scan(text), 0
        odd = set(np.searchsorted(found.commas, found.odd).tolist())
        for place, comma in enumerate(found.commas):
            count += 1
            yield _element(text[begin:comma], place in odd, count)
            begin = comma + 1
        if found.end >= 0:
            break
        text = _longer(text[begin:], blocks, count)
    last = _element(text[begin : found.end], len(found.commas) in odd, count + 1)
    if last.text or count:
        yield last
    if text[found.end : found.end + 1] != b"]":
        raise ValueError(f"Expecting ']' after record {count + 1}")
    for rest in (text[found.end + 1 :], *blocks):
        if rest.strip(_BLANKS):
            raise ValueError("Extra data after the array")


def _blocks(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """The text, in blocks of which each may end amid a character."""
    decoder, breaks = codecs.getincrementaldecoder("utf-8")(), 0
    known = (head[at : at + _BLOCK_BYTES] for at in range(0, len(head), _BLOCK_BYTES))
    for block in chain(known, iter(lambda: stream.read(_BLOCK_BYTES), b""), [b""]):
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # Its object is this block; who counts lines in it has to find those before as well.
            place = (error.start + breaks, error.end + breaks)
            raise UnicodeDecodeError(error.encoding, b"\n" * breaks + error.object, *place, error.reason) from error
        yield block
        breaks += block.count(b"\n")


def _element(text: bytes, is_odd: bool, number: int) -> Element:
    text = text.strip(_BLANKS)
    _refuse_long(text, number)
    return Element(text, text.startswith(b"{") and not is_odd)


def _longer(text: bytes, blocks: Iterator[bytes], count: int) -> bytes:
    """A text that ends amid an element, and what follows: as much again, so that it is not looked at again and again.

    Raises:
        ValueError: when nothing follows, or the element is too long.
    """
    _refuse_long(text, count + 1)
    more = [next(blocks, b"")]
    while more[-1] and sum(map(len, more)) < len(text):
        more.append(next(blocks, b""))
    if not more[0]:
        parse_record(text, count + 1)
        raise ValueError(f"Expecting ']' after record {count + 1}")
    return text + b"".join(more)


def parse_record(text: bytes, number: int) -> Any:
    """The value of an element.

    Raises:
        ValueError: when it is no JSON, with its number.
    """
    try:
        return parse_json(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"record {number}: {error}") from error


def _refuse_long(text: bytes, number: int) -> None:
    if len(text) > MAX_ELEMENT_BYTES:
        raise ValueError(f"record {number} is longer than {MAX_ELEMENT_BYTES} bytes")
