"""From typed rows to rows that wait for the merge.

Belongs here: the temporary tables `_smm_typed` (every row of a piece, with `_smm_reasons`, empty for good rows) and
`_smm_in_<contract>` (of all pieces of a batch the good rows, and what rejected ones leave where the contract
`keeps_unread`), with pseudonyms, keys, hashes and versions. Does not belong here: the values (transform.py), and what
is already in the warehouse (merge.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.ingest.merge import vendor_version
from smm_pipeline.ingest.persons import make_person_table
from smm_pipeline.ingest.transform import TablePlan
from smm_pipeline.quoting import quoted, sql_text

# The database of a connection's temporary tables.
TEMPORARY = "temp"


def create_table(place: str) -> str:
    """The begin of a statement that makes a table in a database, in place of one that was there."""
    return f"create or replace {'temp table' if place == TEMPORARY else 'table'}"


def incoming(plan: TablePlan, place: str) -> str:
    """Name of the table in a database that gathers, piece by piece, what a batch brings for one contract."""
    return f"{place}.{quoted(f'_smm_in_{plan.spec.name}')}"


def prepare_rows(con: duckdb.DuckDBPyConnection, plan: TablePlan, place: str, secret: bytes, *, is_first: bool) -> None:
    """Fill `_smm_typed` with the rows of one piece, and add the good ones to those that wait in `place`."""
    con.execute(f"create or replace temp table _smm_typed as {plan.typed_sql(datetime.now(UTC))}")
    make_person_table(con, "_smm_typed", plan.persons, secret)
    waiting = incoming(plan, place)
    add = f"{create_table(place)} {waiting} as" if is_first else f"insert into {waiting}"
    con.execute(f"{add} {_incoming_sql(plan)}")


def complete_rows(con: duckdb.DuckDBPyConnection, plan: TablePlan, waiting: Sequence[str]) -> Sequence[str]:
    """Give incoming rows the keys that only the whole of a delivery can give: the place among equal rows.

    Returns:
        The tables that hold the rows then.
    """
    filled = plan.rule.key_occurrence
    if not filled:
        return waiting
    # Rows with a key of their own are not counted with those that lack one.
    number = f"row_number() over (partition by _smm_delivery, _smm_content, {quoted(filled)} is null order by _smm_row)"
    rows = (
        f"select * exclude (_smm_content) replace (coalesce({quoted(filled)}, _smm_content || '-' || {number}) "
        f"as {quoted(filled)}) from ({' union all '.join(f'from {table}' for table in waiting)})"
    )
    con.execute(f"create or replace temp table _smm_counted as {_keyed(plan.spec, rows)}")
    return [f"{TEMPORARY}._smm_counted"]


def _incoming_sql(plan: TablePlan) -> str:
    spec, filled = plan.spec, plan.rule.key_occurrence
    kinds = dict(plan.persons)
    names = [c.name for c in spec.columns]
    # Where one number cannot be read none is kept: a price without its discount would be taken for what was charged.
    unsure = {c.name for c in spec.columns if spec.keeps_unread and c.type.startswith("DECIMAL")}

    def stored(name: str) -> str:
        if (i := _index(kinds, name)) is not None:
            return f"p{i}.person_key as {quoted(name)}"
        if name in unsure:
            return f"case when t._smm_reasons = '' then t.{quoted(name)} end as {quoted(name)}"
        return f"t.{quoted(name)}"

    keyed = ", ".join(stored(n) for n in names)
    joins = " ".join(
        f"left join _smm_person p{i} on p{i}.kind = {sql_text(kind)} and p{i}.value = t.{quoted(name)}"
        for i, (name, kind) in enumerate(kinds.items())
    )
    rows = (
        f"select t._smm_delivery, t._smm_row, t._smm_extracted, {keyed}, t._smm_reasons <> '' as _smm_is_unread "
        f"from _smm_typed t {joins} where t._smm_is_kept"
    )
    return (
        f"select *, {_hash([n for n in names if n != filled])} as _smm_content from ({rows})"
        if filled
        else _keyed(spec, rows)
    )


def _keyed(spec: TableSpec, rows: str) -> str:
    """Rows with what the merge compares them by: key, content, version of the vendor."""
    # With the length of each: else two keys with the sign between them in their texts could look alike.
    parts = (f"strlen(cast({quoted(k)} as varchar)), cast({quoted(k)} as varchar)" for k in spec.key)
    key = f"md5_number(concat_ws(chr(31), {', '.join(parts)}))"
    content = _hash([c.name for c in spec.columns])
    return f"select *, {content} as _smm_hash, {key} as _smm_key, {vendor_version(spec)} as _smm_vendor from ({rows})"


def _hash(names: list[str]) -> str:
    """Hash over columns that tells NULL from empty text."""
    return f"md5(concat_ws(chr(31), {', '.join(f'coalesce(cast({quoted(n)} as varchar), chr(0))' for n in names)}))"


def _index(kinds: dict[str, str], name: str) -> int | None:
    return list(kinds).index(name) if name in kinds else None
