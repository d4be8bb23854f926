"""Lines of text as rows that DuckDB reads where they lie.

Belongs here: the lines of a piece in Arrow's layout, which is their bytes and where each ends. As a parameter of a
statement a text is copied four times until its lines are rows, which took a tenth of the time and a fifth of the memory
of ingest. Does not belong here: what lines hold (records.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import nanoarrow
import numpy as np
from nanoarrow.c_array import CArray
from nanoarrow.c_array_stream import CArrayStream
from numpy.typing import NDArray

from smm_pipeline.ingest.line_breaks import Text, hold_anything, line_ends, line_starts
from smm_pipeline.ingest.parts import Lines

_COLUMNS = {
    "part": nanoarrow.int32(),
    "delivery": nanoarrow.int32(),
    "row_no": nanoarrow.int64(),
    "text": nanoarrow.large_string(),
}
_SCHEMA = nanoarrow.c_schema(nanoarrow.struct(_COLUMNS))
# Smaller texts are joined: of many small deliveries the batches would cost more than a copy of their text.
_JOINED_BYTES = 1 << 20


class LineTable:
    """One row per line that holds anything: `part` from 0, `delivery`, `row_no`, `text` with its line break.

    Empty lines count as rows, but are none: they belong to the text of the line before.
    DuckDB takes the object as a table, through Arrow's stream interface, as often as it is asked to.

    Args:
        parts: the lines; DuckDB trusts that they are UTF-8.
    """

    def __init__(self, parts: Sequence[Lines]) -> None:
        self._batches = [_batch(group) for group in _groups(parts)]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A stream of all rows."""
        stream = CArrayStream.from_c_arrays(self._batches, _SCHEMA)
        return stream.__arrow_c_stream__(requested_schema)


def _groups(parts: Sequence[Lines]) -> Iterator[list[tuple[int, Lines]]]:
    """Numbered parts that make one batch: a large one alone, so that it is not copied, small ones together."""
    group, size = list[tuple[int, Lines]](), 0
    for number, part in enumerate(parts):
        if group and size + len(part.text) > _JOINED_BYTES:
            yield group
            group, size = [], 0
        group.append((number, part))
        size += len(part.text)
    if group:
        yield group


def _batch(group: Sequence[tuple[int, Lines]]) -> CArray:
    numbers, parts = zip(*group, strict=True)
    texts: list[Text] = [part.text for part in parts]
    if len(texts) > 1:
        texts = [text if text.endswith(b"\n") or not text else text + b"\n" for text in texts]
    joined = texts[0] if len(texts) == 1 else b"".join(texts)
    known = parts[0].ends if len(parts) == 1 else None
    ends = line_ends(joined) if known is None else known
    lines = np.diff(np.searchsorted(ends, np.cumsum([len(text) for text in texts]), side="right"), prepend=0)
    first_rows = np.array([part.first_row for part in parts], np.int64)
    # Of each part, by how much its rows are ahead of their places in the batch.
    ahead = first_rows - np.cumsum(lines) + lines
    is_row = hold_anything(joined, ends)
    count = int(np.count_nonzero(is_row))
    columns = [
        (np.repeat(np.array(numbers, np.int32), lines)[is_row],),
        (np.repeat(np.array([part.delivery for part in parts], np.int32), lines)[is_row],),
        ((np.arange(len(ends), dtype=np.int64) + np.repeat(ahead, lines))[is_row],),
        (np.append(line_starts(ends)[is_row], len(joined)), joined),
    ]
    children = [_array(kind, count, *buffers) for kind, buffers in zip(_COLUMNS.values(), columns, strict=True)]
    return nanoarrow.c_array_from_buffers(_SCHEMA, count, [None], children=children, move=True)


def _array(kind: nanoarrow.Schema, count: int, *buffers: Text | NDArray[np.int32] | NDArray[np.int64]) -> CArray:
    return nanoarrow.c_array_from_buffers(kind, count, [None, *buffers])
