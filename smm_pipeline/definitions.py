"""The Dagster code location: `build_defs` puts catalog, settings and orchestration together.

Belongs here: putting them together. Does not belong here: any part; each is made in smm_pipeline.orchestration.
"""

from __future__ import annotations

import dagster as dg

from smm_pipeline.catalog import Catalog, load_catalog
from smm_pipeline.orchestration.assets import table_assets
from smm_pipeline.orchestration.instance import settings_or_placeholder
from smm_pipeline.orchestration.jobs import jobs
from smm_pipeline.orchestration.partitions import day_partitions
from smm_pipeline.orchestration.resources import Instance
from smm_pipeline.orchestration.schedules import schedules
from smm_pipeline.orchestration.sensors import sensors
from smm_pipeline.settings import Settings


def build_defs(settings: Settings | None = None, catalog: Catalog | None = None) -> dg.Definitions:
    """The whole code location for one instance, by default that of the environment and the project's own tables."""
    settings = settings or settings_or_placeholder()
    catalog = catalog or load_catalog()
    runs = jobs()
    return dg.Definitions(
        assets=table_assets(catalog, day_partitions(settings)),
        jobs=runs,
        schedules=schedules(settings),
        sensors=sensors(settings, catalog, runs),
        resources={"instance": Instance(home=str(settings.home))},
        executor=dg.in_process_executor,
    )


defs = build_defs()
