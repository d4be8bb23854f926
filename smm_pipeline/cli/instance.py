"""Instance folders as the command line sees them: making one, and what one holds.

Belongs here: `smm init` and `smm status` as data. Does not belong here: looking for trouble (examine.py), printing.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.orchestration.instance import prepare_dagster_home
from smm_pipeline.pipeline import stale_days
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.outcomes import feed_fates, open_refusals, reject_reasons, split, summed
from smm_pipeline.warehouse.schema import ensure_schema
from smm_pipeline.warehouse.state import StateView

TEMPLATE = Path(__file__).with_name("smm.toml.template")
FOLDERS = ("landing", "mappings", "raw", "serving", "reports")


def init_instance(home: Path, *, template: bool = True) -> Path:
    """Make an instance folder: its folders, a commented smm.toml and a person key in .env.

    Files that exist stay as they are.

    Raises:
        SmmError: SMM-501 when there is an smm.toml already and `template` asks for one.
    """
    config = home / "smm.toml"
    if template and config.exists():
        raise SmmError("SMM-501", "there is an instance already", where=str(home), hint="edit its smm.toml")
    for name in FOLDERS:
        (home / name).mkdir(parents=True, exist_ok=True)
    if template:
        config.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    _write_person_key(home / ".env")
    prepare_dagster_home(home)
    return config


def _write_person_key(path: Path) -> None:
    if path.exists() or os.environ.get(PERSON_KEY_VARIABLE):
        return
    # Readable by the owner from its first byte on.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("# Secret of the keyed hash for personal identifiers; another key makes strangers of all\n")
        file.write(f"{PERSON_KEY_VARIABLE}={secrets.token_hex(32)}\n")


def status(settings: Settings, catalog: Catalog) -> dict[str, Any]:
    """What the instance holds: feeds with their deliveries and rejects, days to build, failed checks, publication."""
    with connect(settings) as con:
        ensure_schema(con, catalog, settings)
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
            "select table_name, partition_key, check_id, severity, status from quality.check_results "
            "where status <> 'passed' order by table_name, check_id, partition_key"
        ).fetchall()
    return {
        "first_day": view.days[0] if view.days else None,
        "last_day": view.days[-1] if view.days else None,
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
        "refused_deliveries": [asdict(delivery) for delivery in refused],
        "configured_feeds": sorted(settings.feeds),
        "stale_days": list(stale_days(stale)),
        "stale_tables": sorted(stale),
        "checks_not_passed": [
            dict(zip(("table", "partition", "check", "severity", "status"), row, strict=True)) for row in checks
        ],
        "serving_file": settings.serving_file if settings.serving_file.exists() else None,
    }
