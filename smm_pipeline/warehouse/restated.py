"""Records that came with more than one content: which, when, in which files, and what differs between them.

Belongs here: reading the versions that a raw table keeps of each key, set by set: the keys first, then the versions of
those that are asked for. Does not belong here: which version holds (ingest/merge.py, whose order is followed), the
share of such rows by day (sql/kpi/data_quality.sql), and what of a value a screen may show (room cli).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from smm_pipeline.catalog import Catalog, ColumnSpec, TableSpec
from smm_pipeline.quoting import quoted, sql_text
from smm_pipeline.warehouse.schema import relation

# In the place of a part of a key that is the pseudonym of a person.
PERSON = "(person)"
# All versions of a million orders do not fit into memory at a time.
_AT_A_TIME = 50_000
# When the delivery was made that first brought a content; of a delivery under two names the first.
_MADE = """
select feed, delivery_id, min(file_path) as file_path, min(extracted_ts) as made_ts
from meta.delivery
where status = 'loaded'
group by feed, delivery_id
"""
_KEYS = """
select
    {table} as table_name,
    {hash} as key_hash,
    any_value({shown}) as key_text,
    count(*) as contents,
    min(t._first_ts) as first_ts,
    max(t.seen_ts) as restated_ts,
    count(*) filter (where t.place = 1) > 1 as is_conflict
from (
    select
        t.*,
        coalesce(m.made_ts, t._version_ts) as seen_ts,
        -- Those of place 1 have the vendor's newest version, or none has one; without versions they were made last.
        rank() over (partition by {keys} order by {newest} desc nulls last) as place
    from {relation} as t
    left join made as m on m.feed = t._feed and m.delivery_id = t._delivery_id
    where t._is_restated
) as t
group by {keys}
having
    ($feed is null or bool_or(t._feed = $feed))
    and ($key is null or any_value({shown}) = $key or bool_or(list_contains({open}, $key)))
"""
_FOUND = """
create or replace temp table _smm_restated as
with made as ({made}),

record as ({keys})

select *, row_number() over (order by restated_ts desc, table_name, key_text, key_hash) as place
from record
where ($since is null or restated_ts >= $since) and (is_conflict or not $is_conflict)
"""
_VERSIONS = """
select
    any_value(f.place) as place,
    any_value(f.table_name) as table_name,
    any_value(f.key_text) as key_text,
    any_value(f.is_conflict) as is_conflict,
    any_value(f.first_ts) as first_ts,
    any_value(f.restated_ts) as restated_ts,
    list(
        struct_pack(
            feed := t._feed, file := coalesce(m.file_path, ''), "row" := t._source_row,
            seen := coalesce(m.made_ts, t._version_ts), last_seen := t._version_ts, holds := t._is_current
        )
        order by {order}
    ) as versions,
    list_filter([{columns}], lambda c: c is not null) as columns
from {relation} as t
inner join _smm_restated as f
    on f.place > $after and f.place <= $until and f.table_name = {table} and f.key_hash = {hash}
left join made as m on m.feed = t._feed and m.delivery_id = t._delivery_id
where t._is_restated
group by f.key_hash
"""


@dataclass(frozen=True)
class Wanted:
    """Which records are asked for; None means any.

    `feed` brought one of the contents, `since` is when the newest content came first, and `key` is the whole key, its
    parts joined by `|`, or one of its parts. A conflict is a record of which nothing but the order of the deliveries
    says what holds: two contents have the newest version of the vendor, or none has a version. Of a contract without
    versions, such as counters, a later reading is none; two of one time are.
    """

    feed: str | None = None
    table: str | None = None
    key: str | None = None
    since: datetime | None = None
    is_conflict: bool = False


@dataclass(frozen=True)
class Version:
    """A content of a record: the delivery that brought it first, when that was made, and when it was seen last."""

    feed: str
    file: str
    row: int
    seen: datetime
    last_seen: datetime
    holds: bool


@dataclass(frozen=True)
class Column:
    """A column of a record's versions; `values` are in their order, None where they are of a person or a text."""

    name: str
    differs: bool
    values: Sequence[str | None] | None


@dataclass(frozen=True)
class Restated:
    """A record with its versions, the one that holds at the end, and its columns: those that differ, or all."""

    table: str
    key: str
    is_conflict: bool
    first_seen: datetime
    restated_at: datetime
    versions: Sequence[Version]
    columns: Sequence[Column]


def count_restated(con: duckdb.DuckDBPyConnection, catalog: Catalog, wanted: Wanted) -> tuple[int, int]:
    """Note which records are wanted, for `restated_records`; returns their number, and that of conflicts."""
    specs = [spec for spec in catalog.layer("raw") if wanted.table in (None, spec.full_name)]
    keys = " union all ".join(_KEYS.format(**_parts(spec)) for spec in specs)
    con.execute(
        _FOUND.format(made=_MADE, keys=keys),
        {"feed": wanted.feed, "key": wanted.key, "since": wanted.since, "is_conflict": wanted.is_conflict},
    )
    row = con.execute("select count(*), count(*) filter (where is_conflict) from _smm_restated").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def restated_records(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, limit: int | None, *, whole: bool = False
) -> Iterator[Restated]:
    """The records that were counted last, the latest restated first; `whole` with columns that are the same too."""
    rows = con.execute("select table_name, count(*) from _smm_restated group by all order by all").fetchall()
    names, total = [name for name, _ in rows], sum(number for _, number in rows)
    versions = " union all ".join(
        _VERSIONS.format(**_parts(catalog[name]), columns=_columns(catalog[name], whole=whole)) for name in names
    )
    end = total if limit is None else min(limit, total)
    for after in range(0, end, _AT_A_TIME):
        found = con.execute(
            f"with made as ({_MADE}) select * exclude (place) from ({versions}) order by place",
            {"after": after, "until": min(after + _AT_A_TIME, end)},
        )
        yield from map(_record, found.fetchall())


def _parts(spec: TableSpec) -> Mapping[str, str]:
    keys = [f"t.{quoted(name)}" for name in spec.key]
    is_open = {column.name: column.privacy == "none" for column in spec.columns}
    open_keys = [f"cast(t.{quoted(name)} as varchar)" for name in spec.key if is_open[name]]
    shown = [f"cast(t.{quoted(name)} as varchar)" if is_open[name] else sql_text(PERSON) for name in spec.key]
    version = f"t.{quoted(spec.version)}" if spec.version else ""
    return {
        "table": sql_text(spec.full_name),
        "relation": relation(spec),
        "keys": ", ".join(keys),
        "hash": f"md5_number(cast(row({', '.join(keys)}) as varchar))",
        "shown": f"concat_ws('|', {', '.join(shown)})",
        "open": f"cast([{', '.join(open_keys)}] as varchar[])",
        "newest": version or "t._version_ts",
        "order": f"{f'{version} nulls first, ' if version else ''}t._version_ts, t._is_current, t._row_hash",
    }


def _columns(spec: TableSpec, *, whole: bool) -> str:
    """SQL of one struct for each column outside the key, NULL where it has nothing to tell."""
    return ", ".join(_column(column, spec, whole=whole) for column in spec.columns if column.name not in spec.key)


def _column(column: ColumnSpec, spec: TableSpec, *, whole: bool) -> str:
    name = f"t.{quoted(column.name)}"
    differs = f"(min({name}) is distinct from max({name}) or count({name}) not in (0, count(*)))"
    values = f"list(cast({name} as varchar) order by {_parts(spec)['order']})" if column.privacy == "none" else "null"
    told = f"count({name}) > 0" if whole else differs
    return (
        f"case when {told} then struct_pack(name := {sql_text(column.name)}, differs := {differs}, "
        f"vals := cast({values} as varchar[])) end"
    )


def _record(row: tuple[Any, ...]) -> Restated:
    table, key, is_conflict, first, restated, versions, columns = row
    return Restated(
        table,
        key,
        is_conflict,
        first,
        restated,
        [Version(**version) for version in versions],
        [Column(c["name"], c["differs"], c["vals"]) for c in columns],
    )
