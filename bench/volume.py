"""Ingest of large and of many files, beside DuckDB's own reader of the same bytes.

Belongs here: an instance with one feed, the files that land in it, and the readers that check nothing. Does not belong
here: what is in the files (feeds.py), and tables built from them (pipeline.py).

DuckDB's reader is `read_json` into a table of a database file, with the pipeline's limits of memory and threads. The
goal is of the reader as anybody would call it: it finds the columns and reads them all. One that is told the columns of
the mapping has less to do; it stands beside it, with no goal. Both make no hash, no pseudonym and no typed value, keep
no raw bytes and no history, and would turn a broken line into an error or a row of NULLs: what ingest costs beyond them
is the price of these. An empty warehouse with its tables and a file of columns are prepared, and no part of a step.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from bench.feeds import write_ga4, write_tiny_files, write_woocommerce
from bench.generate import DataSet
from bench.measure import Measured, in_child
from smm_pipeline.catalog import load_catalog
from smm_pipeline.feeds import load_feed
from smm_pipeline.ingest import ingest_landing
from smm_pipeline.ingest.structures import sql_type
from smm_pipeline.quoting import sql_text
from smm_pipeline.settings import PERSON_KEY_VARIABLE, load_settings
from smm_pipeline.warehouse.connection import connect, tune
from smm_pipeline.warehouse.schema import ensure_schema

GOAL_RATIO = 4.0
GOAL_PEAK_BYTES = 1_500_000_000
# The speed of a machine may differ by a fifth from one minute to the next: of both sides of a ratio the fastest run
# counts, and they take turns.
ROUNDS = 3
_COLUMNS = "columns.sql"
# Of a GA4 event in JSON, roughly.
EVENT_BYTES = 1740


@dataclass(frozen=True)
class Volume:
    """One measurement: the vendor, what lands, how it is written, and the size unless told otherwise."""

    title: str
    vendor: str
    landed: str
    write: Callable[[Path, int], None]
    size: int
    has_reader: bool = False


VOLUMES = {
    "ga4": Volume("GA4 events in one file of JSON lines", "ga4", "ga4.jsonl", write_ga4, 1_000_000, has_reader=True),
    "orders": Volume(
        "WooCommerce orders in one array",
        "woocommerce_orders",
        "orders.json",
        write_woocommerce,
        100_000,
        has_reader=True,
    ),
    "huge": Volume("GA4 events in one file of 5 GB", "ga4", "huge.jsonl", write_ga4, 5_000_000_000 // EVENT_BYTES),
    "gzip": Volume("GA4 events in one gzip", "ga4", "events.jsonl.gz", write_ga4, 1_000_000),
    "tiny": Volume("files of one GA4 event", "ga4", "tiny", write_tiny_files, 100_000),
}
READERS = {"read": "DuckDB's reader", "columns": "DuckDB's reader, told the columns"}
STEPS = {
    f"volume_{kind}_{name}"
    for name, v in VOLUMES.items()
    for kind in (*READERS, "ingest")
    if kind == "ingest" or v.has_reader
}


def measure(parent: Path) -> dict[str, tuple[int, Measured]]:
    """Every volume with its size; BENCH_<NAME>, such as BENCH_HUGE, sets another size, and 0 leaves it out."""
    measured = {}
    for name, volume in VOLUMES.items():
        size = int(os.environ.get(f"BENCH_{name.upper()}", volume.size))
        folder = parent / f"volume-{name}-{size}"
        landed = folder / volume.landed
        if size and not landed.exists():
            folder.mkdir(parents=True, exist_ok=True)
            volume.write(landed, size)
            # Of a file that was written a moment ago, ingest waits to see whether it grows.
            an_hour_ago = time.time() - 3600
            os.utime(landed, (an_hour_ago, an_hour_ago))
        runs: dict[str, list[Measured]] = {}
        for _ in range(ROUNDS if size and volume.has_reader else 1):
            for step in (f"volume_{kind}_{name}" for kind in (*READERS, "ingest")):
                if size and step in STEPS:
                    _prepare(volume, folder)
                    # What was written before is on the disk then, and no part of the step.
                    os.sync()
                    runs.setdefault(step, []).append(in_child(step, str(folder), str(size)))
        for step, found in runs.items():
            fastest = min(found, key=lambda run: run.wall_seconds)
            measured[step] = (size, replace(fastest, peak_bytes=max(run.peak_bytes for run in found)))
        shutil.rmtree(folder / "instance", ignore_errors=True)
    return measured


def lines(measured: dict[str, tuple[int, Measured]]) -> list[str]:
    """What was measured, and each goal with its figure, met or not."""
    told = []
    for name, volume in VOLUMES.items():
        if f"volume_ingest_{name}" not in measured:
            continue
        size, m = measured[f"volume_ingest_{name}"]
        told.append(
            f"{size:,} {volume.title}: wall {m.wall_seconds:.1f} s, CPU {m.cpu_seconds:.1f} s, "
            f"peak {m.peak_bytes / 1e6:,.0f} MB, {size / m.wall_seconds:,.0f} a second"
        )
        verdicts = [("peak memory", m.peak_bytes / 1e9, GOAL_PEAK_BYTES / 1e9, "GB")]
        for kind, reader in READERS.items() if volume.has_reader else ():
            _, read = measured[f"volume_{kind}_{name}"]
            wall, cpu = m.wall_seconds / read.wall_seconds, m.cpu_seconds / read.cpu_seconds
            told.append(
                f"  {reader}: wall {read.wall_seconds:.1f} s, CPU {read.cpu_seconds:.1f} s; "
                f"ingest takes {wall:.2f} and {cpu:.2f} times that"
            )
            if kind == "read":
                verdicts += [("wall", wall, GOAL_RATIO, "of the reader's"), ("CPU", cpu, GOAL_RATIO, "of the reader's")]
        told += [
            f"  {'met   ' if value <= goal else 'MISSED'} {what}: {value:.2f} {unit}"
            for what, value, goal, unit in verdicts
        ]
    return told


def run(step: str, data: DataSet) -> dict[str, Any]:
    """Do one step; called in a process of its own, once everything is prepared for it."""
    _, kind, name = step.split("_")
    return _ingest(data) if kind == "ingest" else _read(VOLUMES[name], data, is_told=kind == "columns")


def _read(volume: Volume, data: DataSet, *, is_told: bool) -> dict[str, Any]:
    settings = load_settings(data.folder / "instance")
    shape = "array" if volume.landed.endswith(".json") else "newline_delimited"
    told = ", columns = " + (data.folder / "instance" / _COLUMNS).read_text(encoding="utf-8") if is_told else ""
    with duckdb.connect(str(data.folder / "instance" / "read.duckdb")) as con:
        tune(con, settings.warehouse)
        con.execute(
            f"create table record as select * from read_json({sql_text(str(data.folder / volume.landed))}, "
            f"format = {sql_text(shape)}, maximum_object_size = 100000000{told})"
        )
        return {"rows": con.execute("select count(*) from record").fetchall()[0][0]}


def _ingest(data: DataSet) -> dict[str, Any]:
    settings, catalog = load_settings(data.folder / "instance"), load_catalog()
    with connect(settings) as con:
        results = ingest_landing(con, settings, catalog, run_id="bench")
    bad = [r for r in results if r.status != "loaded" or r.rejected]
    if bad:
        raise RuntimeError(f"{len(bad)} deliveries were not loaded whole, first: {bad[0]}")
    return {"deliveries": len(results)}


def _prepare(volume: Volume, folder: Path) -> None:
    """An instance of its own for a step, with the files landed and the tables made, and the columns for a reader."""
    os.environ.setdefault(PERSON_KEY_VARIABLE, "a key that only the benchmark uses")
    home = folder / "instance"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    shop = '[shop]\nname = "Bench"\ntime_zone = "UTC"\ncurrency = "UAH"\nown_hosts = ["shop.example"]\n'
    (home / "smm.toml").write_text(f'{shop}\n[feeds.feed]\nvendor = "{volume.vendor}"\n', encoding="utf-8")
    settings, catalog = load_settings(home), load_catalog()
    landing, landed = settings.landing / "feed", folder / volume.landed
    if landed.is_dir():
        shutil.copytree(landed, landing)
    else:
        landing.mkdir(parents=True)
        os.link(landed, landing / landed.name)
    with connect(settings) as con:
        ensure_schema(con, catalog, settings)
    structure = load_feed("feed", settings, catalog).mapping.structure
    columns = ", ".join(f"{sql_text(name)}: {sql_text(sql_type(kind))}" for name, kind in structure.items())
    (home / _COLUMNS).write_text(f"{{{columns}}}", encoding="utf-8")
