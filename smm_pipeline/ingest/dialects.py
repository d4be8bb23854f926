"""Why the header of a CSV file does not fit: perhaps it is written with another delimiter or in another encoding.

Belongs here: reading a header in several ways, to take one of those that are declared, and to tell the user which other
one names the expected columns. Does not belong here: reading the file in such a way; a delivery that is not as declared
stays refused.
"""

from __future__ import annotations

import csv
import re

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.tabular import header_place
from smm_pipeline.masking import without_persons

# So much of a file holds its header.
HEAD_BYTES = 1 << 16
SHOWN_CHARACTERS = 200
_ENCODINGS = ("utf-8-sig", "cp1251", "utf-16", "cp1252", "cp866", "koi8-u")
_DELIMITERS = (",", ";", "\t", "|")


def explain_header(error: SmmError, head: bytes, mapping: Mapping) -> SmmError:
    """The error of a header that does not fit, with the header as it was read and what to set in the mapping.

    Args:
        error: SMM-202 or SMM-203 of the file.
        head: its first bytes, unpacked.
        mapping: names the expected columns.

    Returns:
        The error itself where no other way to read the header names more of the columns. A line that names none of
        them, however read, is not shown: it may be no header but a person's data.
    """
    fmt = mapping.format
    delimiter = fmt.delimiter[0]
    declared = (fmt.encoding, delimiter)
    ways = [(e, d) for e in (fmt.encoding, *_ENCODINGS) for d in (delimiter, *_DELIMITERS)]
    named = {way: _named(head, mapping, *way) for way in ways}
    # The first of equals: what is declared, and the more common way.
    best = max(ways, key=lambda way: len(named[way]))
    what, hint = error.what, error.hint
    # Where the header has to be found, the way that finds it says which line it is.
    line = _line(head, mapping, fmt.encoding, best[1])
    if named[best]:
        as_read = "".join(c for c in line if c.isprintable() or c == "\t")
        what += f"; the header as read: {without_persons(as_read)[:SHOWN_CHARACTERS]}"
    if len(named[best]) > len(named[declared]):
        encoding, is_other = best[0].removesuffix("-sig"), best[0] != fmt.encoding
        keys = [f"encoding: {encoding}"] if is_other else []
        keys += [f"delimiter: {_quoted(best[1])}"] if best[1] != delimiter else []
        place = "the mapping's format" + (f', or encoding = "{encoding}" in the feed of smm.toml' if is_other else "")
        hint = f"set {' and '.join(keys)} in {place}; the header then names {', '.join(named[best])}"
    elif "\ufffd" in line and error.code == "SMM-202":
        hint = "letters of the header were lost (U+FFFD) before the file came: export it again, as UTF-8"
    return SmmError(error.code, what, where=error.where, hint=hint)


def with_one_delimiter(head: bytes, mapping: Mapping) -> Mapping:
    """A mapping with the delimiter, of those that it declares, by which the header names most columns."""
    fmt = mapping.format
    best = max(fmt.delimiter, key=lambda delimiter: len(_named(head, mapping, fmt.encoding, delimiter)))
    return mapping.model_copy(update={"format": fmt.model_copy(update={"delimiter": (best,)})})


def _line(head: bytes, mapping: Mapping, encoding: str, delimiter: str) -> str:
    """The header as it is read in one way: the line that is declared to be it, or of several the likeliest."""
    fmt = mapping.format
    lines = re.split("\r\n|\r|\n", head.decode(encoding, errors="replace").lstrip("\ufeff"))
    if not fmt.header_within:
        return "".join(lines[fmt.header_row - 1 : fmt.header_row])
    first = lines[: fmt.header_within]
    return first[header_place([_cells(line, mapping, delimiter) for line in first], mapping)]


def _cells(line: str, mapping: Mapping, delimiter: str) -> list[str]:
    # Without strict= an open quote is no error: this is not the reading that counts.
    cells = next(csv.reader([line], delimiter=delimiter, quotechar=mapping.format.quote or None), [])
    return [cell.strip() for cell in cells]


def _named(head: bytes, mapping: Mapping, encoding: str, delimiter: str) -> list[str]:
    """The expected columns that a header names when it is read in one way."""
    found = set(_cells(_line(head, mapping, encoding, delimiter), mapping, delimiter))
    return [name for name, known in mapping.names_of.items() if found.intersection(known)]


def _quoted(delimiter: str) -> str:
    return '"\\t"' if delimiter == "\t" else f'"{delimiter}"'
