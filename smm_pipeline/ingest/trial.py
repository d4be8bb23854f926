"""Trying a file: what an ingest would make of it now, with nothing written in the instance.

Belongs here: the same loading as in an ingest, on copies of the raw tables that the feed fills, in a database that is
thrown away. Does not belong here: the loading itself (run.py, batch.py), and words.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.feeds import FeedSource, load_feed
from smm_pipeline.ingest.landing import CHUNK_BYTES, declared_time, display_name, may_not_be_opened
from smm_pipeline.ingest.persons import hold_to_key
from smm_pipeline.ingest.queue import Known, known_result
from smm_pipeline.ingest.results import Arrival, DeliveryResult
from smm_pipeline.ingest.run import load_deliveries, table_plans
from smm_pipeline.quoting import quoted, sql_text
from smm_pipeline.settings import Settings, person_key
from smm_pipeline.warehouse.connection import connect, tune
from smm_pipeline.warehouse.outcomes import Reasons, reject_reasons, summed
from smm_pipeline.warehouse.rejects import Reject, Wanted, find_rejects
from smm_pipeline.warehouse.schema import create_books, create_tables

_RUN_ID = "trial"


@dataclass(frozen=True)
class Trial:
    """What would become of a file: its result, reasons of rejects and skips, and the first rejects.

    `known_as` is the name under which the very bytes are loaded already. An ingest would change nothing then, unless
    `holds_at` is the time of its name at which their values would hold as well.
    """

    result: DeliveryResult
    reasons: Reasons = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    known_as: str = ""
    holds_at: datetime | None = None


def try_file(settings: Settings, catalog: Catalog, feed: str, path: Path, *, shown: int) -> Trial:
    """Read a file as a delivery of a feed, against what is loaded now.

    Args:
        settings: of the instance; the feed is one of them.
        catalog: the contracts.
        feed: its name.
        path: the file, anywhere.
        shown: how many rejects to bring along.

    Raises:
        SmmError: SMM-209 when the file cannot be opened, and what keeps a feed from being read at all.
    """
    source = load_feed(feed, settings, catalog)
    specs = [catalog[f"raw.{name}"] for name in source.mapping.tables]
    arrival = _arrival(settings, source, path)
    with _copy_of_state(settings, specs) as con:
        if known_as := _known_as(con, arrival):
            return _known_trial(con, source, arrival, known_as)
        secret = person_key(settings.home)
        hold_to_key(con, secret)
        plans = table_plans(con, settings, catalog, source)
        [result] = load_deliveries(con, source, plans, [arrival], _RUN_ID, secret)
        reasons = summed(reject_reasons(con).get(feed, {}))
        return Trial(result, reasons, tuple(find_rejects(con, Wanted(feed=feed), shown)))


def _arrival(settings: Settings, source: FeedSource, path: Path) -> Arrival:
    folder = settings.landing / source.name
    name = display_name(path, folder if path.is_relative_to(folder) else path.parent)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            while block := file.read(CHUNK_BYTES):
                digest.update(block)
    except OSError as error:
        raise may_not_be_opened(path, str(error.strerror)) from error
    dated = declared_time(name, source.feed)
    made = dated or datetime.fromtimestamp(info.st_mtime_ns / 1e9, UTC)
    return Arrival(source.name, name, digest.hexdigest(), path, info.st_size, made, is_dated=dated is not None)


@contextmanager
def _copy_of_state(settings: Settings, specs: list[TableSpec]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the raw tables of some contracts as they are now, and the books that tell what is known."""
    with tempfile.TemporaryDirectory(prefix="smm-") as folder, duckdb.connect(str(Path(folder) / "trial")) as con:
        tune(con, settings.warehouse)
        create_books(con)
        con.execute("create schema raw")
        create_tables(con, specs)
        if settings.warehouse_file.exists():
            _copy_tables(con, settings, ["meta.person_key", "meta.delivery", *(spec.full_name for spec in specs)])
        yield con


def _copy_tables(con: duckdb.DuckDBPyConnection, settings: Settings, names: list[str]) -> None:
    # Held while the file is attached, so that a run that writes is waited for and nobody begins one in between.
    with connect(settings, read_only=True):
        con.execute(f"attach {sql_text(str(settings.warehouse_file))} as stored (read_only)")
        there = "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'stored'"
        for name in {n for (n,) in con.execute(there).fetchall()} & set(names):
            table = ".".join(map(quoted, name.split(".")))
            con.execute(f"insert into {table} by name select * from stored.{table}")
        con.execute("detach stored")


def _known_trial(con: duckdb.DuckDBPyConnection, source: FeedSource, arrival: Arrival, known_as: str) -> Trial:
    known = Known.read(con, source)
    is_older = known.read_with[arrival.delivery_id] != source.fingerprint
    if result := known_result(arrival, known.seen[arrival.delivery_id], is_older=is_older):
        return Trial(result, known_as=known_as)
    result = DeliveryResult(source.name, arrival.file_path, arrival.delivery_id, "duplicate")
    return Trial(result, known_as=known_as, holds_at=arrival.extracted_ts)


def _known_as(con: duckdb.DuckDBPyConnection, arrival: Arrival) -> str:
    row = con.execute(
        "select min(file_path) from meta.delivery where feed = ? and delivery_id = ? and status = 'loaded'",
        [arrival.feed, arrival.delivery_id],
    ).fetchone()
    return row[0] or "" if row else ""
