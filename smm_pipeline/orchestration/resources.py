"""What an asset needs while it runs: the instance it works on.

Belongs here: settings and a ready warehouse connection as one Dagster resource. Does not belong here: opening the
file and waiting for locks (warehouse/connection.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
from pydantic import PrivateAttr

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import Settings, load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema

# Nobody sits before a run of the daemon: rather than fail, a step waits for a long build on the command line.
PATIENCE_SECONDS = 3600


class Instance(dg.ConfigurableResource):  # type: ignore[type-arg]  # the value it yields is itself
    """The instance folder that a run works on; its settings are read anew in every step."""

    home: str
    _has_schema: bool = PrivateAttr(default=False)

    def settings(self) -> Settings:
        """Settings of the instance; raises SmmError SMM-101 or SMM-102."""
        return load_settings(Path(self.home))

    @contextmanager
    def warehouse(self, catalog: Catalog) -> Iterator[duckdb.DuckDBPyConnection]:
        """The work database, open for one step, with every table of the catalog in place."""
        settings = self.settings()
        with connect(_waiting(settings, max(PATIENCE_SECONDS, settings.warehouse.lock_timeout_seconds))) as con:
            if not self._has_schema:  # once in a run: it looks at every table
                ensure_schema(con, catalog, settings)
                self._has_schema = True
            yield con


def hasty(settings: Settings) -> Settings:
    """Settings for a sensor's tick, which must not wait for the lock of the work database: the next tick comes soon."""
    return _waiting(settings, 0)


def _waiting(settings: Settings, seconds: int) -> Settings:
    limits = settings.warehouse.model_copy(update={"lock_timeout_seconds": seconds})
    return settings.model_copy(update={"warehouse": limits})


@contextmanager
def plain_failures() -> Iterator[None]:
    """Show a problem the user can act on as such, without a stack trace above it."""
    try:
        yield
    except SmmError as error:
        # Only a lock goes away by itself.
        raise dg.Failure(str(error), metadata=dict(error.as_dict()), allow_retries=error.code == "SMM-301") from error
