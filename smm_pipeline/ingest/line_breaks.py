"""Where lines of text end, and which of them hold anything.

Belongs here: both for whole texts at a time, in NumPy, which lets other threads work meanwhile. Does not belong here:
what lines hold (text_readers.py, records.py) and lines as a table (line_table.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# UTF-8 with line breaks.
Text = bytes | bytearray
# Positions after each line's break, in order; the last line may lack one.
LineEnds = NDArray[np.int64]
_BLANKS = b" \t\r\n"
_BREAK = ord("\n")
# What is compared at a time: of a whole text the comparison would be as large as the text.
_COMPARED_BYTES = 512 << 10


def line_ends(text: Text) -> LineEnds:
    """Where each line of a text ends, empty ones too."""
    octets = np.frombuffer(text, np.uint8)
    steps = range(0, len(octets), _COMPARED_BYTES)
    found = [np.flatnonzero(octets[at : at + _COMPARED_BYTES] == _BREAK) + (at + 1) for at in steps]
    ends = np.concatenate([np.empty(0, np.int64), *found])
    if text and not text.endswith(b"\n"):
        ends = np.append(ends, len(text))
    return ends


def line_starts(ends: LineEnds) -> LineEnds:
    """Where each line begins."""
    return np.insert(ends, 0, 0)[:-1]


def hold_anything(text: Text, ends: LineEnds) -> NDArray[np.bool_]:
    """Of each line whether it holds more than blanks."""
    starts = line_starts(ends)
    first = np.frombuffer(text, np.uint8)[starts]
    # No blank comes after the space. The few lines that begin with less are looked at one by one.
    holds = first > ord(" ")
    for place in np.flatnonzero(~holds & (first != _BREAK)):
        holds[place] = bool(text[starts[place] : ends[place]].strip(_BLANKS))
    return holds
