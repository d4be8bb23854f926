"""Which contract a file is near to, and which of its fields is which column.

Belongs here: closeness of names, by their letters and by synonyms.yml. Does not belong here: how values are written
(forms.py), and files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import yaml

from smm_pipeline.catalog import Catalog, ColumnSpec, TableSpec
from smm_pipeline.drafting.forms import fits
from smm_pipeline.drafting.sample import Path

# Below it two names are not the same word with another ending.
NEAR = 0.82
_SURE = 0.95
# A name of three letters is near to too many others; so many columns found are as good as all of them.
_SHORT, _MANY = 3, 6
_NAMED = 0.1
# What files seldom say of themselves: a constant of the feed, or of the mapping.
OUTSIDE = frozenset({"network", "community_id", "store_id", "property_id", "monitor_id", "brand", "site", "metric"})
OUTSIDE |= {"value_kind", "kind", "dimension"}
_SYNONYM_FILE = FilePath(__file__).with_name("synonyms.yml")
# Endings that tell the type and not the subject.
_ENDINGS = re.compile(r"_(?:ts|amount|key|date_local|local)$")
_WHOLE_NUMBER = re.compile(r"-?\d+")
# What a header says of its unit: `Сума, грн`, `Order Total (USD)`.
_UNIT = re.compile(r" (?:грн|uah|usd|eur|pln)$")
# A name without its ending is a column's own, unless it is the very name of another: `event` is not `event_key`.
_WITHOUT_ENDING = 0.999


@dataclass(frozen=True)
class Match:
    """A field taken for a column; `closeness` is 0..1."""

    path: Path
    column: str
    closeness: float

    @property
    def is_sure(self) -> bool:
        """Whether the name is the column's own, or a known synonym."""
        return self.closeness >= _SURE


@dataclass(frozen=True)
class Fit:
    """How well the fields of a file fill a contract; `matches` by column."""

    spec: TableSpec
    matches: Mapping[str, Match]
    score: float


def best_fits(catalog: Catalog, values: Mapping[Path, Sequence[str]], file_name: str, only: str = "") -> list[Fit]:
    """The contracts that the fields could fill, the best first; with `only` this one alone.

    A contract of which the file's name speaks, as `products.json` does, is a little nearer than others.
    """
    words = plain(file_name).split()
    found = []
    for spec in catalog.layer("raw"):
        if only in ("", spec.name):
            fit = _fit(spec, values)
            is_named = any(word.startswith(spec.name.split("_")[-1]) for word in words)
            found.append(replace(fit, score=round(fit.score + (_NAMED if is_named else 0), 3)))
    return sorted(found, key=lambda fit: (-fit.score, fit.spec.name))


def needed(spec: TableSpec) -> list[ColumnSpec]:
    """Columns that a mapping has to give; a key that may be empty and a day out of an instant need no value."""
    return [
        c
        for c in spec.columns
        if (c.rules.get("required") or c.name in spec.key)
        and c.name != "source_system"
        and not c.rules.get("empty_is_value")
        and not c.rules.get("local_date_of")
    ]


def near_value(text: str, accepted: Iterable[str]) -> str:
    """The accepted value that a vendor's word stands for; empty when none does."""
    word = _word(text)
    for value in accepted:
        if word in {_word(value), *map(_word, _synonyms()["values"].get(value, ()))}:
            return value
    return ""


def _word(text: str) -> str:
    """A value to be compared: of a number the sign is all the difference."""
    return text.strip() if _WHOLE_NUMBER.fullmatch(text.strip()) else plain(text)


def is_named_whole(path: Path, column: str) -> bool:
    """Whether all names of a path together are the column's name, as `utm.medium`, or a synonym of it."""
    return plain(" ".join(path)) in {plain(column), plain(_ENDINGS.sub("", column)), *_plain_synonyms(column)}


def plain(name: str) -> str:
    """A name as its words in lower case: `Created at`, `created_at` and `createdAt` are one."""
    parted = re.sub(r"(?<=[a-zа-яіїєґ])(?=[A-ZА-ЯІЇЄҐ])", " ", name)  # noqa: RUF001 - Cyrillic is meant
    return " ".join(re.findall(r"[^\W_]+|№", parted.casefold()))


def _fit(spec: TableSpec, values: Mapping[Path, Sequence[str]]) -> Fit:
    columns = [c for c in spec.columns if c.name != "source_system" and not c.rules.get("local_date_of")]
    pairs = [
        Match(path, c.name, near)
        for path, texts in values.items()
        for c in columns
        if (near := _closeness(path, c.name, is_own_id=c.name == spec.key[-1])) >= NEAR and fits(c.type, texts)
    ]
    order = {c.name: n for n, c in enumerate(columns)}
    required = {c.name for c in needed(spec)} - OUTSIDE
    pairs.sort(key=lambda m: (-m.closeness, m.column not in required, len(m.path), order[m.column]))
    chosen: dict[str, Match] = {}
    taken: set[Path] = set()
    for match in pairs:
        if match.column not in chosen and match.path not in taken:
            chosen[match.column] = match
            taken.add(match.path)
    # What a contract needs counts most; then how much of the file it takes, and how much of it that is.
    weight = sum(match.closeness for match in chosen.values())
    found = len(required & chosen.keys()) / max(len(required), 1)
    read = weight / max(len(values), 1)
    return Fit(spec, chosen, round(0.4 * found + 0.3 * read + 0.3 * min(1.0, weight / _MANY), 3))


def _closeness(path: Path, column: str, *, is_own_id: bool) -> float:
    """How near a field is to a column: the whole path, or its last name where that is enough."""
    whole, last = plain(" ".join(path)), _UNIT.sub("", plain(path[-1]))
    others = _plain_synonyms(column)
    # Of a synonym the first is the most usual: among equals it decides.
    by_synonym = max((1 - 0.002 * n for n, s in enumerate(others) if s in (whole, last)), default=0.0)
    depth = 0.01 * (len(path) - 1)
    if plain(column) in (whole, last):
        return 1.0 - depth
    if plain(_ENDINGS.sub("", column)) in (whole, last):
        return _WITHOUT_ENDING - depth
    if last == "id" and is_own_id and column.endswith("_id"):
        by_synonym = max(by_synonym, 0.9)
    letters = _letters(last, column) if len(last) > _SHORT else 0.0
    return max(by_synonym, min(letters, _SURE - 0.01)) - depth


@cache
def _letters(name: str, column: str) -> float:
    """How alike the letters of a name are to those of a column's names."""
    matcher = SequenceMatcher(None, "", name)
    best = 0.0
    for other in {plain(column), plain(_ENDINGS.sub("", column)), *_plain_synonyms(column)}:
        matcher.set_seq1(other)
        if matcher.real_quick_ratio() >= NEAR and matcher.quick_ratio() >= NEAR:
            best = max(best, matcher.ratio())
    return best


@cache
def _plain_synonyms(column: str) -> tuple[str, ...]:
    return tuple(map(plain, _synonyms()["columns"].get(column, ())))


@cache
def _synonyms() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_SYNONYM_FILE.read_text(encoding="utf-8"))
    return loaded
