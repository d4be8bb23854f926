"""What the attribution models cost on a path table.

Belongs here: a made-up table of distinct paths, and the CPU time of reading it, of all models and of their intervals.
Run it as `python -m bench.attribution`, or call `measure` from another benchmark. It is a measurement and not a timed
test: the goal, all models on 10,000 paths of 12 channels within a second of one core, is printed beside the result.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smm_pipeline.attribution import ALL_MODELS, attribute, read_path_table

GOAL_SECONDS = 1.0
LONGEST = 10
SEED = 11


@dataclass(frozen=True)
class AttributionCost:
    """Seconds of CPU, over all threads."""

    paths: int
    channels: int
    touches: int
    models: int
    read_seconds: float
    models_seconds: float
    intervals_seconds: float


def measure(paths: int = 10_000, channels: int = 12) -> AttributionCost:
    """Make a path table of so many distinct paths, read it, and run all models without and with intervals."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "paths.csv"
        _write(file, paths, channels)
        read = _cpu(lambda: read_path_table(file))
        table = read_path_table(file).paths
    return AttributionCost(
        paths=len(table.lengths),
        channels=len(table.channels),
        touches=len(table.touch_channel),
        models=len(ALL_MODELS),
        read_seconds=read,
        models_seconds=_cpu(lambda: attribute(table)),
        intervals_seconds=_cpu(lambda: attribute(table, with_intervals=True)),
    )


def lines(cost: AttributionCost) -> list[str]:
    """The measurement and the goal, met or not."""
    spent = cost.read_seconds + cost.models_seconds
    size = f"{cost.paths:,} paths of {cost.channels} channels, {cost.touches:,} touches"
    parts = (
        f"reading {cost.read_seconds:.3f} s, {cost.models} models {cost.models_seconds:.3f} s, "
        f"with intervals {cost.intervals_seconds:.1f} s"
    )
    verdict = "met   " if spent <= GOAL_SECONDS else "MISSED"
    return [f"{size}: CPU of {parts}", f"  {verdict} reading and all models within a second: {spent:.3f} s"]


def _write(file: Path, paths: int, channels: int) -> None:
    random = np.random.default_rng(SEED)
    told: dict[tuple[int, ...], None] = {}
    while len(told) < paths:
        told[tuple(random.integers(0, channels, random.integers(1, LONGEST + 1)).tolist())] = None
    with file.open("w", encoding="utf-8") as out:
        out.write("path,conversions,value,nulls\n")
        for path in told:
            conversions, nulls = random.poisson(1), random.poisson(20)
            value = conversions * random.integers(100, 100_000) / 100
            out.write(f"{' > '.join(f'channel {n}' for n in path)},{conversions},{value:.2f},{nulls}\n")


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    """Print the measurement."""
    print("\n".join(lines(measure())))


if __name__ == "__main__":
    main()
