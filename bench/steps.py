"""What one child process of the benchmark does: `python -m bench.steps STEP FOLDER EVENTS`.

Belongs here: the table of steps and the loading of their imports before the clock starts. Does not belong here: the
work itself (engines.py, pipeline.py, volume.py, year.py) and the order of the steps (__main__.py).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bench import engines, pipeline, volume, year
from bench.generate import DataSet
from bench.measure import report

Step = Callable[[DataSet], Mapping[str, Any]]

STEPS: dict[str, Step] = {
    "read": lambda data: engines.read_only(data.event_files),
    "duckdb": lambda data: engines.with_duckdb(data.event_files, data.order_files),
    "polars": lambda data: engines.with_polars(data.event_files, data.order_files),
    "pandas": lambda data: engines.with_pandas(data.event_files, data.order_files),
    "ingest": pipeline.ingest_all_but_last_day,
    "sessions": pipeline.build_sessions,
    "visits_alone": pipeline.select_visits_alone,
    "last_touch": pipeline.build_last_touch,
    "one_day": pipeline.add_last_day,
    **{step: partial(volume.run, step) for step in volume.STEPS},
    **{step: partial(year.run, step) for step in year.STEPS},
}
# What a step imports only when it needs it, which is not part of its work.
IMPORTS = {
    "polars": "polars",
    "pandas": "pandas",
    "sessions": "great_expectations",
    "last_touch": "great_expectations",
    "one_day": "great_expectations",
    "year_rebuild": "great_expectations",
    "year_day_rebuild": "great_expectations",
    "year_day": "great_expectations",
}


def main() -> None:
    """Run the named step and print its measurement."""
    step, folder, events = sys.argv[1:]
    if step in IMPORTS:
        importlib.import_module(IMPORTS[step])
    data = DataSet(Path(folder), int(events))
    report(lambda: STEPS[step](data))


if __name__ == "__main__":
    main()
