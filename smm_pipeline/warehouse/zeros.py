"""A 0 that a silent feed may have left is published as unknown.

Belongs here: on which days the `zero_needs` of a table's description are not met, and the query of a table with NULL in
place of such a 0. Does not belong here: when a feed counts as silent (completeness.py), and which columns need which
contracts (sql/kpi/*.yml).

Only the publication is changed: which feed fills a contract, and what came later, must not make built days stale. A sum
that is not 0 stays, too small as it may be: it holds what did come, and `kpi._completeness` says that it is not all.

A contract is given on a day by the feeds that have begun by then, are not silent on it and were not given up before.
Where the table and the contract both name a network, feeds of the row's network alone are asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.completeness import NEEDED_TABLES, PERIOD_SQL, silence_sql, sql_text, sql_texts
from smm_pipeline.warehouse.schema import quoted, relation
from smm_pipeline.zero_needs import ALL_DAYS, WHOLE_MONTH, Bound, ZeroNeed

_NETWORK = "network"
# Longer than any history.
_ALWAYS = 100_000


@dataclass(frozen=True)
class _Reach:
    """Which feeds a need asks, of which days about a row's day or month; entries that ask the same share one."""

    contracts: tuple[str, ...]
    by_network: bool
    step: str
    first: int
    last: int


class Zeros:
    """The queries of published tables, with what is not given found once in temporary tables of the connection.

    zero_source (need, network) says of which networks there are feeds at all, '' standing for all together, and
    zero_absent (need, network, date_local) on which days or months one of them is missing.

    Args:
        con: the open work database, with the books of ingest.
        catalog: the tables. In one without the history of feeds nothing is known to be silent.
        settings: feeds that it names no longer were given up; zone and rules.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._rules = settings.sql_parameters()
        reaches = (self._reach(spec, need) for spec in catalog if spec.publish for need in spec.zero_needs)
        self._numbers = {reach: number for number, reach in enumerate(dict.fromkeys(reaches))}
        self._is_known = catalog.tables.keys() >= NEEDED_TABLES
        if self._is_known:
            con.execute(f"create or replace temp table zero_source as {self._source_sql()}")
            con.execute(f"create or replace temp table zero_absent as {_absent_sql(self._numbers, settings)}")

    def select(self, spec: TableSpec) -> str:
        """The query of a table's rows as they are published."""
        needs = spec.zero_needs if self._is_known else ()
        flags = ", ".join(["*", *(f"{self._unmet(spec, need)} as _unmet_{n}" for n, need in enumerate(needs))])
        columns = []
        for column in spec.stored_columns:
            name, zero = quoted(column.name), spec.follows.get(column.name, column.name)
            unmet = " or ".join(f"_unmet_{n}" for n, need in enumerate(needs) if zero in need.columns)
            columns.append(
                f"case when not coalesce({quoted(zero)} = 0 and ({unmet}), false) then {name} end as {name}"
                if unmet
                else name
            )
        return f"select {', '.join(columns)} from (select {flags} from {relation(spec)} as b)"

    def _unmet(self, spec: TableSpec, need: ZeroNeed) -> str:
        """A condition on a row b: this need is not met."""
        if need.figure:
            first, last = (f"b.{quoted(str(name))}" for name in need.days)
            named = ", ".join(f"({sql_text(figure)}, {number})" for figure, number in self._figures())
            return (
                f"exists (select 1 from (values {named}) as f (figure, need) where f.figure = b.{quoted(need.figure)} "
                "and (f.need not in (select need from zero_source) or exists (select 1 from zero_absent as a "
                f"where a.need = f.need and a.network = '' and a.date_local between {first} and {last})))"
            )
        reach = self._reach(spec, need)
        of_need = f"where need = {self._numbers[reach]}"
        # Rows of no network in particular, such as (all), need the feeds of every one.
        network = (
            f"case when starts_with(b.{_NETWORK}, '(') then '' else b.{_NETWORK} end" if reach.by_network else "''"
        )
        return (
            f"({network} not in (select network from zero_source {of_need}) or ({network}, "
            f"b.{quoted(str(spec.day_column))}) in (select (network, date_local) from zero_absent {of_need}))"
        )

    def _figures(self) -> Iterator[tuple[str, int]]:
        """Each daily figure as a goal names it, with the number of what it needs."""
        for spec in self._catalog:
            for need in spec.zero_needs if spec.partition and spec.publish else ():
                for column in need.columns:
                    yield f"{spec.name}.{column}", self._numbers[self._reach(spec, need)]

    def _reach(self, spec: TableSpec, need: ZeroNeed) -> _Reach:
        tables = (spec, *(self._catalog[name] for name in need.contracts))
        by_network = all(_NETWORK in {column.name for column in table.columns} for table in tables)
        if need.figure or need.days == WHOLE_MONTH:
            return _Reach(need.contracts, by_network, "month", 0, 0)
        first, last = (self._day(bound) for bound in need.days)
        return _Reach(need.contracts, by_network, "day", first, last)

    def _day(self, bound: Bound) -> int:
        if isinstance(bound, int):
            return bound
        if bound == ALL_DAYS:
            return _ALWAYS
        value = int(self._rules[bound.removeprefix("-")])
        return -value if bound.startswith("-") else value

    def _source_sql(self) -> str:
        """need, network, feed: whom each need asks, the feeds of one network and, under '', all."""
        asked = [(number, name) for reach, number in self._numbers.items() for name in reach.contracts]
        split = sorted({name for reach in self._numbers if reach.by_network for name in reach.contracts})
        given = [
            "select distinct feed, table_name, '' as network from meta.delivery_count where rows_in > 0",
            *(
                f"select distinct _feed, {sql_text(name)}, network from {relation(self._catalog[name])} "
                "where network is not null"
                for name in split
            ),
        ]
        by_network = [number for reach, number in self._numbers.items() if reach.by_network]
        return f"""
with asked as (
    select unnest({[number for number, _ in asked]}) as need, unnest({sql_texts(name for _, name in asked)}) as contract
)

select distinct a.need, g.network, g.feed
from asked as a
inner join ({" union all ".join(given)}) as g on g.table_name = a.contract
where g.network = '' or list_contains(cast({by_network} as integer[]), a.need)
"""


def _absent_sql(numbers: dict[_Reach, int], settings: Settings) -> str:
    """need, network, date_local: days, or first days of months, for which a feed of zero_source is missing."""
    reaches = ", ".join(f"({n}, '{r.step}', {r.first}, {r.last})" for r, n in numbers.items())
    return f"""
with reach as (
    select * from (values {reaches}) as r (need, step, first_day, last_day)
),

period as ({PERIOD_SQL}),

silence as ({silence_sql(settings)}),

feed as (
    select
        feed,
        min(date_local) as first_date,
        max(date_local) as last_date,
        list_contains({sql_texts(sorted(settings.feeds))}, feed) as is_configured
    from core.fct_feed_day
    group by feed
),

-- What a row of the day, or of the month that begins on it, counts.
counted as (
    select distinct
        r.need,
        cast(date_trunc(r.step, d.date_local) as date) as date_local,
        cast(date_trunc(r.step, d.date_local) as date) + r.first_day as first_date,
        case r.step when 'month' then last_day(d.date_local) else d.date_local + r.last_day end as last_date
    from reach as r
    cross join (
        select cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as date_local from period
    ) as d
),

scope as (
    select distinct need, network from zero_source
)

select s.need, s.network, c.date_local
from scope as s
inner join counted as c on c.need = s.need
where
    exists (
        select 1
        from zero_source as z
        inner join feed as f on f.feed = z.feed and f.is_configured
        inner join silence as x on x.feed = f.feed
        where z.need = s.need and z.network = s.network and x.date_local between c.first_date and c.last_date
    )
    or not exists (
        select 1
        from zero_source as z
        inner join feed as f on f.feed = z.feed
        where
            z.need = s.need
            and z.network = s.network
            and f.first_date <= c.last_date
            and (f.is_configured or f.last_date >= c.first_date)
    )
"""
