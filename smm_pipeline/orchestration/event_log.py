"""Dagster's event log in SQLite, with its files held open.

Belongs here: how connections to the files are kept. Does not belong here: what is written into them, which is
Dagster's own, and where they are (dagster.yaml).

Dagster opens and closes a file for every statement, 18,000 times in a run of a step per table and of all checks.
Whoever closes an SQLite file as the last empties its write-ahead log and removes it, and the next one makes it anew:
this took more than half of the time of a run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from dagster import Field, StringSource
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.pool import StaticPool

# A run writes two files; the web server looks at those of many runs, one after the other.
MOST_OPEN_FILES = 8


class OpenFilesEventLogStorage(SqliteEventLogStorage):
    """Dagster's storage, on a connection for each file that is used over and over.

    The files are those of Dagster's own storage, which reads them, at the same time too.

    Args:
        dagster_home: folder of the Dagster instance; the files are where Dagster's own storage has them.
        inst_data: what Dagster knows of the settings.
    """

    def __init__(self, dagster_home: str, inst_data: ConfigurableClassData | None = None) -> None:
        # The oldest in use comes first.
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        super().__init__(str(Path(dagster_home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Field]:
        """The settings in dagster.yaml."""
        return {"dagster_home": Field(StringSource)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> OpenFilesEventLogStorage:
        """The storage of an instance; called by Dagster."""
        return cls(config_value["dagster_home"], inst_data)

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[sqlalchemy.Connection]:
        """A transaction on the events of a run."""
        return self._transaction(str(run_id))

    def index_connection(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """A transaction on what is looked up across runs."""
        return self._transaction(INDEX_SHARD_NAME)

    def wipe(self) -> None:
        """Remove all events; their files go, so none may stay open."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """End the use of the storage."""
        self._close()
        super().dispose()

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        # Dagster's own lock: one thread at a time, on one connection.
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> sqlalchemy.Engine:
        if shard not in self._engines:
            self._engines[shard] = sqlalchemy.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            if len(self._engines) > MOST_OPEN_FILES:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
