"""The constants of a feed, held against what its mapping takes.

Belongs here: finding a constant that nothing reads. Does not belong here: what a constant becomes (room ingest).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.feeds.mapping_check import expressions_of

# A name as it stands, or the beginning of names that go on with a value: constant('status_' || status).
_CALL = re.compile(r"\bconstant\s*\(\s*(?:'(?P<name>[^']*)'\s*\)|'(?P<prefix>[^']+)'\s*\|\|)?", re.IGNORECASE)


def check_constants(mapping: Mapping, catalog: Catalog, constants: Iterable[str], *, key: str, where: str) -> None:
    """Refuse a constant that is neither a column of the mapping's contracts nor named by one of its expressions.

    Raises:
        SmmError: SMM-102 naming every such constant. None when an expression computes the whole name of a constant, or
            the mapping fills a contract that is not known.
    """
    calls = [match for _, text in expressions_of(mapping) for match in _CALL.finditer(text)]
    called = [call["name"] for call in calls if not call["prefix"]]
    prefixes = tuple(call["prefix"] for call in calls if call["prefix"])
    if None in called or any(f"raw.{name}" not in catalog.tables for name in mapping.tables):
        return
    columns = {
        c.name: c.name in rule.columns for n, rule in mapping.tables.items() for c in catalog[f"raw.{n}"].columns
    }
    begun = {f"{prefix}..." for prefix in prefixes}
    wanted = sorted({*called, *begun, *(name for name, is_filled in columns.items() if not is_filled)})
    problems = []
    unread = set(constants) - columns.keys() - set(called)
    for name in sorted(name for name in unread if not name.startswith(prefixes)):
        close = get_close_matches(name, wanted, n=1)
        told = f"did you mean {close[0]}?" if close else f"the mapping takes: {', '.join(wanted)}"
        problems.append(f"{key}.{name}: nothing reads this constant; {told}")
    if problems:
        raise SmmError("SMM-102", "; ".join(problems), where=where, hint="see docs/mapping.md")
