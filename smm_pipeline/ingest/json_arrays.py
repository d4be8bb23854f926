"""Reader of large JSON arrays, one element after the other.

Belongs here: the grammar of an array around its elements, in bounded memory. Does not belong here: documents that are
read as a whole, and what an element means (json_documents.py).
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any

from smm_pipeline.ingest.text_readers import DECODER

_BLANKS = " \t\n\r"
# What the processor keeps at hand: larger blocks take longer to decode, and smaller ones cut more elements off.
_BLOCK_BYTES = 256 << 10
# No record is so long; what is cannot be told from one that never ends.
MAX_ELEMENT_CHARACTERS = 64 << 20


def is_array(head: bytes) -> bool:
    """Whether a document that begins so is an array."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS.encode()).startswith(b"[")


def elements(head: bytes, stream: IO[bytes]) -> Iterator[Any]:
    """The elements of an array; `head` is what was read of it before.

    Raises:
        ValueError: when it is no JSON array, or something follows it; UnicodeDecodeError when it is no UTF-8.
    """
    text = _Text(head, stream)
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
    else:
        yield text.value()
        while text.peek() == ",":
            text.expect(",")
            yield text.value()
        text.expect("]")
    if text.peek():
        raise ValueError(f"Extra data: {text.place()}")


class _Text:
    """The text of a document, of which only what is being read is held."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._decoder, self._breaks = codecs.getincrementaldecoder("utf-8-sig")(), 0
        self._stream, self._text, self._at, self._dropped, self._is_over = stream, "", 0, 0, False
        self._text = self._decode(head)

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            while self._at < len(self._text):
                if (sign := self._text[self._at]) not in _BLANKS:
                    return sign
                self._at += 1
            if not self._more():
                return ""

    def expect(self, sign: str) -> None:
        """Pass over a character."""
        if self.peek() != sign:
            raise ValueError(f"Expecting {sign!r}: {self.place()}")
        self._at += 1

    def value(self) -> Any:
        """The value that comes next."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # It may only be cut off.
                if not self._more():
                    raise ValueError(f"{error.msg}: char {self._dropped + error.pos}") from error
                continue
            # A number may go on.
            if end == len(self._text) and self._more():
                continue
            self._at = end
            return value

    def place(self) -> str:
        """Where reading stands, for messages."""
        return f"char {self._dropped + self._at}"

    def _decode(self, block: bytes) -> str:
        try:
            return self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # Its object is this block; who counts lines in it has to find those before as well.
            skipped = b"\n" * self._breaks
            place = (error.start + self._breaks, error.end + self._breaks)
            raise UnicodeDecodeError(error.encoding, skipped + error.object, *place, error.reason) from error
        finally:
            self._breaks += block.count(b"\n")

    def _more(self) -> bool:
        """Read on; a long value is read in growing steps, so that it is not parsed again and again."""
        rest = self._text[self._at :]
        if self._is_over or len(rest) > MAX_ELEMENT_CHARACTERS:
            return False
        block = self._stream.read(max(_BLOCK_BYTES, len(rest)))
        self._is_over = not block
        self._dropped += self._at
        self._text, self._at = rest + self._decode(block), 0
        return not self._is_over
