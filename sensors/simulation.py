"""The simulation kept fresh: once a day, after the day's funding and candles have come.

What lives here: when. What does not: what a run does (``assets.simulation``). It makes the whole past anew, so it is not with the
tables that are made every hour. It reads the lake and sends nothing.
"""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.partitions import MONTH_FORMAT
from assets.simulation import KEYS
from sensors.schedules import BEHIND, UNFINISHED, default_status

CRON = "50 0 * * *"
NAME = "simulation"

LOOK_BACK = timedelta(days=1)
"""A month ends for this schedule so long after it ended."""


def simulation_job() -> Job:
    """The figures and the equity."""
    return dg.define_asset_job(
        NAME,
        selection=dg.AssetSelection.assets(*KEYS),
        description="What the rules would have earned, beside baselines.",
        tags=BEHIND,
    )


def simulation_schedule(job: Job, first_month: str) -> dg.ScheduleDefinition:
    """Every day the current month; on a month's first day also the month before."""

    @dg.schedule(
        job=job,
        name="simulation_daily",
        cron_schedule=CRON,
        execution_timezone="UTC",
        description="Simulates the rules on all that the lake holds now.",
        default_status=default_status(),
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        unfinished = dg.RunsFilter(job_name=job.name, statuses=UNFINISHED)
        if earlier := context.instance.get_run_records(unfinished, limit=1):
            return dg.SkipReason(f"run {earlier[0].dagster_run.run_id} of this job has not finished")
        now = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=f"{job.name}|{now.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": max((now - LOOK_BACK).strftime(MONTH_FORMAT), first_month),
                "dagster/asset_partition_range_end": now.strftime(MONTH_FORMAT),
            },
        )

    return daily
