"""Goals that are of nothing: their scope is no network, community, class or word of the table that they are about.

Belongs here: finding them in a work database, with the scopes that may have been meant. Does not belong here: which
scopes there are (sql/core/dim_goal_scope.sql), and the check that tells of them in a run (kpi_goal_progress).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import duckdb

from smm_pipeline.goal_settings import Goal

NEAREST = 3
# Some seven hundred networks are known by name: something like most words is among them.
_CUTOFF = 0.75
# So few scopes are all told where none is near.
_FEW = 8
# Those of the settings may have changed since they were built.
_OF_FEEDS = "select name, kpi, scope from core.dim_goal where source_system <> 'smm.toml' order by source_system, name"
_KNOWN = """
select kpi_table, scope from core.dim_goal_scope
union
select 'kpi_daily_content_traffic', lower(page_path) from kpi.kpi_daily_content_traffic where page_path is not null
union
select split_part(kpi, '.', 1), scope from kpi.kpi_goal_progress where reason is distinct from 'no such scope'
"""


@dataclass(frozen=True)
class Aimless:
    """A goal whose scope is none, and the scopes that may have been meant."""

    name: str
    kpi: str
    scope: str
    nearest: tuple[str, ...]


def aimless_goals(con: duckdb.DuckDBPyConnection, goals: Iterable[Goal]) -> list[Aimless]:
    """Goals of the settings and of feeds whose scope is none; nothing where no scope is known yet.

    Args:
        con: the work database, which an earlier version may have made.
        goals: those of the settings, as they are now.
    """
    try:
        if con.execute("select 1 from core.dim_goal_scope limit 1").fetchone() is None:
            return []
        known: dict[str, set[str]] = {}
        for table, scope in con.execute(_KNOWN).fetchall():
            known.setdefault(table, set()).add(scope)
        stated = [(goal.name, goal.kpi, goal.scope) for goal in goals] + con.execute(_OF_FEEDS).fetchall()
    except duckdb.CatalogException:
        return []
    found = []
    for name, kpi, scope in stated:
        # A figure that no goal may be about has no scopes; another check names it.
        scopes = known.get(kpi.partition(".")[0])
        wanted = scope.strip().lower() or "all"
        if scopes and wanted not in scopes:
            near = get_close_matches(wanted, sorted(scopes), n=NEAREST, cutoff=_CUTOFF)
            found.append(Aimless(name, kpi, scope, tuple(near or (sorted(scopes) if len(scopes) <= _FEW else ()))))
    return found
