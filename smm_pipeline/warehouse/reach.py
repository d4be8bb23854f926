"""How far from its own day a day of a table can be changed by rows of the raw tables.

Belongs here: the sum of lookbacks and lookaheads on all ways from a table down to raw. Does not belong here: which days
are stale (state.py), which asks for one step at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from smm_pipeline.catalog import Catalog, Days, TableSpec


@dataclass(frozen=True)
class Reach:
    """A day D can be changed by rows of the days D - before .. D + after; `all` is any earlier or later day."""

    before: Days
    after: Days


def raw_reach(catalog: Catalog, spec: TableSpec) -> dict[str, Reach]:
    """For each raw table that a table is made of, directly or not, how far its rows reach on the longest way."""
    found = {spec.full_name: Reach(0, 0)}
    # Readers come before what they read.
    for table in reversed(catalog.build_order):
        if (mine := found.get(table.full_name)) is None:
            continue
        for name in table.deps:
            step = _step(table, catalog[name])
            way = Reach(_sum(mine.before, step.before), _sum(mine.after, step.after))
            known = found.get(name, way)
            found[name] = Reach(_further(known.before, way.before), _further(known.after, way.after))
    return {raw.full_name: found[raw.full_name] for raw in catalog.layer("raw") if raw.full_name in found}


def _step(table: TableSpec, read: TableSpec) -> Reach:
    if table.partition is None or read.partition is None:
        return Reach("all", "all")
    return Reach(table.lookback_days.get(read.full_name, 0), table.lookahead_days.get(read.full_name, 0))


def _sum(one: Days, other: Days) -> Days:
    return "all" if one == "all" or other == "all" else one + other


def _further(one: Days, other: Days) -> Days:
    return "all" if one == "all" or other == "all" else max(one, other)
