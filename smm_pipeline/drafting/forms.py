"""How a source writes numbers and times, told by some of its values.

Belongs here: these guesses, as the `number:` and `time:` of a mapping. Does not belong here: which column a field is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d{2}:?(?:\d{2})?))?)?")
_OFFSET = re.compile(r":\d{2}(?:[.,]\d+)? ?(?:Z|UTC|[+-]\d{2}:?(?:\d{2})?)$")
_NUMERIC_DAY = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(.*)")
_CLOCK = re.compile(r"([T ,]+)(\d{1,2}):(\d{2})(:\d{2})?(\s*[AaPp][Mm])?")
_UNIX = {"unix_s": 1, "unix_ms": 1_000, "unix_us": 1_000_000}
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_NUMBER = re.compile(r"[+-]?\d[\d .,'\u00a0\u2009\u202f]*(?:[eE]-\d+)?")
# One sign and three digits behind it: a fraction as well as thousands, unless a zero is before it.
_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
# The ways of `decimal: either`.
_EITHER = ((".", ","), (".", " "), (",", "."), (",", " "))
_NEGATIVE = re.compile(r"[()\u2212\u2013-]")
_SPACES = re.compile(r"[ \u00a0\u2009\u202f]")
_BOOLEANS = {"true", "false", "t", "f", "yes", "no", "y", "n", "1", "0"}
# So many of the values must be written in the form: a source has a bad cell here and there.
_MOST = 0.8


@dataclass(frozen=True)
class Form:
    """What a mapping says of the values of a column, and why a person should look at it."""

    rule: Mapping[str, Any] = field(default_factory=dict)
    doubt: str = ""


def fits(type_: str, texts: Sequence[str]) -> bool:
    """Whether values can be of a contract's type at all; nothing speaks against a field without values."""
    if not texts or type_ == "VARCHAR":
        return True
    if type_ == "BOOLEAN":
        return _most(texts, lambda text: text.lower() in _BOOLEANS)
    if type_.startswith("DECIMAL") and _most(texts, lambda text: "%" in text):
        # A discount of 10% is no amount of 10.
        return False
    return (time_form(texts) if type_ in ("DATE", "TIMESTAMPTZ") else number_form(texts)) is not None


def form_of(type_: str, texts: Sequence[str], name: str) -> Form:
    """How the values of a column of this type are written; the field's name may tell their zone."""
    if type_ == "TIMESTAMPTZ":
        return _instant_form(time_form(texts) or Form(), texts, name)
    if type_ == "DATE":
        return time_form(texts) or Form()
    if type_ in ("VARCHAR", "BOOLEAN"):
        return Form()
    return number_form(texts) or Form()


def time_form(texts: Sequence[str]) -> Form | None:
    """How times are written; None when they are none that can be told."""
    if not texts or _most(texts, _ISO.fullmatch):
        return Form()
    for name, factor in _UNIX.items():
        if _most(texts, lambda t, f=factor: t.isdecimal() and _FIRST <= int(t) / f <= _LAST):
            return Form({"time": {"format": name}})
    if _most(texts, lambda t: len(t) == 8 and t.isdecimal() and t[:2] in ("19", "20")):
        return Form({"time": {"format": "%Y%m%d"}})
    matches = [match for text in texts if (match := _NUMERIC_DAY.fullmatch(text))]
    return _day_form(matches) if matches and len(matches) >= _MOST * len(texts) else None


def _instant_form(form: Form, texts: Sequence[str], name: str) -> Form:
    time = dict(form.rule.get("time", {}))
    if time.get("format") in _UNIX or _most(texts, _OFFSET.search):
        return form
    if texts and not any(":" in text for text in texts):
        return Form(form.rule, form.doubt or "the values are days: each stands for its midnight")
    if re.search("gmt|utc", name.lower()):
        return Form({"time": {**time, "zone": "UTC"}}, form.doubt)
    return form


def _day_form(matches: Sequence[re.Match[str]]) -> Form | None:
    sign, rest = matches[0][2], matches[0][5]
    clock = _CLOCK.fullmatch(rest) if rest else None
    if rest and clock is None:
        return None
    first, third = max(int(m[1]) for m in matches), max(len(m[4]) for m in matches)
    second = max(int(m[3]) for m in matches)
    doubt = ""
    if len(matches[0][1]) == 4:
        day = f"%Y{sign}%m{sign}%d"
    else:
        year = "%Y" if third == 4 else "%y"
        # With points nobody writes the month first; with strokes Americans do.
        is_month_first = second > 12 or (first <= 12 and sign == "/")
        day = f"%m{sign}%d{sign}{year}" if is_month_first else f"%d{sign}%m{sign}{year}"
        if first <= 12 and second <= 12 and sign != ".":
            doubt = "day and month could be the other way round"
    written = _clock_pattern(clock)
    if any(_clock_pattern(_CLOCK.fullmatch(m[5])) != written or bool(m[5]) != bool(rest) for m in matches):
        doubt = "some values write the time of day otherwise, or have none: they will be rejects"
    return Form({"time": {"format": day + written}}, doubt)


def _clock_pattern(clock: re.Match[str] | None) -> str:
    if clock is None:
        return ""
    hour = "%I" if clock[5] else "%H"
    half = " %p" if clock[5] and clock[5].startswith(" ") else "%p" if clock[5] else ""
    return f"{clock[1]}{hour}:%M{':%S' if clock[4] else ''}{half}"


def number_form(texts: Sequence[str]) -> Form | None:
    """How numbers are written; None when they are none."""
    found = {sign for text in texts for sign in _signs(text)}
    # Taken off, a bracket or a minus of another kind would make a payment of a refund.
    signs = sorted((s for s in found if not _NEGATIVE.search(s)), key=lambda s: (-len(s), s))
    bare = [_without(text, signs) for text in texts]
    numbers = [text for text in bare if _NUMBER.fullmatch(text)]
    # Units differ from value to value only where they are no units: 12 kg, 3 pieces, 12A, Room 5.
    if not numbers or len(numbers) < _MOST * len(texts) or len(signs) > 2:
        return None
    decimal, thousands = _marks(numbers)
    rule: dict[str, Any] = {"decimal": ","} if decimal == "," else {}
    rule |= {"thousands": thousands} if thousands else {}
    doubts = []
    read, read_by_either = _read(numbers, [(decimal, thousands)]), _read(numbers, _EITHER)
    if read_by_either > read:
        rule, read = {"decimal": "either"}, read_by_either
        doubts.append("some numbers have a comma before their fraction and some a point")
    elif doubt := _group_doubt(numbers):
        doubts.append(doubt)
    if read < _MOST * len(texts):
        return None
    if signs:
        rule["strip"] = signs
    if len(signs) < len(found):
        doubts.append("some numbers have a bracket or another kind of minus and may be negative: they will be rejects")
    return Form({"number": rule} if rule else {}, "; ".join(doubts))


def _marks(numbers: Sequence[str]) -> tuple[str, str]:
    """The sign before the fraction, and the one between thousands; empty where there is none."""
    decimal = _decimal(numbers)
    thousands = next((mark for mark in ".,'" if mark != decimal and any(mark in text for text in numbers)), "")
    if not thousands and any(_SPACES.search(text) for text in numbers):
        thousands = " "
    return decimal, thousands


def _read(numbers: Sequence[str], ways: Sequence[tuple[str, str]]) -> int:
    """How many of the numbers a mapping reads that takes these pairs of signs."""
    written = []
    for decimal, thousands in ways:
        between = _SPACES.pattern if thousands == " " else re.escape(thousands)
        grouped = rf"|\d{{1,3}}(?:{between}\d{{3}})+" if thousands else ""
        written.append(rf"[+-]?(?:\d+{grouped})(?:{re.escape(decimal)}\d+)?(?:[eE]-\d+)?")
    return sum(1 for text in numbers if re.fullmatch("|".join(written), text))


def _group_doubt(numbers: Sequence[str]) -> str:
    """What to look at where the only sign of all numbers has three digits behind it."""
    marked = [text for text in numbers if re.search("[.,']", text)]
    if not marked or not all(_GROUP.fullmatch(text) for text in marked) or len({_mark(text) for text in marked}) > 1:
        return ""
    if _mark(marked[0]) == ",":
        return "a comma before three digits was taken for one of thousands"
    return "a point before three digits was taken for that of a fraction"


def _mark(text: str) -> str:
    return "," if "," in text else "."


def _decimal(numbers: Sequence[str]) -> str:
    """The sign before the fraction: the last one of any number, unless it parts groups of three everywhere."""
    last = [re.findall(r"[.,]", text)[-1:] for text in numbers]
    for mark in ",.":
        ends = [t for t, m in zip(numbers, last, strict=True) if m == [mark]]
        if any(t.count(mark) > 1 for t in ends):
            # 1.234.567 has no fraction: the other sign would begin it.
            return "," if mark == "." else "."
        if any(t.count(mark) == 1 and not _GROUP.fullmatch(t) for t in ends):
            return mark
        if mark == "," and any("." in t for t in ends):
            return mark
    return "."


def _signs(text: str) -> list[str]:
    """Currency signs and units around a number, e.g. грн."""
    if not re.search(r"\d", text):
        return []
    around = re.fullmatch(r"([^\d+-]*)[+-]?\d[\d .,'\u00a0\u2009\u202f]*(?:[eE]-\d+)?([^\d]*)", text)
    return [sign for part in around.groups() if (sign := part.strip(" \u00a0\u202f"))] if around else []


def _without(text: str, signs: Sequence[str]) -> str:
    for sign in signs:
        text = text.replace(sign, "")
    return text.strip(" \u00a0\u202f")


def _most(texts: Sequence[str], test: Any) -> bool:
    return sum(1 for text in texts if test(text)) >= _MOST * len(texts)
