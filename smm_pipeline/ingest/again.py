"""Reading a feed again from the raw store, as after a correction of its mapping.

Belongs here: which feeds have to be read again together, and taking out what they brought, in one transaction. From
then on the books do not know their deliveries, so the next ingest, the one after a crash too, loads them from the raw
store. Does not belong here: the loading (run.py).
"""

from __future__ import annotations

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest.arrivals import read_arrivals
from smm_pipeline.ingest.landing import raw_path
from smm_pipeline.ingest.run import feed_fault
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.connection import transaction
from smm_pipeline.warehouse.schema import relation
from smm_pipeline.warehouse.state import bump


def forget_feed(
    con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, feed: str, *, run_id: str
) -> list[str]:
    """Take out everything that a feed has brought, with all feeds that share its raw tables.

    A row that two feeds delivered alike is stored once, under the name of the first, so a raw table can only be read
    again whole.

    Returns:
        The feeds that have to be read again, in the order of their names.

    Raises:
        SmmError: SMM-206 for a feed that is not in smm.toml, SMM-208 when bytes of a loaded delivery are gone, SMM-204
            or SMM-102 when one of the feeds could not be read as it is declared now. Nothing was changed then.
    """
    feeds, tables = _sharing(con, feed)
    for name in sorted(feeds):
        if name not in settings.feeds:
            if name == feed:
                known = ", ".join(sorted(settings.feeds)) or "none"
                raise SmmError("SMM-206", f"there is no feed {feed!r}", hint=f"feeds of this instance: {known}")
            hint = "put the feed back into smm.toml: without it its rows could not be read again"
            raise SmmError("SMM-206", f"{name!r} shares a table with {feed!r} and is not in smm.toml", hint=hint)
        _check_bytes(con, settings, name)
        if fault := feed_fault(con, settings, catalog, name):
            raise fault
    with transaction(con):
        for table in sorted(tables):
            days = con.execute(
                "select partition_key from meta.partition_state where table_name = ?", [table]
            ).fetchall()
            con.execute(f"delete from {relation(catalog[table])}")
            bump(con, table, [key for (key,) in days], run_id=run_id)
        for books in ("meta.delivery", "meta.delivery_count", "meta.landing_file", "quality.rejects"):
            con.execute(f"delete from {books} where list_contains(?::varchar[], feed)", [sorted(feeds)])
    return sorted(feeds)


def _sharing(con: duckdb.DuckDBPyConnection, feed: str) -> tuple[set[str], set[str]]:
    """The feed with those that share raw tables with it, directly or through others, and the tables."""
    pairs = con.execute(
        "select distinct feed, table_name from meta.delivery_count where starts_with(table_name, 'raw.')"
    ).fetchall()
    feeds, tables = {feed}, set[str]()
    while True:
        more_tables = {table for name, table in pairs if name in feeds}
        more_feeds = {name for name, table in pairs if table in more_tables} | feeds
        if (more_feeds, more_tables) == (feeds, tables):
            return feeds, tables
        feeds, tables = more_feeds, more_tables


def _check_bytes(con: duckdb.DuckDBPyConnection, settings: Settings, feed: str) -> None:
    listed = read_arrivals(settings.raw_store, feed)
    loaded = con.execute(
        "select delivery_id, file_path from meta.delivery where feed = ? and status <> 'failed'", [feed]
    ).fetchall()
    for delivery_id, file_path in loaded:
        known = (delivery_id, file_path) in listed
        if not known or not raw_path(settings.raw_store, feed, delivery_id).is_file():
            hint = "put it back into landing/; without it the feed would lose what it brought"
            raise SmmError("SMM-208", "its bytes are gone from the raw store", where=f"{feed}/{file_path}", hint=hint)
