"""A 0 that a silent feed may have left is published as unknown, and so is a judgement made without it.

Belongs here: on which days the `zero_needs` of a table's description are not met, and the query of a table with NULL in
place of such a 0. Does not belong here: when a feed counts as silent (silence.py), and which columns need which
contracts (sql/kpi/*.yml).

Only the publication is changed: which feed fills a contract, and what came later, must not make built days stale. A sum
that is not 0 stays, too small as it may be: it holds what did come, and `kpi._completeness` says that it is not all.

A contract is given on a day by the feeds that have begun by then, are not silent on it and were not given up before.
Where the table and the contract both name communities, or networks, a row asks the feeds that ever told of its own one;
of one that no feed ever told of nothing can be missing but all feeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.quoting import quoted, sql_text, sql_texts
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.schema import relation
from smm_pipeline.warehouse.silence import NEEDED_TABLES, PERIOD_SQL, silence_sql
from smm_pipeline.zero_needs import WHOLE_MONTH, ZeroNeed

# Finer from one to the next; a scope is these joined by a slash, as in the scope of a goal, and '' is all together.
_SCOPES = ("network", "community_id")
SILENT_REASON = "a feed of its figure is missing"


@dataclass(frozen=True)
class _Reach:
    """Which feeds a need asks, of which days about a row's day or month; entries that ask the same share one."""

    contracts: tuple[str, ...]
    scopes: tuple[str, ...]
    step: str
    first: int
    last: int
    is_optional: bool


class Zeros:
    """The queries of published tables, with what is not given found once in temporary tables of the connection.

    zero_source (need, scope, feed) says which feeds are asked for whom, and zero_absent (need, scope, date_local,
    is_silent) on which days, or for which months, one of them is missing; if it is not silent, it had not begun.

    Args:
        con: the open work database, with the books of ingest.
        catalog: the tables. In one without the history of feeds nothing is known to be silent.
        settings: feeds that it names no longer were given up; zone and rules.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._rules = settings.sql_parameters()
        needs = [(spec, need) for spec in catalog if spec.publish for need in spec.zero_needs if need.contracts]
        reaches = dict.fromkeys(self._reach(spec, need) for spec, need in needs)
        self._numbers = {reach: number for number, reach in enumerate(reaches)}
        self._is_known = catalog.tables.keys() >= NEEDED_TABLES and bool(self._numbers)
        if self._is_known:
            con.execute(f"create or replace temp table zero_source as {self._source_sql()}")
            con.execute(f"create or replace temp table zero_absent as {_absent_sql(self._numbers, settings)}")

    def select(self, spec: TableSpec) -> str:
        """The query of a table's rows as they are published."""
        return f"select {', '.join(self._columns(spec))} from ({self.flagged(spec)})"

    def flagged(self, spec: TableSpec) -> str:
        """The query of a table's rows as they are stored, with columns `_unmet_N` and `_silent_N` for its needs.

        Unmet is a need also where its feeds had not begun, or there are none; silent, where they should have come.
        """
        needs = list(enumerate(spec.zero_needs if self._is_known else ()))
        scopes = ", ".join(["*", *(f"{self._scope(spec, need)} as _scope_{n}" for n, need in needs if need.contracts)])
        flags = ["*", *(f"coalesce({self._unmet(spec, n, need, 'true')}, false) as _unmet_{n}" for n, need in needs)]
        flags += [
            f"coalesce({self._unmet(spec, n, need, 'is_silent')}, false) as _silent_{n}"
            for n, need in needs
            if need.verdicts
        ]
        return f"select {', '.join(flags)} from (select {scopes} from {relation(spec)} as b) as b"

    def missing(
        self, con: duckdb.DuckDBPyConnection, spec: TableSpec, condition: str, values: Mapping[str, object]
    ) -> dict[str, list[str]]:
        """Columns of rows b under a condition that are published as unknown, with the contracts that are missing.

        Of a goal they are those of its figure, which is explained under its own name: none stands here.
        """
        found: dict[str, list[str]] = {}
        for number, need in enumerate(spec.zero_needs if self._is_known else ()):
            flags = [f"bool_or({quoted(column)} = 0 and _unmet_{number})" for column in need.columns]
            flags += [f"bool_or({quoted(column)} is not null and _silent_{number})" for column in need.verdicts]
            query = f"select {', '.join(flags)} from ({self.flagged(spec)}) as b where {condition}"
            [row] = con.execute(query, values).fetchall()
            for column, is_unknown in zip((*need.columns, *need.verdicts), row, strict=True):
                if is_unknown:
                    found.setdefault(column, []).extend(name.removeprefix("raw.") for name in need.contracts)
        for column, made_of in spec.follows.items():
            if unknown := [found[zero] for zero in made_of if zero in found]:
                found[column] = [name for names in unknown for name in names]
        return {column: sorted(set(names)) for column, names in found.items()}

    def _columns(self, spec: TableSpec) -> Iterator[str]:
        for column in spec.stored_columns:
            unknown = []
            for n, need in enumerate(spec.zero_needs if self._is_known else ()):
                made_of = spec.follows.get(column.name, (column.name,))
                unknown += [f"({quoted(zero)} = 0 and _unmet_{n})" for zero in made_of if zero in need.columns]
                unknown += [f"_silent_{n}"] if column.name in need.verdicts else []
            name = quoted(column.name)
            told = [f"_silent_{n}" for n, need in enumerate(spec.zero_needs) if need.reason == column.name]
            if unknown:
                yield f"case when not coalesce({' or '.join(unknown)}, false) then {name} end as {name}"
            elif told and self._is_known:
                yield f"coalesce({name}, case when {' or '.join(told)} then {sql_text(SILENT_REASON)} end) as {name}"
            else:
                yield name

    def _scope(self, spec: TableSpec, need: ZeroNeed) -> str:
        """Whose feeds a row asks: the finest scope that any feed told of."""
        reach = self._reach(spec, need)
        known = f"(select scope from zero_source where need = {self._numbers[reach]})"
        cases = [
            f"when {name} in {known} then {name}"
            for name in (_scope(reach.scopes[:n]) for n in range(len(reach.scopes), 0, -1))
        ]
        # Rows of no network in particular, such as (all), need the feeds of every one.
        return f"case when starts_with(network, '(') then '' {' '.join(cases)} end" if cases else "''"

    def _unmet(self, spec: TableSpec, number: int, need: ZeroNeed, absence: str) -> str:
        """A condition on a row: this need is not met, by an absence of this kind."""
        if need.figure:
            return self._unmet_figure(need, absence)
        reach = self._reach(spec, need)
        of_need = f"where need = {self._numbers[reach]}"
        day = quoted(str(spec.day_column))
        absent = f"select (scope, date_local) from zero_absent {of_need} and {absence}"
        is_absent = f"coalesce((_scope_{number}, {day}) in ({absent}), false)"
        is_nobodys = "" if reach.is_optional else f" or not exists (select 1 from zero_source {of_need})"
        return f"({need.where or 'true'}) and ({is_absent}{is_nobodys})"

    def _unmet_figure(self, need: ZeroNeed, absence: str) -> str:
        first, last = (quoted(str(name)) for name in need.days)
        figures = ", ".join(f"({sql_text(figure)}, {number})" for figure, number in self._figures())
        return f"""exists (
            select 1
            from (values {figures}) as f (figure, need)
            left join (select distinct need, scope from zero_source) as z
                on z.need = f.need and lower(z.scope) = b.scope
            left join zero_absent as a
                on a.need = f.need and a.scope = coalesce(z.scope, '') and {absence}
                and a.date_local between case when b.kpi_kind = 'level' then b.{last} else b.{first} end and b.{last}
            where f.figure = b.{quoted(str(need.figure))}
                and (a.need is not null or f.need not in (select need from zero_source))
        )"""

    def _figures(self) -> Iterator[tuple[str, int]]:
        """Each daily figure as a goal names it, with the number of what it needs."""
        for spec in self._catalog:
            for need in spec.zero_needs if spec.partition and spec.publish else ():
                for column in (*need.columns, *need.verdicts):
                    yield f"{spec.name}.{column}", self._numbers[self._reach(spec, need)]

    def _reach(self, spec: TableSpec, need: ZeroNeed) -> _Reach:
        tables = [{c.name for c in table.columns} for table in (spec, *(self._catalog[c] for c in need.contracts))]
        scopes = tuple(name for name in _SCOPES if all(name in columns for columns in tables))
        if need.days == WHOLE_MONTH:
            return _Reach(need.contracts, scopes, "month", 0, 0, need.is_optional)
        return _Reach(need.contracts, scopes, "day", *need.bounds(self._rules), need.is_optional)

    def _source_sql(self) -> str:
        asked = ", ".join(
            f"({number}, {sql_text(name)})" for reach, number in self._numbers.items() for name in reach.contracts
        )
        scoped = sorted({(name, reach.scopes) for reach in self._numbers if reach.scopes for name in reach.contracts})
        given = ["select distinct feed, table_name, '' as scope from meta.delivery_count where rows_in > 0"]
        for name, scopes in scoped:
            given += [
                f"select distinct _feed, {sql_text(name)}, {scope} from {relation(self._catalog[name])} "
                f"where {scope} is not null"
                for scope in (_scope(scopes[:n]) for n in range(1, len(scopes) + 1))
            ]
        with_scopes = [number for reach, number in self._numbers.items() if reach.scopes]
        return f"""
with asked as (
    select need, contract from (values {asked}) as a (need, contract)
)

select distinct a.need, g.scope, g.feed
from asked as a
inner join ({" union ".join(given)}) as g on g.table_name = a.contract
where g.scope = '' or list_contains(cast({with_scopes} as integer[]), a.need)
"""


def _scope(columns: tuple[str, ...]) -> str:
    return " || '/' || ".join(columns)


def _absent_sql(numbers: dict[_Reach, int], settings: Settings) -> str:
    """need, scope, date_local: days, or first days of months, for which a feed of zero_source is missing."""
    reaches = ", ".join(f"({n}, {sql_text(r.step)}, {r.first}, {r.last}, {r.is_optional})" for r, n in numbers.items())
    return f"""
with reach as (
    select * from (values {reaches}) as r (need, step, first_day, last_day, is_optional)
),

period as ({PERIOD_SQL}),

feed as (
    select
        f.feed,
        min(f.date_local) as first_date,
        case
            when list_contains({sql_texts(sorted(settings.feeds))}, f.feed) then max(p.last_date)
            else max(f.date_local)
        end as last_date
    from core.fct_feed_day as f
    cross join period as p
    group by f.feed
),

-- The days that each feed covers, and up to where feeds that began before it do.
covered as (
    select
        z.need,
        z.scope,
        f.first_date,
        max(f.last_date) over (of_scope rows between unbounded preceding and 1 preceding) as covered_until,
        max(f.last_date) over (partition by z.need, z.scope) as last_date
    from zero_source as z
    inner join feed as f on f.feed = z.feed
    where z.need not in (select need from reach where is_optional)
    window of_scope as (partition by z.need, z.scope order by f.first_date, f.feed)
),

silent as (
    select z.need, z.scope, s.date_local as first_date, s.date_local as last_date, true as is_silent
    from zero_source as z
    inner join ({silence_sql(settings)}) as s on s.feed = z.feed
    where list_contains({sql_texts(sorted(settings.feeds))}, s.feed)
),

-- Not begun is no silence; given up without another in its place is one.
absence as (
    select * from silent
    union all
    select
        c.need,
        c.scope,
        coalesce(c.covered_until + 1, p.first_date) as first_date,
        c.first_date - 1 as last_date,
        c.covered_until is not null as is_silent
    from covered as c
    cross join period as p
    union all
    select c.need, c.scope, c.last_date + 1, p.last_date, true
    from covered as c
    cross join period as p
)

-- A row stands on the first day of its month, which may lie before all records.
select distinct
    a.need,
    a.scope,
    a.is_silent,
    cast(date_trunc(r.step, unnest(generate_series(
        greatest(a.first_date - r.last_day, cast(date_trunc('month', p.first_date) as date)),
        least(a.last_date - r.first_day, p.last_date),
        interval 1 day
    ))) as date) as date_local
from absence as a
inner join reach as r on r.need = a.need
cross join period as p
where a.first_date <= a.last_date
"""
