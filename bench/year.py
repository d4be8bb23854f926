"""A year of the demo shop: all tables built anew, one day of them built anew, and one more day.

Belongs here: the year's instance, the files of its last day that land later, the runs, and their goals on two cores.
Does not belong here: the demo shop itself (smm_pipeline/shop) and any shortcut that a run does not take.

BENCH_YEAR_EVENTS (5000000) is about how many web events the year has; 0 leaves it out. Making and loading it takes
longer than what is measured; it is done anew each time, because the last day is part of the measurement.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.generate import DataSet
from bench.measure import Measured, in_child
from smm_pipeline.catalog import load_catalog
from smm_pipeline.pipeline import RunSummary, ingest
from smm_pipeline.pipeline import run as run_pipeline
from smm_pipeline.settings import PERSON_KEY_VARIABLE, Settings, load_settings
from smm_pipeline.shop import DEFAULT_LAST_DAY, make_shop
from smm_pipeline.shop.instance import EXTRACTED_AT

DAYS = 365
# Of the demo shop at scale 1.
EVENTS_A_DAY = 500_000 / 90
# Sheets that the demo writes when the year is over, whatever their day.
WRITTEN_AT_THE_END = frozenset({"costs", "promo_codes"})
SLOWEST = 10
STEPS = ("year_load", "year_rebuild", "year_day_rebuild", "year_day")
TITLES = {
    "year_rebuild": "all tables built anew",
    "year_day_rebuild": "all tables of one day built anew",
    "year_day": "one more day, from its files to the report",
}
GOAL_SECONDS = {"year_rebuild": 180.0, "year_day_rebuild": 15.0, "year_day": 15.0}
REBUILT_DAY = DEFAULT_LAST_DAY - timedelta(days=30)
GOAL_PEAK_BYTES = 3_000_000_000


def measure(results: Path) -> dict[str, tuple[int, Measured]]:
    """Measure each step in a process of its own; returns it with the number of events, by step."""
    events = int(os.environ.get("BENCH_YEAR_EVENTS", "5000000"))
    if not events:
        return {}
    folder = results / f"year-{events}"
    shutil.rmtree(folder, ignore_errors=True)
    measured = {step: (events, in_child(step, str(folder), str(events))) for step in STEPS}
    shutil.rmtree(folder)
    return measured


def lines(measured: dict[str, tuple[int, Measured]]) -> list[str]:
    """What was measured, each goal with its figure, met or not, and the tables that took longest."""
    told = []
    for step, title in TITLES.items():
        if step not in measured:
            continue
        events, m = measured[step]
        told.append(
            f"a year of {events:,} events, {title}: wall {m.wall_seconds:.1f} s, CPU {m.cpu_seconds:.1f} s, "
            f"peak {m.peak_bytes / 1e6:,.0f} MB"
        )
        verdicts = [
            ("build with its checks", m.answer["seconds"]["build"], GOAL_SECONDS[step], "s"),
            ("wall", m.wall_seconds, GOAL_SECONDS[step], "s"),
            ("peak memory", m.peak_bytes / 1e9, GOAL_PEAK_BYTES / 1e9, "GB"),
        ]
        told += [
            f"  {'met   ' if value <= goal else 'MISSED'} {what}: {value:.2f} {unit}, goal {goal:g}"
            for what, value, goal, unit in verdicts
        ]
        told.append("  parts: " + ", ".join(f"{part} {spent:.1f} s" for part, spent in m.answer["seconds"].items()))
        told.append("  slowest: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in m.answer["slowest"]))
    return told


def run(step: str, data: DataSet) -> dict[str, Any]:
    """Do one step; called in a process of its own."""
    steps = {"year_load": _load, "year_rebuild": _rebuild, "year_day_rebuild": _rebuild_day, "year_day": _add_day}
    return steps[step](data)


def _load(data: DataSet) -> dict[str, Any]:
    """Make the year and load all of it but what came with its last day."""
    home = data.folder
    make_shop(home, days=DAYS, scale=data.events / (EVENTS_A_DAY * DAYS))
    evening = f"{DEFAULT_LAST_DAY:%Y%m%d}T20"
    for file in sorted((home / "landing").rglob("*")):
        extracted = re.search(EXTRACTED_AT, file.name)
        if extracted and extracted["ts"] >= evening and file.parent.name not in WRITTEN_AT_THE_END:
            _move(file, home / "held" / file.parent.name)
    return {"deliveries": len(ingest(_settings(data), load_catalog(), is_pulling=False).deliveries)}


def _rebuild(data: DataSet) -> dict[str, Any]:
    return _built(data, DEFAULT_LAST_DAY - timedelta(days=DAYS - 1), DEFAULT_LAST_DAY)


def _rebuild_day(data: DataSet) -> dict[str, Any]:
    return _built(data, REBUILT_DAY, REBUILT_DAY)


def _built(data: DataSet, first: date, last: date) -> dict[str, Any]:
    return _told(run_pipeline(_settings(data), load_catalog(), first=first, last=last, is_pulling=False))


def _add_day(data: DataSet) -> dict[str, Any]:
    for file in sorted((data.folder / "held").rglob("*.*")):
        _move(file, data.folder / "landing" / file.parent.name)
    return _told(run_pipeline(_settings(data), load_catalog(), is_pulling=False))


def _move(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file.rename(folder / file.name)


def _told(summary: RunSummary) -> dict[str, Any]:
    if summary.failed or summary.is_incomplete:
        raise RuntimeError(f"the run is not whole: {[r.table for r in summary.failed]}, {summary.refused[:1]}")
    slowest = sorted(summary.built, key=lambda result: -result.seconds)[:SLOWEST]
    return {"seconds": summary.seconds, "slowest": [(result.table, result.seconds) for result in slowest]}


def _settings(data: DataSet) -> Settings:
    os.environ.setdefault(PERSON_KEY_VARIABLE, "a key that only the benchmark uses")
    return load_settings(data.folder)
