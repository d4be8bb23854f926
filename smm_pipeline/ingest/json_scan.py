"""Where the elements of a JSON array end, in NumPy: for many at a time, and without an object of any value.

Belongs here: what the signs of a text tell: its strings, brackets, commas and numbers. Does not belong here: whether
anything of it is JSON. Where each part between the commas found here is JSON, so is the whole; of a text that is none
some part is none, wherever it was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
_Octets = NDArray[np.uint8]
_BLANKS = b" \t\n\r"
_LOWER_CASE = 0x20
# A number that a double holds and that is its shortest text: none has more than 15 digits, or ends in 0.
_WHOLE_DIGITS, _FRACTION_DIGITS = 11, 4


@dataclass(frozen=True)
class Scan:
    """What was found in a text that begins where an element of an array may begin.

    `commas` are the places between elements, `end` that of the bracket after the last one, -1 where it is not there;
    `odd` are those, in no order, of what DuckDB would not give as it is written or let pass: numbers with a point or an
    exponent that are not the shortest text of a double, and line breaks amid texts.
    """

    commas: list[int]
    end: int
    odd: Places


def scan(text: bytes) -> Scan:
    """Find the elements of an array in UTF-8."""
    octets = np.frombuffer(text, np.uint8)
    # One bit parts [ from { and ] from }, and no other sign becomes one of them.
    lower: _Octets = octets | np.uint8(_LOWER_CASE)
    quotes = _ends_of_texts(octets)
    brackets = _outside(quotes, np.flatnonzero((lower == ord("{")) | (lower == ord("}"))))
    depths = np.cumsum(np.where(lower[brackets] == ord("{"), 1, -1))
    ends = np.flatnonzero(depths < 0)
    last = int(ends[0]) if len(ends) else len(brackets)
    end = int(brackets[last]) if len(ends) else -1
    stops = np.append(brackets[:last], end if len(ends) else len(text))
    # What lies between elements that are objects or lists: after a bracket that closes one, up to the next.
    before = np.flatnonzero(depths[:last] == 0)
    begins = np.insert(brackets[before] + 1, 0, 0).tolist()
    commas: list[int] = []
    for begin, stop in zip(begins, stops[np.insert(before + 1, 0, 0)].tolist(), strict=True):
        between = text[begin:stop]
        if between.strip(_BLANKS) == b",":
            commas.append(begin + between.index(b","))
        elif b"," in between:
            found = np.flatnonzero(octets[begin:stop] == ord(",")) + begin
            commas += _outside(quotes, found).tolist()
    odd = np.concatenate([_odd_breaks(octets, quotes), _odd_numbers(octets, lower, quotes)])
    return Scan(commas, end, odd)


def _ends_of_texts(octets: _Octets) -> Places:
    """The places of quotation marks that begin or end a text."""
    quotes, slashes = np.flatnonzero(octets == ord('"')), np.flatnonzero(octets == ord("\\"))
    if not len(slashes):
        return quotes
    # Of several backslashes in a row every other one is itself what the one before it means.
    row_begins = np.maximum.accumulate(np.where(np.diff(slashes, prepend=-2) != 1, slashes, 0))
    is_meant = np.zeros(len(octets) + 1, np.bool_)
    is_meant[slashes[(slashes - row_begins) % 2 == 0] + 1] = True
    return quotes[~is_meant[quotes]]


def _is_within(quotes: Places, places: Places) -> NDArray[np.bool_]:
    is_within: NDArray[np.bool_] = np.searchsorted(quotes, places) % 2 == 1
    return is_within


def _outside(quotes: Places, places: Places) -> Places:
    return places[~_is_within(quotes, places)]


def _odd_breaks(octets: _Octets, quotes: Places) -> Places:
    breaks = np.flatnonzero(octets == ord("\n"))
    return breaks[_is_within(quotes, breaks)]


def _odd_numbers(octets: _Octets, lower: _Octets, quotes: Places) -> Places:
    after_digit = np.flatnonzero(_is_digit(octets[:-1]) & ((lower[1:] == ord("e")) | (octets[1:] == ord(".")))) + 1
    marks = _outside(quotes, after_digit)
    near = octets.take(marks[:, None] + np.arange(-_WHOLE_DIGITS - 1, _FRACTION_DIGITS + 2), mode="clip")
    is_digit = _is_digit(near)
    whole = is_digit[:, _WHOLE_DIGITS::-1].cumprod(axis=1).sum(axis=1)
    fraction = is_digit[:, _WHOLE_DIGITS + 2 :].cumprod(axis=1).sum(axis=1)
    last = near[np.arange(len(marks)), _WHOLE_DIGITS + 1 + fraction]
    is_short = (whole <= _WHOLE_DIGITS) & (fraction <= _FRACTION_DIGITS) & (last != ord("0"))
    odd: Places = marks[(octets[marks] != ord(".")) | ~is_short]
    return odd


def _is_digit(octets: _Octets) -> NDArray[np.bool_]:
    is_digit: NDArray[np.bool_] = (octets >= ord("0")) & (octets <= ord("9"))
    return is_digit
