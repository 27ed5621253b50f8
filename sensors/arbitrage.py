"""The tables of arbitrage kept fresh: every hour, after funding was looked at.

What lives here: when. What does not: what a run does (``assets.arbitrage``). It reads the lake and sends nothing, but there is
nothing to make before funding comes; so it is on where that is.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets import basis, opportunities
from assets.across import GROUP, key_of
from assets.arbitrage import VIEWS
from assets.partitions import MONTH_FORMAT
from sensors.schedules import default_status, first_of, not_finished

CRON = "25 * * * *"


def arbitrage_job() -> Job:
    """Every table of arbitrage."""
    return dg.define_asset_job(
        GROUP,
        selection=dg.AssetSelection.assets(*(key_of(view.table) for view in VIEWS), opportunities.KEY, basis.KEY),
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
        if busy := not_finished(context, job):
            return busy
        now = context.scheduled_execution_time
        first = first_of(now, first_month)
        return dg.RunRequest(
            run_key=f"{job.name}|{now.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": now.strftime(MONTH_FORMAT),
            },
        )

    return hourly
