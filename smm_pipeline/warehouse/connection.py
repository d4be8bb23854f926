"""Connections to the work database.

Belongs here: opening warehouse.duckdb with the limits of the settings, waiting for another process's lock, and turning
DuckDB's own messages into errors a user can act on. Does not belong here: any table.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from smm_pipeline.errors import SmmError, not_writable
from smm_pipeline.machine_settings import Warehouse
from smm_pipeline.quoting import sql_text
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.functions import add_functions

# DuckDB refuses a second process while one writes; waiting is the only way to share the file.
_LOCK_MESSAGE = re.compile(r"Could not set lock|Conflicting lock", re.IGNORECASE)
_HOLDER = re.compile(r"\(PID (\d+)\)")
_log = logging.getLogger(__name__)


@contextmanager
def connect(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the work database for a short piece of work and close it again.

    Raises:
        SmmError: SMM-107 when it may not be written, SMM-301 when another process holds the file longer than
            lock_timeout_seconds, SMM-302 when the file is damaged or of another version.
    """
    settings.warehouse_file.parent.mkdir(parents=True, exist_ok=True)
    con = _open(settings.warehouse_file, settings.warehouse, read_only)
    try:
        yield con
    finally:
        con.close()


def tune(con: duckdb.DuckDBPyConnection, limits: Warehouse) -> None:
    """Set what every connection of the pipeline needs: UTC, bounded memory, no downloads, any row order, functions."""
    con.execute("set TimeZone = 'UTC'")
    con.execute(f"set memory_limit = {sql_text(limits.memory_limit)}")
    con.execute(f"set threads = {limits.threads}")
    con.execute("set preserve_insertion_order = false")
    con.execute("set enable_progress_bar = false")
    add_functions(con)


def beside(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """One more connection to the same database in this process, with transactions and temporary tables of its own."""
    other = con.cursor()
    other.execute("set TimeZone = 'UTC'")
    return other


@contextmanager
def shared_memory(con: duckdb.DuckDBPyConnection, limits: Warehouse) -> Iterator[None]:
    """Leave a third of the limit to Python for a while: what it holds and what DuckDB holds stay within it together."""
    number, unit = int(limits.memory_limit[:-2]), limits.memory_limit[-2:]
    smaller = {"MB": "KB", "GB": "MB"}[unit]
    con.execute(f"set memory_limit = {sql_text(f'{number * 667}{smaller}')}")
    try:
        yield
    finally:
        con.execute(f"set memory_limit = {sql_text(limits.memory_limit)}")


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run a block in one transaction; any exception rolls it back."""
    con.execute("begin transaction")
    try:
        yield
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


@contextmanager
def little_planning(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Leave out what makes statements fast: where little or nothing is executed, planning is most of the time."""
    con.execute("pragma disable_optimizer")
    try:
        yield
    finally:
        con.execute("pragma enable_optimizer")


def _open(path: Path, limits: Warehouse, read_only: bool) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + limits.lock_timeout_seconds
    wait = threading.Event()
    is_told = False
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    while True:
        try:
            con = duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.IOException as error:
            message = str(error)
            if not _LOCK_MESSAGE.search(message):
                raise not_writable(error, str(path)) or SmmError(
                    "SMM-302",
                    f"the database file cannot be opened: {message.splitlines()[0]}",
                    where=str(path),
                    hint="move it away and run: smm run; it is rebuilt from the raw store",
                ) from error
            holder = _HOLDER.search(message)
            who = f"process {holder[1]}" if holder else "another process"
            if time.monotonic() >= deadline:
                raise SmmError(
                    "SMM-301",
                    f"{who} holds the work database",
                    where=str(path),
                    hint="wait for it or end it; BI tools must open the serving file, never this one",
                ) from error
            if not is_told:
                _log.warning("%s holds the work database; waiting up to %d s", who, limits.lock_timeout_seconds)
                is_told = True
            # Jitter keeps two waiting processes from asking in step.
            wait.wait(random.uniform(0.05, 0.25))  # noqa: S311 - not a secret
            continue
        tune(con, limits)
        return con
