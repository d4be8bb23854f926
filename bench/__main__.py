"""`make bench`: generate, measure every step in a child process, compare the answers, print and keep the table.

Belongs here: the order of the steps, the ratios and the output. Does not belong here: the work of a step. Sizes come
from the environment: BENCH_EVENTS (10000000), BENCH_GX_ROWS (1000000), those of volume.py and year.py; BENCH_EVENTS=0
measures volumes, attribution and the year alone. Results go to bench-results/, one JSON a round.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.attribution import lines as attribution_lines
from bench.attribution import measure as measure_attribution
from bench.generate import DataSet, make_data_set
from bench.gx_cost import GOAL_CPU_RATIO, GxCost
from bench.gx_cost import measure as measure_gx
from bench.measure import Measured, in_child
from bench.pipeline import answer_of_pipeline
from bench.volume import lines as volume_lines
from bench.volume import measure as measure_volumes
from bench.year import lines as year_lines
from bench.year import measure as measure_year

RESULTS = Path("bench-results")
ENGINES = ("duckdb", "polars", "pandas")
STEPS = {
    "read": "DuckDB only reads the columns",
    "duckdb": "sessions and last touch, plain DuckDB SQL",
    "polars": "sessions and last touch, polars",
    "pandas": "sessions and last touch, pandas",
    "ingest": "pipeline: ingest of 89 days",
    "sessions": "pipeline: sessions of 89 days",
    "visits_alone": "pipeline: only the SELECT that cuts sessions",
    "last_touch": "pipeline: last touch of 89 days",
    "one_day": "pipeline: day 90, ingest to last touch",
}


def main() -> int:
    """Run one round; returns 1 when two engines disagree about the answer."""
    events = int(os.environ.get("BENCH_EVENTS", "10000000"))
    console = Console(width=None if sys.stdout.isatty() else 130)
    volumes = measure_volumes(RESULTS)
    for line in volume_lines(volumes):
        console.print(line)
    attribution = measure_attribution()
    for line in attribution_lines(attribution):
        console.print(line)
    year = measure_year(RESULTS)
    for line in year_lines(year):
        console.print(line)
    kept: dict[str, Any] = {
        "volumes": {step: {"size": size, **asdict(m)} for step, (size, m) in volumes.items()},
        "attribution": asdict(attribution),
        "year": {step: {"size": size, **asdict(m)} for step, (size, m) in year.items()},
    }
    is_agreed = True
    if events:
        more, is_agreed = _engines(events, console)
        kept |= more
    _keep(events, kept)
    return 0 if is_agreed else 1


def _engines(events: int, console: Console) -> tuple[dict[str, Any], bool]:
    """Sessions and last touch by each engine; returns the record, and whether all gave the same answer."""
    data = make_data_set(RESULTS, events)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=len(STEPS))
        measured: dict[str, Measured] = {}
        for step in STEPS:
            progress.update(task, description=STEPS[step])
            measured[step] = in_child(step, str(data.folder), str(data.events))
            progress.advance(task)
    answers = {engine: dict(measured[engine].answer) for engine in ENGINES} | {"pipeline": answer_of_pipeline(data)}
    gx = measure_gx(int(os.environ.get("BENCH_GX_ROWS", "1000000")))
    console.print(_table(data, measured))
    for line in _verdicts(measured, gx):
        console.print(line)
    is_agreed = all(answer == answers["duckdb"] for answer in answers.values())
    console.print("all answers agree" if is_agreed else f"ANSWERS DIFFER: {answers}")
    steps = {step: asdict(m) for step, m in measured.items()}
    return {"steps": steps, "gx": {**asdict(gx), "cpu_ratio": gx.cpu_ratio}}, is_agreed


def _table(data: DataSet, measured: dict[str, Measured]) -> Table:
    table = Table(
        title=f"{data.events:,} events, {platform.machine()}, {os.cpu_count()} CPUs, DuckDB {duckdb.__version__}"
    )
    for column in ("step", "wall s", "CPU s", "peak MB", "wall / read", "CPU / read", "wall / polars"):
        table.add_column(column, justify="left" if column == "step" else "right", no_wrap=column == "step")
    read, polars = measured["read"], measured["polars"]
    for step, m in measured.items():
        table.add_row(
            STEPS[step],
            f"{m.wall_seconds:.2f}",
            f"{m.cpu_seconds:.2f}",
            f"{m.peak_bytes / 1e6:,.0f}",
            f"{m.wall_seconds / read.wall_seconds:.1f}",
            f"{m.cpu_seconds / read.cpu_seconds:.1f}",
            f"{m.wall_seconds / polars.wall_seconds:.2f}",
        )
    return table


def _verdicts(measured: dict[str, Measured], gx: GxCost) -> list[str]:
    """Each goal with its figure, met or not."""
    built = measured["sessions"].wall_seconds + measured["last_touch"].wall_seconds
    rebuilt = built + measured["ingest"].wall_seconds
    day = measured["one_day"]
    goals = [
        ("sessions and last touch no slower than polars", built / measured["polars"].wall_seconds, 1.0, "of its wall"),
        ("one day at most 1/10 of the rebuild", day.wall_seconds / rebuilt, 0.1, "of its wall"),
        ("peak memory of the daily run under 2 GB", day.peak_bytes / 1e9, 2.0, "GB"),
        ("Great Expectations at most 3 times plain SQL", gx.cpu_ratio, GOAL_CPU_RATIO, "times its CPU"),
    ]
    return [
        f"{'met   ' if value <= goal else 'MISSED'} {name}: {value:.2f} {unit}" for name, value, goal, unit in goals
    ]


def _keep(events: int, kept: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    record = {
        "measured_at": now.isoformat(timespec="seconds"),
        "events": events,
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        **kept,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}-{events}.json"
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
