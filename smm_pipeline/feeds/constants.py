"""The constants of a feed, held against what its mapping takes.

Belongs here: which constants the mapping reads, and finding one that nothing reads. Does not belong here: what a
constant becomes (room ingest).
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from difflib import get_close_matches

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.feeds.mapping_check import expressions_of

# A name as it stands, or the beginning of names that go on with a value: constant('status_' || status).
_CALL = re.compile(r"\bconstant\s*\(\s*(?:'(?P<name>[^']*)'\s*\)|'(?P<prefix>[^']+)'\s*\|\|)?", re.IGNORECASE)


def reads_constant(mapping: Mapping, name: str) -> bool:
    """Whether an expression of the mapping may read a constant: it says then itself what that is for."""
    names, prefixes = _called(mapping)
    return None in names or name in names or name.startswith(prefixes)


def check_constants(
    mapping: Mapping, catalog: Catalog, constants: MappingOf[str, str], *, key: str, where: str
) -> None:
    """Refuse a constant that is neither a column of the mapping's contracts nor named by one of its expressions.

    Neither is a column to which the mapping gives another constant of its own: that is never unknown.

    Raises:
        SmmError: SMM-102 naming every such constant. None when an expression computes the whole name of a constant, or
            the mapping fills a contract that is not known.
    """
    called, prefixes = _called(mapping)
    if None in called or any(f"raw.{name}" not in catalog.tables for name in mapping.tables):
        return
    rules = [(c.name, t.columns.get(c.name)) for n, t in mapping.tables.items() for c in catalog[f"raw.{n}"].columns]
    open_names = {n for n, rule in rules if rule is None or rule.const in (None, constants.get(n))}
    begun = {f"{prefix}..." for prefix in prefixes}
    wanted = sorted({*filter(None, called), *begun, *(name for name, rule in rules if rule is None)})
    problems = []
    unread = constants.keys() - open_names - called
    for name in sorted(name for name in unread if not name.startswith(prefixes)):
        close = get_close_matches(name, wanted, n=1)
        told = f"did you mean {close[0]}?" if close else f"the mapping takes: {', '.join(wanted)}"
        problems.append(f"{key}.{name}: nothing reads this constant; {told}")
    if problems:
        raise SmmError("SMM-102", "; ".join(problems), where=where, hint="see docs/mapping.md")


def _called(mapping: Mapping) -> tuple[set[str | None], tuple[str, ...]]:
    """The constants that expressions name, None among them where a name is computed, and beginnings of names."""
    calls = [match for _, text in expressions_of(mapping) for match in _CALL.finditer(text)]
    names = {call["name"] for call in calls if not call["prefix"]}
    return names, tuple(call["prefix"] for call in calls if call["prefix"])
