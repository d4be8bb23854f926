"""A copy of the serving file for people outside the shop: no row in it is about fewer than five persons.

Belongs here: which published tables the copy has, and how rows of few persons are merged in it. Does not belong here:
the serving file itself (publish.py), which is the shop's own and keeps every row.

A table is in the copy only where its yml says what counts the persons of a row: `persons: [customers, orders]`, the
persons first and then what cannot be fewer than they are; `[]` where a row is about none, or is merged by its own SQL.
A row is of few persons where one of these counts is below five. The few rows of a day become one, named (few), with the
next larger ones until five persons are together: so the sums of the day stay, and what is hidden cannot be had by
subtraction. A day that has fewer than five persons in all shows no figure, and of a figure that is unknown of one of
the rows the few have none.

Of five visitors one may have bought, and what she paid is about her alone. Such figures stand in the yml under the
column that counts whom they are about, `parts: {orders: [orders, net_revenue_amount]}`; where these are fewer than
five, or nobody says how many, they are left out. What nobody counts, such as refunds, or what a sum or a difference of
rows would tell all the same, is `unshared`: its column is there, and empty. So is what would tell it beside what stays:
gross revenue less net revenue is the refund.

Each table is safe by itself and against sums over its own rows of a day or month, not against other tables, other days
or other copies: DECISIONS.md says what remains.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog, ColumnSpec, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import quoted, sql_text
from smm_pipeline.warehouse.publish import STORAGE_VERSION, published_name, remove_unfinished

MIN_PERSONS = 5
FEW = "(few)"
_ADDITIVE = ("BIGINT", "INTEGER", "DECIMAL")


def shared_tables(catalog: Catalog) -> list[TableSpec]:
    """The published tables whose descriptions say what counts the persons of a row."""
    return sorted((spec for spec in catalog if spec.publish and spec.persons is not None), key=published_name)


def share(serving_file: Path, target: Path, catalog: Catalog) -> dict[str, int]:
    """Write the copy; returns its rows per table.

    Raises:
        SmmError: SMM-305 when nothing is published, SMM-107 when the copy cannot be written or would replace the
            serving file.
    """
    if not serving_file.is_file():
        raise SmmError("SMM-305", "nothing has been published yet", where=str(serving_file), hint="run: smm run")
    if target.resolve() == serving_file.resolve():
        raise SmmError(
            "SMM-107", "the copy would replace the serving file", where=str(target), hint="choose another --out"
        )
    new = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            con.execute(f"attach {sql_text(str(serving_file))} as serving (read_only)")
            con.execute(f"attach {sql_text(str(new))} as shared (storage_version '{STORAGE_VERSION}')")
            rows = {published_name(spec): _copy(con, spec) for spec in shared_tables(catalog)}
            con.execute("detach shared")
        new.replace(target)
    except (duckdb.Error, OSError) as error:
        raise SmmError(
            "SMM-107", f"the copy cannot be written: {error}", where=str(target), hint="smm publish, then try again"
        ) from error
    finally:
        remove_unfinished(new)
    return rows


def _copy(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> int:
    """One table of the copy, its comment and those of its columns as in the serving file."""
    schema, name = published_name(spec).split(".")
    table = f"{quoted(schema)}.{quoted(name)}"
    columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in spec.columns)
    con.execute(f"create schema if not exists shared.{quoted(schema)}")
    con.execute(f"create table shared.{table} ({columns})")
    con.execute(f"insert into shared.{table} {few_merged(spec, f'serving.{table}')}")
    said = con.execute(
        "select column_name, comment from duckdb_columns() "
        "where database_name = 'serving' and schema_name = ? and table_name = ? and comment is not null",
        [schema, name],
    ).fetchall()
    about = con.execute(
        "select comment from duckdb_tables() "
        "where database_name = 'serving' and schema_name = ? and table_name = ? and comment is not null",
        [schema, name],
    ).fetchall()
    for (comment,) in about:
        con.execute(f"comment on table shared.{table} is {sql_text(comment)}")
    for column, comment in said:
        con.execute(f"comment on column shared.{table}.{quoted(column)} is {sql_text(comment)}")
    [(rows,)] = con.execute(f"select count(*) from shared.{table}").fetchall()
    return int(rows)


def few_merged(spec: TableSpec, relation: str) -> str:
    """The query of a table in which no row is of few persons, and no figure about some of them is of few."""
    columns = ", ".join(quoted(c.name) for c in spec.columns)
    key = ", ".join(quoted(name) for name in spec.key)
    shown = ", ".join(_shown(spec, column) for column in spec.columns)
    if not spec.persons:
        return f"select {shown} from {relation} order by {key}"
    counts = [f"coalesce({quoted(name)}, 0)" for name in spec.persons]
    fewest = f"least({', '.join([*counts, *counts[:1]])})"
    day = quoted(spec.partition) if spec.partition else "1"
    merged = ", ".join(f"{_merged(spec, column)} as {quoted(column.name)}" for column in spec.columns)
    return f"""
with sized as (
    select *, {fewest} as _persons from {relation}
),

ranked as (
    select
        *,
        coalesce(sum(_persons) over (
            partition by {day} order by _persons, {key} rows between unbounded preceding and 1 preceding
        ), 0) as _before,
        min(_persons) over (partition by {day}) < {MIN_PERSONS} as _has_few
    from sized
),

marked as (
    select *, _has_few and (_persons < {MIN_PERSONS} or _before < {MIN_PERSONS}) as _is_few from ranked
)

select {shown}
from (
    select {columns} from marked where not _is_few
    union all
    select {merged} from marked where _is_few group by {day}
)
order by {key}
"""


def _shown(spec: TableSpec, column: ColumnSpec) -> str:
    """A column of the copy; what is about a part of the row's persons only where that part is none or large enough."""
    name = quoted(column.name)
    if column.name in spec.unshared:
        return f"cast(null as {column.type}) as {name}"
    # Of the difference of two counts: who knows the whole and a part knows the rest.
    counts = [
        " - ".join(map(quoted, count.split(" - "))) for count, columns in spec.parts.items() if column.name in columns
    ]
    if not counts:
        return name
    enough = " and ".join(f"(({count}) <= 0 or ({count}) >= {MIN_PERSONS})" for count in counts)
    return f"case when {enough} then {name} end as {name}"


def _merged(spec: TableSpec, column: ColumnSpec) -> str:
    """What a column holds in the row of the few: its key's name, a sum, or nothing."""
    name = quoted(column.name)
    if column.name == spec.partition:
        return f"min({name})"
    if column.name in spec.key and column.type == "VARCHAR":
        return f"'{FEW}'"
    if column.name == "currency":
        return f"case when min({name}) = max({name}) then min({name}) end"
    # Persons of several rows may be the same ones, and a rate of several rows is no sum of theirs.
    persons = (spec.persons or ())[:1]
    if column.name in (*spec.key, *persons) or not column.type.startswith(_ADDITIVE):
        return f"cast(null as {column.type})"
    # One unknown part makes the sum unknown.
    return f"case when sum(_persons) >= {MIN_PERSONS} and count({name}) = count(*) then sum({name}) end"
