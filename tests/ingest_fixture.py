"""An instance with feeds of a test's own, and what ingest makes of files put into it.

Belongs here: writing smm.toml, mappings and deliveries, running the real ingest on a real database, reading rows back.
Does not belong here: assertions.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from smm_pipeline.catalog import Catalog
from smm_pipeline.ingest import DeliveryResult, ingest_landing
from smm_pipeline.settings import PERSON_KEY_VARIABLE, PROJECT_ROOT, load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from tests.commands import TEST_KEY
from tests.project_catalog import project_catalog

MAPPINGS = PROJECT_ROOT / "tests" / "fixtures" / "mappings"
SHARED_DATA = PROJECT_ROOT.parent / "shared" / "data"


@cache
def empty_warehouse() -> Path:
    """A work database with its tables, made once per process: hundreds of tests begin with a copy of it."""
    folder = Path(tempfile.mkdtemp(prefix="smm-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = load_settings(Instance(folder / "empty", {}).home)
    with connect(settings) as con:
        ensure_schema(con, project_catalog(), settings)
    return settings.warehouse_file


class Instance:
    """One instance folder.

    Args:
        home: folder to make it in.
        feeds: TOML lines of each feed, by name; `mapping = "x.yml"` names a file of tests/fixtures/mappings, copied
            into the instance.
        time_zone: the shop's zone.
        currency: the shop's currency.
    """

    def __init__(
        self, home: Path, feeds: Mapping[str, str], *, time_zone: str = "Europe/Kyiv", currency: str = "UAH"
    ) -> None:
        self.home = home
        self.catalog: Catalog = project_catalog()
        home.mkdir(parents=True, exist_ok=True)
        for path in MAPPINGS.glob("*.yml"):
            shutil.copy(path, home / path.name)
        # Deliveries of a test are whole.
        lines = ["landing_settle_seconds = 0"]
        lines += [f'[shop]\nname = "Test"\ntime_zone = "{time_zone}"\ncurrency = "{currency}"']
        lines.append('own_hosts = ["shop.example"]')
        lines += [f"[feeds.{name}]\n{text}" for name, text in feeds.items()]
        (home / "smm.toml").write_text("\n".join(lines), encoding="utf-8")
        os.environ.setdefault(PERSON_KEY_VARIABLE, TEST_KEY)

    def deliver(self, feed: str, name: str, content: bytes | str, *, mtime: float | None = None) -> Path:
        """Put a file into a feed's landing folder; `mtime` is in seconds since 1970."""
        path = self.home / "landing" / feed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def deliver_copy(self, feed: str, source: Path) -> None:
        """Put a copy of an existing file into a feed's landing folder."""
        self.deliver(feed, source.name, source.read_bytes())

    def ingest(self, *feeds: str) -> list[DeliveryResult]:
        """Run the real ingest."""
        settings = load_settings(self.home)
        if not settings.warehouse_file.exists():
            shutil.copy(empty_warehouse(), settings.warehouse_file)
        with connect(settings) as con:
            ensure_schema(con, self.catalog, settings)
            return ingest_landing(con, settings, self.catalog, feeds=feeds or None, run_id="test")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the work database."""
        with connect(load_settings(self.home)) as con:
            return con.execute(sql).fetchall()

    def content(self, table: str) -> list[tuple[Any, ...]]:
        """A raw table without the columns that say when and by which delivery a row came."""
        return self.rows(f"select * exclude (_delivery_id, _source_row, _loaded_at) from {table} order by all")

    def rejects(self) -> list[tuple[Any, ...]]:
        """(table, source row, reasons) of every reject."""
        return self.rows("select table_name, source_row, reasons from quality.rejects order by all")
