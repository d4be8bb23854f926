"""The daily schedule.

Belongs here: when the daily run starts. Does not belong here: days that became stale for another reason; the sensor
takes them up.
"""

from __future__ import annotations

import dagster as dg

from smm_pipeline.orchestration.instance import missing_instance
from smm_pipeline.orchestration.jobs import DAILY
from smm_pipeline.orchestration.partitions import last_complete_day
from smm_pipeline.settings import Settings


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Every day at the hour of the settings, in the shop's zone: yesterday. On from the start."""

    @dg.schedule(
        name="daily_schedule",
        job_name=DAILY,
        cron_schedule=f"{settings.schedule.minute} {settings.schedule.hour} * * *",
        execution_timezone=settings.shop.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Builds yesterday and publishes. Missed days are taken up by the sensor.",
    )
    def daily_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if missing := missing_instance(settings):
            return dg.SkipReason(missing)
        day = last_complete_day(settings, context.scheduled_execution_time)
        return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())

    return [daily_schedule]
