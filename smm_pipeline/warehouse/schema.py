"""The schema of the work database, made from the catalog.

Belongs here: creating schemas and tables from TableSpecs, loading seeds, and the small meta and quality tables that the
engine itself keeps. Does not belong here: what any business table holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import duckdb

from smm_pipeline.catalog import LAYERS, Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import quoted, sql_text
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.delivery_schema import DELIVERY_DDL
from smm_pipeline.warehouse.shop_seeds import Rows, shop_rows
from smm_pipeline.warehouse.state import ALL, STATE_DDL, bump

CHECK_DDL = """
create table if not exists quality.check_results (
    table_name varchar not null,
    partition_key varchar not null,
    check_id varchar not null,
    expectation varchar not null,
    severity varchar not null,
    status varchar not null,
    observed varchar,
    unexpected_count bigint,
    row_count bigint,
    run_id varchar not null,
    checked_at timestamptz not null,
    primary key (table_name, partition_key, check_id)
)
"""
AUDIT_DDL = """
create table if not exists meta.audit_state (
    table_name varchar not null,
    partition_key varchar not null,
    version bigint not null,
    suite_version varchar not null,
    primary key (table_name, partition_key)
)
"""
# One row per order, model and channel, community or class whose credit another build changed (credit_history.py).
CREDIT_CHANGE_DDL = """
create table if not exists meta.credit_change (
    order_key varchar not null,
    order_date_local date not null,
    model varchar not null,
    level varchar not null,
    channel varchar not null,
    network varchar not null,
    community_id varchar not null,
    old_credited_orders double not null,
    new_credited_orders double not null,
    old_credited_revenue_amount decimal(18, 4),
    new_credited_revenue_amount decimal(18, 4),
    reason varchar not null,
    feeds varchar[] not null,
    delivery_ids varchar[] not null,
    run_id varchar not null,
    changed_at timestamptz not null
)
"""
# Since when the credit of a table is worked out by these rules; one row per change of them.
CREDIT_RULES_DDL = """
create table if not exists meta.credit_rules (
    table_name varchar not null,
    rules varchar not null,
    since timestamptz not null
)
"""
# What happened cannot be made again: older work databases keep their changes, which are of models without classes.
CREDIT_CLASS_DDL = tuple(
    f"alter table meta.credit_change add column if not exists {name} varchar default '(all)'"
    for name in ("benefit_class", "rule_id", "post_id")
)
CREDIT_DDL = (CREDIT_CHANGE_DDL, *CREDIT_CLASS_DDL, CREDIT_RULES_DDL)


def relation(spec: TableSpec) -> str:
    """The quoted, schema-qualified name of a table."""
    return f"{quoted(spec.layer)}.{quoted(spec.name)}"


def create_tables(con: duckdb.DuckDBPyConnection, specs: Iterable[TableSpec]) -> None:
    """Create the tables of TableSpecs where they are missing, or make them anew when their columns have changed.

    Derived tables can be dropped at will: everything after raw is rebuilt from raw, and raw from the raw store.

    Raises:
        SmmError: SMM-302 when a raw table is that of another version of the project.
    """
    have: dict[tuple[str, str], list[tuple[str, str]]] = {}
    # Asked once: a look at the information schema costs the more, the more tables there are.
    for schema, table, name, type_ in con.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns "
        "order by table_schema, table_name, ordinal_position"
    ).fetchall():
        have.setdefault((schema, table), []).append((name, type_))
    specs = list(specs)
    spelled = _spelled(con, {c.type for spec in specs for c in spec.stored_columns})
    for spec in specs:
        known = have.get((spec.layer, spec.name))
        if known is not None:
            if known == [(c.name, spelled[c.type]) for c in spec.stored_columns]:
                continue
            if spec.layer == "raw":
                raise SmmError(
                    "SMM-302",
                    "the work database is of another version of smm_pipeline: a contract has other columns now",
                    where=spec.full_name,
                    hint="move warehouse.duckdb away and run: it is made again from the raw store",
                )
            con.execute(f"drop table {relation(spec)}")
        columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in spec.stored_columns)
        con.execute(f"create table {relation(spec)} ({columns})")


def create_books(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables in which the engine keeps its own books, where they are missing."""
    for schema in ("meta", "quality"):
        con.execute(f"create schema if not exists {schema}")
    for statement in (STATE_DDL, CHECK_DDL, AUDIT_DDL, *CREDIT_DDL, *DELIVERY_DDL):
        con.execute(statement)


def ensure_schema(con: duckdb.DuckDBPyConnection, catalog: Catalog, settings: Settings) -> None:
    """Create whatever is missing and load the seeds that have changed; cheap when nothing has."""
    with transaction(con):
        create_books(con)
        for schema in LAYERS:
            con.execute(f"create schema if not exists {schema}")
        create_tables(con, catalog)
    for spec in catalog.layer("seeds"):
        _load_seed(con, spec, settings)


def _load_seed(con: duckdb.DuckDBPyConnection, spec: TableSpec, settings: Settings) -> None:
    shop = settings.shop
    rows = shop_rows(shop.own_hosts, shop.payment_hosts, settings.channels, settings.goals).get(spec.full_name)
    written = spec.path.with_suffix(".csv").read_bytes() if rows is None else repr(sorted(rows, key=repr)).encode()
    fingerprint = hashlib.sha256(written).hexdigest()
    known = con.execute(
        "select content_hash from meta.partition_state where table_name = ? and partition_key = ?",
        [spec.full_name, ALL],
    ).fetchone()
    if known and known[0] == fingerprint:
        return
    with transaction(con):
        con.execute(f"delete from {relation(spec)}")
        if rows is None:
            load_seed_csv(con, spec)
        else:
            insert_rows(con, spec, rows)
        bump(con, spec.full_name, [ALL], run_id="seed", content_hash=fingerprint)


def insert_rows(con: duckdb.DuckDBPyConnection, spec: TableSpec, rows: Rows) -> None:
    """Insert rows whose values stand in the order of the table's columns."""
    if rows:
        marks = ", ".join("?" for _ in spec.columns)
        con.executemany(f"insert into {relation(spec)} values ({marks})", rows)


def load_seed_csv(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    """Insert a seed's CSV with the fixed dialect and the types of its TableSpec."""
    columns = ", ".join(f"{sql_text(c.name)}: {sql_text(c.type)}" for c in spec.columns)
    con.execute(
        f"insert into {relation(spec)} by name select * from read_csv(?, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', nullstr = '', auto_detect = false, columns = {{{columns}}})",
        [str(spec.path.with_suffix(".csv"))],
    )


def _spelled(con: duckdb.DuckDBPyConnection, types: set[str]) -> dict[str, str]:
    """Types as DuckDB spells them, all in one question: every command asks."""
    written = sorted(types)
    shape = ", ".join(f"cast(null as {type_})" for type_ in written)
    return {
        type_: str(row[1])
        for type_, row in zip(written, con.execute(f"describe select {shape}").fetchall(), strict=True)
    }
