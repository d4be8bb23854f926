"""What of a record a screen or a file of rejects may show.

Belongs here: a refused record as it is kept, with everything masked that the mapping does not read into a column
without personal data; a value of such a column. Does not belong here: what is kept of a record (pieces.py).

A mask keeps the shape: letters become x, digits 9. So a person sees where a delimiter or a quote went wrong, how many
digits there are, and no name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from typing import Any

from smm_pipeline.catalog import Catalog
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.masking import EMAIL, MASK

_TEXTS = re.compile(r"'(?:[^']|'')*'")
_PATH = re.compile(r'(?:"[^"]+"|[^\W\d]\w*)(?:\.(?:"[^"]+"|[^\W\d]\w*))*')
_STEP = re.compile(r'"([^"]+)"|(\w+)')
# A phone in a column that is none of persons: what was put into the wrong cell.
_PHONE = r"\+\d([ ()-]*\d){8,}"
_OWN_FIELDS = "_smm_"
Path = tuple[str, ...]


@dataclass(frozen=True)
class Fields:
    """Paths of a record's fields that may be shown, those that may not, and the names of its own fields."""

    open: frozenset[Path] = frozenset()
    closed: frozenset[Path] = frozenset()
    roots: frozenset[str] = frozenset()

    def may_show(self, path: Path) -> bool:
        """Whether the value at a path may be shown: it is read, and into nothing personal."""
        return path in self.open and not any(self._hides(known, path) for known in self.closed)

    def _hides(self, known: Path, path: Path) -> bool:
        # What an expression takes out of something computed has no place in the record: its name alone hides.
        return path == known if known[0] in self.roots else path[-1] == known[-1]


def fields_of(mapping: Mapping, catalog: Catalog) -> Fields:
    """Which fields a mapping reads into columns without personal data or text, and which into others."""
    found: tuple[set[Path], set[Path]] = (set(), set())
    for name, table in mapping.tables.items():
        specs = {c.name: c for c in catalog[f"raw.{name}"].columns}
        items, element = table.unnested or ("", "")
        places = {element: _paths(items, mapping, {})} if element else {}
        for column, rule in table.columns.items():
            spec = specs[column]
            is_closed = spec.privacy != "none" or "clean" in spec.rules
            found[is_closed].update(_paths(rule.expr, mapping, places))
    return Fields(frozenset(found[0]), frozenset(found[1]), frozenset(mapping.structure))


def shown_record(record: str, fields: Fields) -> Any:
    """A kept record without what may name a person: the value of its JSON, or text where it is none, or too deep."""
    try:
        return _shown(json.loads(record, parse_float=str), (), fields)
    except (ValueError, RecursionError):
        return shape(record)


def _shown(value: Any, path: Path, fields: Fields) -> Any:
    if isinstance(value, dict):
        return {k: _shown(v, (*path, k), fields) for k, v in value.items() if not k.startswith(_OWN_FIELDS)}
    if isinstance(value, list):
        return [_shown(item, path, fields) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if path and fields.may_show(path):
        return shown_value(value) if isinstance(value, str) else value
    return shape(str(value))


def shown_value(text: str) -> str:
    """A value that is none of a person, without e-mail addresses and telephones that were put into the wrong cell."""
    return re.sub(f"{EMAIL}|{_PHONE}", MASK, text)


def shape(text: str) -> str:
    """The text with every letter and digit masked, and signs that a terminal would obey."""
    return "".join(map(_sign, text))


def _sign(sign: str) -> str:
    if sign.isdigit():
        return "9"
    if sign.isalpha():
        return "X" if sign.isupper() else "x"
    return sign if sign.isprintable() or sign in "\t\n" else "?"


def _paths(expression: str, mapping: Mapping, places: Mapped[str, set[Path]]) -> set[Path]:
    """Fields that an expression names, through named expressions and elements of lists (`places`) too."""
    if expression in mapping.structure:
        return {(expression,)}
    found: set[Path] = set()
    for match in _PATH.findall(_TEXTS.sub("''", expression)):
        first, *rest = (quoted or bare for quoted, bare in _STEP.findall(match))
        if first in places:
            found |= {(*place, *rest) for place in places[first]}
        elif first in mapping.let and first not in mapping.structure:
            found |= {(*path, *rest) for path in _paths(mapping.let[first], mapping, places)}
        else:
            found.add((first, *rest))
    return found
