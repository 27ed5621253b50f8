"""The coverage of every venue, counted and drawn anew every quarter of an hour.

What lives here: when. What does not: what is counted (``assets.coverage``).

The schedule runs from the start, as it reads the ledger and sends nothing to an exchange.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.coverage import NAME
from qmd_platform.config import Universe
from sensors.schedules import not_finished

CRON = "*/15 * * * *"


def coverage_job(universe: Universe) -> Job:
    """The coverage asset of every venue, in one run."""
    keys = [dg.AssetKey([venue, NAME]) for venue in universe.venues]
    return dg.define_asset_job(
        NAME, selection=dg.AssetSelection.assets(*keys), description="What the lake has of all that is wanted."
    )


def coverage_schedule(job: Job) -> dg.ScheduleDefinition:
    """Makes ``coverage_job`` run; a tick that finds an earlier run waiting or at work leaves it alone."""

    @dg.schedule(
        job=job,
        name=job.name,
        cron_schedule=CRON,
        execution_timezone="UTC",
        description="Counts and draws the coverage of every venue.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if busy := not_finished(context, job):
            return busy
        return dg.RunRequest(run_key=f"{job.name}|{context.scheduled_execution_time.isoformat()}")

    return tick
