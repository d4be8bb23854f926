"""Jobs: the two things that are run as a whole.

Belongs here: which assets a job takes. Does not belong here: when it runs (schedules.py, sensors.py).
"""

from __future__ import annotations

import dagster as dg

DAILY = "daily"
INGEST = "ingest_deliveries"


def jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """Both jobs.

    `daily` takes everything, from landing to report, for a day or a range of days: a backfill of this job is one run.
    (A backfill of assets picked in the graph is cut by Dagster into several runs wherever tables with and without
    partitions meet.) `ingest_deliveries` takes only the raw tables, which do not depend on a day.
    """
    return [
        dg.define_asset_job(
            DAILY,
            selection=dg.AssetSelection.all(),
            description="Ingest, build the chosen days of every table, publish, report.",
        ),
        dg.define_asset_job(
            INGEST,
            selection=dg.AssetSelection.groups("raw"),
            description="Load what has arrived in landing/; the days it touches become stale.",
        ),
    ]
