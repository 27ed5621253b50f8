"""The simulation kept fresh: once a day, after the day's funding and candles have come.

What lives here: when. What does not: what a run does (``assets.simulation``). It makes the whole past anew, so it is not with the
tables that are made every hour. It reads the lake and sends nothing.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.partitions import MONTH_FORMAT
from assets.simulation import KEYS
from sensors.schedules import BEHIND, default_status, first_of, not_finished

CRON = "50 0 * * *"
NAME = "simulation"


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
        if busy := not_finished(context, job):
            return busy
        now = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=f"{job.name}|{now.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": first_of(now, first_month),
                "dagster/asset_partition_range_end": now.strftime(MONTH_FORMAT),
            },
        )

    return daily
