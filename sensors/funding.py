"""Settled funding, mark, index and premium kept fresh: every hour, a few minutes after venues settle.

What lives here: when, and over which partitions. What does not: what a run does (``assets.funding``, ``assets.reference``).

Stopped until a person starts it, as everything that sends requests to venues; where a sandbox answers it runs from the
start. Contracts settle every 1, 4 or 8 hours, and the interval changes without notice, so every hour is looked at; what was
answered is not asked again, so a look at a contract that has not settled costs a request at most.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.candles import run_config
from assets.funding import key_of
from assets.partitions import MONTH_FORMAT, perpetuals_of
from assets.reference import keys_of, tables_of
from qmd_platform.config import VenueUniverse
from qmd_platform.model.tables import FUNDING_RATES
from sensors.schedules import FIRST, default_status, first_of, not_finished

CRON = "12 * * * *"
"""Later than venues publish a settlement (``qmd_platform.ingest.funding.PUBLISHED_MS``)."""

TAIL = 3
"""Settlements, and hours of mark, index and premium, read again: venues correct the last ones, and three settlements in a
row prove an interval."""


def funding_job(venue: VenueUniverse) -> Job:
    """The settled funding of one venue, and the mark, index and premium that go with it."""
    return dg.define_asset_job(
        f"{venue.venue}_funding",
        selection=dg.AssetSelection.assets(key_of(venue.venue), *keys_of(venue)),
        description=f"Settled funding of {venue.venue}'s perpetuals, and their mark, index and premium.",
    )


def funding_schedule(venue: VenueUniverse, job: Job, first_month: str) -> dg.ScheduleDefinition:
    """Every hour the current month of every perpetual; in a month's first day also the month before."""

    @dg.schedule(
        job=job,
        name=f"{venue.venue}_funding_hourly",
        cron_schedule=CRON,
        execution_timezone="UTC",
        description=f"Fetches what {venue.venue} has settled since, and the last {TAIL} settlements again.",
        default_status=default_status(),
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        slugs = context.instance.get_dynamic_partitions(str(perpetuals_of(venue.venue).name))
        if not slugs:
            return dg.SkipReason(f"no perpetuals yet: the universe sensor adds those of {venue.venue}")
        if busy := not_finished(context, job):
            return busy
        now = context.scheduled_execution_time
        first = first_of(now, first_month)
        return dg.RunRequest(
            run_key=f"{job.name}|{now.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": f"{slugs[0]}|{first}",
                "dagster/asset_partition_range_end": f"{slugs[-1]}|{now.strftime(MONTH_FORMAT)}",
                **FIRST,
            },
            run_config=run_config(venue.venue, [FUNDING_RATES.name, *tables_of(venue)], tail=TAIL, recheck=True),
        )

    return hourly
