"""The tables of arbitrage kept fresh: every hour, after funding was looked at.

What lives here: when. What does not: what a run does (``assets.arbitrage``). It reads the lake and sends nothing, but there is
nothing to make before funding comes; so it is on where that is.
"""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets import basis, opportunities
from assets.arbitrage import GROUP, VIEWS
from assets.partitions import MONTH_FORMAT
from sensors.schedules import UNFINISHED, default_status

CRON = "25 * * * *"

LOOK_BACK = timedelta(days=1)
"""A month ends for this schedule so long after it ended."""


def arbitrage_job() -> Job:
    """Every table of arbitrage."""
    return dg.define_asset_job(
        GROUP,
        selection=dg.AssetSelection.assets(
            *(dg.AssetKey([GROUP, view.table.name]) for view in VIEWS), opportunities.KEY, basis.KEY
        ),
        description="What funding and prices come to across venues.",
    )


def arbitrage_schedule(job: Job, first_month: str) -> dg.ScheduleDefinition:
    """Every hour the current month; in a month's first day also the month before."""

    @dg.schedule(
        job=job,
        name="arbitrage_hourly",
        cron_schedule=CRON,
        execution_timezone="UTC",
        description="Makes the current month's tables of arbitrage of what the lake holds now.",
        default_status=default_status(),
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        unfinished = dg.RunsFilter(job_name=job.name, statuses=UNFINISHED)
        if earlier := context.instance.get_run_records(unfinished, limit=1):
            return dg.SkipReason(f"run {earlier[0].dagster_run.run_id} of this job has not finished")
        now = context.scheduled_execution_time
        first = max((now - LOOK_BACK).strftime(MONTH_FORMAT), first_month)
        return dg.RunRequest(
            run_key=f"{job.name}|{now.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": now.strftime(MONTH_FORMAT),
            },
        )

    return hourly
