"""Instance folders as the command line sees them: making one, and what one holds.

Belongs here: `smm init` and `smm status` as data. Does not belong here: looking for trouble (examine.py), printing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.ingest import feed_fault, unseen_files
from smm_pipeline.orchestration.instance import prepare_dagster_home
from smm_pipeline.pipeline import stale_days
from smm_pipeline.pulls import pull_fault
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Settings
from smm_pipeline.warehouse.books import CHECKS_SQL
from smm_pipeline.warehouse.connection import connect, tune
from smm_pipeline.warehouse.outcomes import feed_fates, last_pulls, open_refusals, reject_reasons, split, summed
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView

TEMPLATE = Path(__file__).with_name("smm.toml.template")
WAREHOUSE_NAME = "warehouse.duckdb"
FOLDERS = ("landing", "mappings", "raw", "serving", "reports")


def init_instance(home: Path, *, template: bool = True) -> Path:
    """Make an instance folder: its folders, a commented smm.toml and a person key in .env.

    Files that exist stay as they are; without `template` smm.toml comes from elsewhere.
    """
    config = home / "smm.toml"
    for name in FOLDERS:
        (home / name).mkdir(parents=True, exist_ok=True)
    if template and not config.exists():
        config.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    _write_person_key(home / ".env")
    prepare_dagster_home(home)
    return config


def add_missing_key(home: Path) -> Path:
    """Write the .env that an instance without data lacks; returns its path.

    Raises:
        SmmError: SMM-501 when nothing is missing, SMM-103 when a new key would not fit the data.
    """
    path, database = home / ".env", home / WAREHOUSE_NAME
    if path.exists() or os.environ.get(PERSON_KEY_VARIABLE):
        raise SmmError("SMM-501", "there is an instance already", where=str(home), hint="edit its smm.toml")
    if database.exists():
        raise SmmError(
            "SMM-103",
            "the .env is gone, and under a new key the persons in the work database would be strangers",
            where=str(path),
            hint=f"put it back from its backup; if there is none, move {database.name} away, then smm init and smm run "
            "make everything anew from the raw store",
        )
    init_instance(home)
    return path


def _write_person_key(path: Path) -> None:
    if path.exists() or os.environ.get(PERSON_KEY_VARIABLE):
        return
    # Readable by the owner from its first byte on.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("# Secret of the keyed hash for personal identifiers; another key makes strangers of all\n")
        file.write(f"{PERSON_KEY_VARIABLE}={secrets.token_hex(32)}\n")


def status(settings: Settings, catalog: Catalog) -> dict[str, Any]:
    """What the instance holds: feeds and what became of them, days to build, failed checks, publication.

    Nothing is written unless tables or seeds of the work database are behind the program or the settings.
    """
    with open_books(settings, catalog) as (con, scratch):
        faults = {
            name: feed_fault(scratch, settings, catalog, name) or pull_fault(settings, name)
            for name in sorted(settings.feeds)
        }
        broken = [{"feed": name, **fault.as_dict()} for name, fault in faults.items() if fault]
        return _status(con, settings, catalog, broken)


@contextmanager
def open_books(
    settings: Settings, catalog: Catalog
) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]]:
    """The work database to look into, and an empty one of its shape for trials, which also stands for a missing one.

    Nothing is written unless tables or seeds of the work database are behind the program or the settings.
    """
    with duckdb.connect() as scratch:
        tune(scratch, settings.warehouse)
        ensure_schema(scratch, catalog, settings)
        if not settings.warehouse_file.exists():
            yield scratch, scratch
            return
        with connect(settings, read_only=True) as con:
            if _shape(con) >= _shape(scratch):
                yield con, scratch
                return
        with connect(settings) as con:
            ensure_schema(con, catalog, settings)
            yield con, scratch


def _shape(con: duckdb.DuckDBPyConnection) -> set[tuple[str, ...]]:
    """Tables with their columns, and seeds with their content: what ensure_schema would bring up to date."""
    columns = con.execute("select table_schema, table_name, column_name, data_type from information_schema.columns")
    shape = {tuple(map(str, row)) for row in columns.fetchall()}
    if ("meta", "partition_state") not in {row[:2] for row in shape}:
        return shape
    seeds = con.execute(
        "select table_name, content_hash from meta.partition_state where starts_with(table_name, 'seeds.')"
    )
    return shape | {tuple(map(str, row)) for row in seeds.fetchall()}


def _status(
    con: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, broken: list[dict[str, str]]
) -> dict[str, Any]:
    view = StateView(con, catalog, settings)
    stale = view.all_stale_keys()
    feeds = con.execute(
        "select d.feed, count(*) filter (where d.status = 'loaded') as loaded, "
        "count(*) filter (where d.status = 'failed') as failed, "
        "cast(max(d.extracted_ts) as varchar) as last_extracted "
        "from meta.delivery as d group by d.feed order by d.feed"
    ).fetchall()
    reasons = {feed: summed(deliveries) for feed, deliveries in reject_reasons(con).items()}
    fates = feed_fates(con, reasons)
    refused = open_refusals(con, settings.landing)
    checks = con.execute(
        f"with found as ({CHECKS_SQL}) select table_name, last_not_passed, windows_not_passed, check_id, severity, "
        "status from found where status <> 'passed' order by table_name, check_id"
    ).fetchall()
    silent = con.execute(
        "select distinct substr(subject, 6) from kpi.data_quality where metric = 'silent_share' and numerator > 0 "
        "and date_local = (select max(date_local) from kpi.data_quality) order by 1"
    ).fetchall()
    return {
        "first_day": view.days[0] if view.days else None,
        # Planned events, and rates that hold from tomorrow, have days that are still to come.
        "last_day": max((day for day in view.days if day <= datetime.now(settings.zone).date()), default=None),
        "feeds": [
            {
                "feed": name,
                "loaded": loaded,
                "failed": failed,
                "last_extracted": last,
                "counts": asdict(fates[name]) if name in fates else None,
                "reject_reasons": split(reasons.get(name, {}))[0],
                "skip_reasons": split(reasons.get(name, {}))[1],
            }
            for name, loaded, failed, last in feeds
        ],
        "unseen_files": len(unseen_files(con, settings)),
        "pulls": [asdict(attempt) for attempt in last_pulls(con)],
        "broken_feeds": broken,
        "refused_deliveries": [asdict(delivery) for delivery in refused],
        "configured_feeds": sorted(settings.feeds),
        "silent_feeds": [feed for (feed,) in silent],
        "silent_feeds_needed": [
            feed for (feed,) in silent if feed in settings.feeds and settings.feeds[feed].silence == "error"
        ],
        "stale_days": list(stale_days(stale)),
        "stale_tables": sorted(stale),
        "checks_not_passed": [
            dict(zip(("table", "partition", "windows", "check", "severity", "status"), row, strict=True))
            for row in checks
        ],
        "serving_file": settings.serving_file if settings.serving_file.exists() else None,
    }
