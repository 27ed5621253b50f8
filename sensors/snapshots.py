"""Perpetuals looked at every quarter of an hour: predicted rates and open interest, and how wrong predictions were.

What lives here: when. What does not: what a run does (``assets.snapshots``).

Stopped until a person starts it, as everything that sends requests to venues; where a sandbox answers it runs from the
start. A look that is not taken is lost, so it is five minutes before a settlement, when a prediction is nearly what will be
paid, and never in the minutes after one, in which venues are about to change their answers.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.partitions import MONTH_FORMAT, perpetuals_of
from assets.snapshots import TABLES, key_of
from qmd_platform.config import VenueUniverse
from sensors.schedules import FIRST, default_status, first_of, not_finished

CRON = "10,25,40,55 * * * *"


def snapshots_job(venue: VenueUniverse) -> Job:
    """The tables of one venue's perpetuals as they are now."""
    return dg.define_asset_job(
        f"{venue.venue}_snapshots",
        selection=dg.AssetSelection.assets(*(key_of(venue.venue, table) for table in TABLES)),
        description=f"What {venue.venue}'s perpetuals are like now, and how wrong its predictions were.",
    )


def snapshots_schedule(venue: VenueUniverse, job: Job, first_month: str) -> dg.ScheduleDefinition:
    """Every quarter of an hour the current month; in a month's first day also the month before."""

    @dg.schedule(
        job=job,
        name=f"{venue.venue}_snapshots_look",
        cron_schedule=CRON,
        execution_timezone="UTC",
        description=f"Looks at {venue.venue}'s perpetuals: what is not seen now cannot be asked for later.",
        default_status=default_status(),
    )
    def look(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not context.instance.get_dynamic_partitions(str(perpetuals_of(venue.venue).name)):
            return dg.SkipReason(f"no perpetuals yet: the universe sensor adds those of {venue.venue}")
        if busy := not_finished(context, job):
            return busy
        now = context.scheduled_execution_time
        if now.strftime(MONTH_FORMAT) < first_month:
            return dg.SkipReason(f"the universe starts in {first_month}")
        return dg.RunRequest(
            run_key=f"{job.name}|{now.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": first_of(now, first_month),
                "dagster/asset_partition_range_end": now.strftime(MONTH_FORMAT),
                **FIRST,
            },
        )

    return look
