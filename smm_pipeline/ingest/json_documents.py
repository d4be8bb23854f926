"""Reader of JSON documents: one file, one value, with the records somewhere in it.

Belongs here: finding the records, what the enclosing document says of them, and telling an answer of failure from data.
Does not belong here: JSON lines, and any meaning of the fields.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import orjson

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import FileFormat, keys_of
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.archives import open_member
from smm_pipeline.ingest.files import JSON_ENCODING_HINT, no_json, unreadable, wrong_encoding
from smm_pipeline.ingest.json_arrays import Element, elements, is_array, parse_record
from smm_pipeline.ingest.line_breaks import Text
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.text_readers import (
    LineWriter,
    holds_infinite,
    is_ambiguous,
    json_text,
    parse_json,
    record_problem,
)
from smm_pipeline.ingest.unread import Unread
from smm_pipeline.masking import without_persons

MESSAGE_CHARACTERS = 200
# A document up to this size is read as a whole, and one that is no array up to the other: as objects it takes several
# times the memory.
WHOLE_BYTES = 16 << 20
MAX_DOCUMENT_BYTES = 128 << 20
_TOO_LARGE_HINT = "have the source write several files, such as one per month, or a bare array of records"
_OTHER_KIND = "the mapping reads JSON, and the file does not look like it: it begins with neither { nor ["
_OTHER_KIND_HINT = "put the file as JSON, or give the feed the mapping of this file"


class ContextSink(Protocol):
    """Takes lines as other sinks do, and the document around them."""

    def __call__(self, first_row: int, lines: Text, context: str | None = None) -> None:
        """Take lines, of which the first is record `first_row`."""


def read_json_document(path: Path, name: str, mapping: Mapping, sink: ContextSink) -> Extract:
    """Read one JSON document and its records; the sink also gets the enclosing document's declared fields as JSON text.

    A large array is read record by record; any other document is held in memory as a whole, and has to be small enough.

    Raises:
        SmmError: SMM-201 when the document is broken, is an answer of failure or no path of records_at leads anywhere,
            SMM-203 when it is not UTF-8.
    """
    with open_member(path, name, mapping.format.member) as stream:
        head = stream.read(WHOLE_BYTES)
        try:
            if len(head) == WHOLE_BYTES and is_array(head) and _is_itself_records(mapping.format):
                return _write_elements(elements(head, stream), name, sink)
            document = parse_json(_whole(head, stream, name))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            wrong_encoding(error, line, "utf-8", name, JSON_ENCODING_HINT)
        except (ValueError, RecursionError) as error:
            if not _begins_as_json(head):
                raise SmmError("SMM-201", _OTHER_KIND, where=name, hint=_OTHER_KIND_HINT) from error
            raise no_json(str(error), name) from error
    _refuse_error_answer(document, mapping.format, name)
    records = _records_of(document, mapping.format, name)
    return _write_records(records, _context(document, mapping.format, name), name, sink)


def _whole(head: bytes, stream: IO[bytes], name: str) -> str:
    """The text of a document that is read as a whole; its bytes are no longer held."""
    text = head + stream.read(MAX_DOCUMENT_BYTES - len(head) + 1)
    if len(text) > MAX_DOCUMENT_BYTES:
        what = f"a document of more than {MAX_DOCUMENT_BYTES} bytes that is no array of records"
        raise SmmError("SMM-201", what, where=name, hint=_TOO_LARGE_HINT)
    return text.decode("utf-8-sig")


def _begins_as_json(head: bytes) -> bool:
    """Whether a document begins as one that can hold records does."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n").startswith((b"{", b"["))


def _is_itself_records(fmt: FileFormat) -> bool:
    """Whether a document that is an array is the list of its records, and none of them is looked into for another."""
    return not any(keys and keys[0].isdecimal() for keys in fmt.paths) and any(not keys for keys in fmt.paths)


def _write_records(records: list[Any], context: str, name: str, sink: ContextSink) -> Extract:
    """Write records, and let go of each: the pieces that are made of them meanwhile need the memory."""
    out, writer = Extract(Unread(name)), LineWriter(lambda first_row, lines: sink(first_row, lines, context))
    for row, record in enumerate(records, start=1):
        records[row - 1] = None
        _write_record(row, record, out, writer)
    writer.flush()
    return out


def _write_elements(found: Iterable[Element], name: str, sink: ContextSink) -> Extract:
    """Write elements of an array as they are, but for their line breaks, which stand between values."""
    out, writer = Extract(Unread(name)), LineWriter(lambda first_row, lines: sink(first_row, lines, "{}"))
    for row, element in enumerate(found, start=1):
        if element.is_plain:
            out.records = row
            writer.write(row, element.text.replace(b"\n", b" "))
        else:
            _write_record(row, parse_record(element.text, row), out, writer)
    writer.flush()
    return out


def _write_record(row: int, record: Any, out: Extract, writer: LineWriter) -> None:
    out.records = row
    try:
        line = orjson.dumps(record)
        is_odd = type(record) is not dict or b"\\u0000" in line
    except orjson.JSONEncodeError:
        # Integers of more than 64 bits, numbers that are not finite, deep nesting, halves of characters.
        line, is_odd = json_text(record).encode(errors="backslashreplace"), True
    if is_odd and (reason := record_problem(record, line.decode())):
        out.reject(row, reason, json_text(record).encode(errors="backslashreplace").decode())
    else:
        writer.write(row, line)


def _context(document: Any, fmt: FileFormat, name: str) -> str:
    """The declared fields of the document around the records."""
    fields = fmt.document if isinstance(document, dict) else {}
    context = {key: document[key] for key in fields if key in document}
    for key, value in context.items():
        _refuse_ambiguous(value, name)
        # PHP writes an empty object as an empty list.
        if value not in (None, []) and not isinstance(fields[key], str | type(value)):
            unreadable(f"{key} of the document is of another kind than declared", name)
        if holds_infinite(value):
            unreadable(f"{key} of the document holds a number that is not finite", name)
    return json.dumps(context, ensure_ascii=False)


def _records_of(document: Any, fmt: FileFormat, name: str) -> list[Any]:
    place = next((path for path in fmt.paths if isinstance(_value_at(document, path), list | dict)), None)
    if place is None:
        unreadable(f"there are no records at {fmt.records_at}", name)
    for depth in range(len(place)):
        _refuse_ambiguous(_value_at(document, place[:depth]), name)
    found = _value_at(document, place)
    return found if isinstance(found, list) else [found]


def _refuse_error_answer(document: Any, fmt: FileFormat, name: str) -> None:
    """Refuse what a source sent in place of data, with its own words as far as they name nobody."""
    if fmt.error is None:
        return
    code, message = (_first_value(document, paths) for paths in (fmt.error.code, fmt.error.message))
    if code is not None and message is not None and str(code) not in fmt.error.ok:
        told = without_persons(str(message))[:MESSAGE_CHARACTERS]
        words = told if code == message else f"{code}: {told}"
        hint = "correct what it names, such as an expired token, and make the call again"
        raise SmmError("SMM-201", f"the source answered with an error: {words}", where=name, hint=hint)


def _first_value(document: Any, paths: str) -> Any:
    """What stands at the first of several paths that leads anywhere."""
    values = (_value_at(document, keys_of(path)) for path in paths.split("|"))
    return next((value for value in values if value not in (None, "")), None)


def _refuse_ambiguous(value: Any, name: str) -> None:
    """Refuse a document in which it is open what counts: of two lists of records one would be lost."""
    if is_ambiguous(value):
        unreadable("an object around the records names a field twice: readers disagree on which value counts", name)


def _value_at(document: Any, keys: Sequence[str]) -> Any:
    """What stands at a path of a document, whose numbers are places in a list; None where it leads nowhere."""
    value = document
    for key in keys:
        if isinstance(value, list):
            value = value[int(key)] if key.isdecimal() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
