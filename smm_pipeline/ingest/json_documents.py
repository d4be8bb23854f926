"""Reader of JSON documents: one file, one value, with the records somewhere in it.

Belongs here: finding the records, what the enclosing document says of them, and telling an answer of failure from data.
Does not belong here: JSON lines, and any meaning of the fields.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import FileFormat, keys_of
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.archives import open_member
from smm_pipeline.ingest.files import JSON_ENCODING_HINT, MAX_UNPACKED_BYTES, unreadable, wrong_encoding
from smm_pipeline.ingest.results import Extract, RecordReject
from smm_pipeline.ingest.text_readers import (
    LineWriter,
    Sink,
    parse_json,
    record_problem,
)
from smm_pipeline.masking import without_persons

MESSAGE_CHARACTERS = 200


def read_json_document(path: Path, name: str, mapping: Mapping, sink: Sink) -> tuple[Extract, str]:
    """Read one JSON document and its records; also returns the enclosing document's declared fields as JSON text.

    Raises:
        SmmError: SMM-201 when the document is broken, is an answer of failure or no path of records_at leads anywhere,
            SMM-203 when it is not UTF-8.
    """
    with open_member(path, name, mapping.format.member) as stream:
        data = stream.read(MAX_UNPACKED_BYTES)
    try:
        document = parse_json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        wrong_encoding(error, line, "utf-8", name, JSON_ENCODING_HINT)
    except (ValueError, RecursionError) as error:
        unreadable(f"not valid JSON: {error}", name)
    _refuse_error_answer(document, mapping.format, name)
    records = _records_of(document, mapping.format, name)
    out, writer = Extract(records=len(records)), LineWriter(sink)
    for row, record in enumerate(records, start=1):
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        if reason := record_problem(record, text):
            out.rejects.append(RecordReject(row, reason, text.encode(errors="backslashreplace").decode()))
        else:
            writer.write(row, text)
    writer.flush()
    fields = mapping.format.document if isinstance(document, dict) else {}
    context = {key: document[key] for key in fields if key in document}
    for key, value in context.items():
        # PHP writes an empty object as an empty list.
        if value not in (None, []) and not isinstance(fields[key], str | type(value)):
            unreadable(f"{key} of the document is of another kind than declared", name)
    return out, json.dumps(context, ensure_ascii=False)


def _records_of(document: Any, fmt: FileFormat, name: str) -> list[Any]:
    values = (_value_at(document, path) for path in fmt.paths)
    found = next((value for value in values if isinstance(value, list | dict)), None)
    if found is None:
        unreadable(f"there are no records at {fmt.records_at}", name)
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


def _value_at(document: Any, keys: Sequence[str]) -> Any:
    """What stands at a path of a document, whose numbers are places in a list; None where it leads nowhere."""
    value = document
    for key in keys:
        if isinstance(value, list):
            value = value[int(key)] if key.isdecimal() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
