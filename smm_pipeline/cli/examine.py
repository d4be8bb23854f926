"""What `smm doctor` looks at.

Belongs here: one finding per thing that can be wrong with an instance, each with what to do. Does not belong here:
printing, and repairing anything.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import duckdb

from smm_pipeline.catalog import load_catalog
from smm_pipeline.errors import SmmError, not_writable
from smm_pipeline.feeds import load_feed
from smm_pipeline.ingest import feed_fault, is_other_key
from smm_pipeline.ingest.landing import closed_folders, landing_files
from smm_pipeline.ingest.objects import objects_of
from smm_pipeline.pulls import pull_fault
from smm_pipeline.reporting.wording import counted
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Feed, Settings, load_settings, person_key
from smm_pipeline.warehouse.connection import connect, tune
from smm_pipeline.warehouse.goal_scopes import Aimless, aimless_goals
from smm_pipeline.warehouse.outcomes import open_refusals

# The contract of holidays and paydays.
CALENDAR = "calendar_day"
_OPEN_UP = "give the user who runs smm the right to read there"


@dataclass(frozen=True)
class Finding:
    """One thing that `doctor` looked at."""

    subject: str
    status: Literal["ok", "warning", "problem"]
    message: str
    hint: str = ""


def doctor(home: Path | None) -> list[Finding]:
    """Examine an instance; every finding says what to do."""
    try:
        settings = load_settings(home)
    except SmmError as error:
        return [Finding("settings", "problem", error.what, error.hint)]
    return [Finding("settings", "ok", f"{settings.shop.name}: {settings.home}"), *_findings(settings)]


def as_dicts(findings: list[Finding]) -> list[dict[str, str]]:
    """Findings for --json."""
    return [asdict(finding) for finding in findings]


def _findings(settings: Settings) -> Iterator[Finding]:
    yield _person_key_finding(settings)
    free = shutil.disk_usage(settings.home).free
    enough = free >= settings.warehouse.min_free_bytes
    yield Finding(
        "disk", "ok" if enough else "problem", f"{free / 1e9:.1f} GB free", "" if enough else "free some space"
    )
    yield from _write_findings(settings)
    if not settings.feeds:
        yield Finding("feeds", "warning", "no feed is configured", "add [feeds.NAME] sections to smm.toml")
    if settings.landing in closed_folders(settings.landing):
        yield Finding("landing", "problem", f"{settings.landing} may not be read", _OPEN_UP)
    else:
        yield from _feed_findings(settings)
        yield from _unread_findings(settings)
    yield from _store_findings(settings)
    yield from _warehouse_findings(settings)
    yield _serving_finding(settings)


def _write_findings(settings: Settings) -> Iterator[Finding]:
    """Whether what smm writes can be written; a folder that is missing is made by the command that needs it."""
    refused = []
    for path in (settings.home, settings.raw_store, settings.serving_file.parent, settings.reports):
        try:
            if path.exists():
                with tempfile.TemporaryFile(dir=path):
                    pass
        except OSError as error:
            refused.append(not_writable(error, str(path)) or SmmError("SMM-107", str(error), where=str(path)))
    if settings.warehouse_file.exists() and not os.access(settings.warehouse_file, os.W_OK):
        hint = "give the user who runs smm the right to write it"
        refused.append(SmmError("SMM-107", "not writable", where=str(settings.warehouse_file), hint=hint))
    for found in refused:
        yield Finding("folders", "problem", _told(found), found.hint)
    if not refused:
        yield Finding("folders", "ok", "writable")


def _feed_findings(settings: Settings) -> Iterator[Finding]:
    """Each feed: its mapping compiles, its folder is there; and all together: a calendar is among them."""
    try:
        catalog = load_catalog()
    except SmmError as error:
        yield Finding("catalog", "problem", _told(error), error.hint)
        return
    with duckdb.connect() as con:
        tune(con, settings.warehouse)
        faults = {
            name: feed_fault(con, settings, catalog, name) or pull_fault(settings, name)
            for name in sorted(settings.feeds)
        }
    for name, fault in faults.items():
        if fault:
            yield Finding(f"feed {name}", "problem", _told(fault), fault.hint or "see docs/mapping.md")
            continue
        folder = settings.landing / name
        if closed := _closed(folder, settings.feeds[name]):
            told = f"{counted(len(closed), 'file or folder', 'files or folders')} may not be read, e.g. {closed[0]}"
            yield Finding(f"feed {name}", "problem", told, _OPEN_UP)
            continue
        yield _folder_finding(settings, name)
    if not faults or any(faults.values()):
        return
    if not any(CALENDAR in load_feed(name, settings, catalog).mapping.tables for name in faults):
        yield _calendar_finding(settings)


def _folder_finding(settings: Settings, name: str) -> Finding:
    """What lies in a feed's folder, which may be missing where its deliveries come another way."""
    feed, folder, subject = settings.feeds[name], settings.landing / name, f"feed {name}"
    if folder.is_dir():
        return Finding(subject, "ok", counted(sum(1 for _ in landing_files(folder, feed)), "file"))
    if feed.pull is not None:
        return Finding(subject, "ok", "is pulled from its vendor")
    if settings.landing_url:
        return Finding(subject, "ok", "comes out of the object store")
    hint = f"create {folder} and put the deliveries there"
    return Finding(subject, "warning", "its landing folder is missing", hint)


def _store_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the object store of landing_url can be listed, and what it holds."""
    if not settings.landing_url:
        return
    try:
        found = sum(len(objects_of(settings, feed)) for feed in settings.feeds)
    except SmmError as error:
        yield Finding("object store", "problem", _told(error), error.hint)
        return
    yield Finding("object store", "ok", f"{settings.landing_url}: {counted(found, 'object')} of feeds")


def _closed(folder: Path, feed: Feed) -> list[Path]:
    """What an ingest could not open; a folder that is closed has files that nobody sees."""
    closed = closed_folders(folder)
    if folder in closed:
        return closed
    return closed + [path for path, _ in landing_files(folder, feed) if not os.access(path, os.R_OK)]


def _calendar_finding(settings: Settings) -> Finding:
    """What rule D4 calls due without a calendar of the shop's country."""
    days = ", ".join(map(str, settings.rules.paydays)) or "none"
    return Finding(
        "calendar",
        "warning",
        f"no feed fills {CALENDAR}: for deferred purchases (D4) paydays are rules.paydays ({days}), "
        "and no day is a holiday",
        f"add a feed whose mapping fills {CALENDAR} with calendar_date, kind (holiday, payday) and name",
    )


def _unread_findings(settings: Settings) -> Iterator[Finding]:
    """Whatever lies in landing/ outside the folder of a feed."""
    if not settings.landing.is_dir():
        return
    for path in sorted(settings.landing.iterdir()):
        if path.name in settings.feeds or path.name.startswith("."):
            continue
        close = get_close_matches(path.name, settings.feeds, n=1)
        hint = f"did you mean the feed {close[0]}?" if close else f"add [feeds.{path.name}] to smm.toml, or remove it"
        yield Finding(
            "landing", "warning", f"no feed reads {path}", hint if path.is_dir() else "move it into a feed's folder"
        )


def _person_key_finding(settings: Settings) -> Finding:
    try:
        person_key(settings.home)
    except SmmError as error:
        return Finding("person key", "problem", _told(error), error.hint)
    path = settings.home / ".env"
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding("person key", "warning", f"{path} is readable by others", f"chmod 600 {path}")
    return Finding("person key", "ok", "set")


def _warehouse_findings(settings: Settings) -> Iterator[Finding]:
    if not settings.warehouse_file.exists():
        yield Finding("work database", "ok", "not made yet", "smm run")
        return
    try:
        with connect(settings, read_only=True) as con:
            row = con.execute("select count(*) from meta.delivery").fetchone()
            refused = open_refusals(con, settings.landing)
            key = os.environ.get(PERSON_KEY_VARIABLE, "").encode()
            other_key = bool(key) and is_other_key(con, key)
            aimless = aimless_goals(con, settings.goals)
    except SmmError as error:
        yield Finding("work database", "problem", error.what, error.hint)
        return
    except duckdb.CatalogException:
        yield Finding("work database", "warning", "has no books of deliveries yet", "smm run")
        return
    yield Finding("work database", "ok", counted(row[0] if row else 0, "delivery", "deliveries"))
    if other_key:
        yield Finding(
            "person key", "problem", "it is not the key that the work database was made with", "put the old key back"
        )
    for name in sorted({delivery.feed for delivery in refused}):
        mine = [delivery for delivery in refused if delivery.feed == name]
        yield Finding(
            f"feed {name}",
            "warning",
            f"{counted(len(mine), 'refused delivery', 'refused deliveries')}, "
            f"e.g. {mine[0].file}: {mine[0].code} {mine[0].reason}",
            "smm status lists them; correct them and put them again, or take them out of landing/",
        )
    yield from map(_goal_finding, aimless)


def _goal_finding(goal: Aimless) -> Finding:
    meant = f"did you mean {' or '.join(goal.nearest)}?" if goal.nearest else "docs/settings.md says what it may be"
    told = f"its scope {goal.scope} is no network, community, class or other scope that {goal.kpi} has"
    return Finding(f"goal {goal.name}", "warning", told, meant)


def _serving_finding(settings: Settings) -> Finding:
    path = settings.serving_file
    if not path.exists():
        return Finding("serving file", "ok", "not published yet", "smm run")
    if path.with_name(path.name + ".wal").exists():
        return Finding(
            "serving file", "problem", "a write-ahead log is beside it", "something wrote to it: smm publish"
        )
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            row = con.execute("select build_id, published_at from kpi._publication").fetchone()
    except duckdb.Error as error:
        return Finding("serving file", "problem", str(error).splitlines()[0], "smm publish")
    return Finding("serving file", "ok", f"build {row[0]} of {row[1]}" if row else "empty")


def _told(error: SmmError) -> str:
    return f"{error.code}: {error.what}" + (f" ({error.where})" if error.where else "")
