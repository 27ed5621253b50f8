"""Schedules: the current month kept fresh, instruments renewed daily.

What lives here: when, and over which partitions. What does not: what a run does (``assets``).

All are stopped until a person starts them in the UI: opening it must not send requests to an exchange by
surprise. Where a sandbox answers for the venues they run from the start. A tail is one run a venue, over all its markets and the month (in a month's first day also the month
before, whose last candles close then). While one is queued or running, the next tick leaves it alone: a slow venue
must not gather a queue of the same work.
"""

from datetime import datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.candles import key_of, run_config
from assets.partitions import MONTH_FORMAT, markets_of
from qmd_platform.config import Universe, VenueUniverse
from qmd_platform.model.series import Market
from qmd_platform.model.tables import INSTRUMENTS
from sensors.settings import is_automatic

TAIL_CRON = "*/5 * * * *"
INSTRUMENTS_CRON = "10 0 * * *"
LOOK_BACK = timedelta(days=1)
"""A month ends for a schedule this long after it ended: its last rows become known then."""

TAIL = 5
"""Closed candles that a tail reads again: venues correct their last ones."""

RUN_SECONDS = 4 * 3600
"""A run of candles that is at work for longer is ended: each of its tables has a deadline of its own, well before."""

FIRST, BEHIND = {"dagster/priority": "1"}, {"dagster/priority": "-1"}
"""Tags of runs that keep the present, and of those that look after the past."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def default_status() -> dg.DefaultScheduleStatus:
    """Of all that sends requests to venues."""
    return dg.DefaultScheduleStatus.RUNNING if is_automatic() else dg.DefaultScheduleStatus.STOPPED


def not_finished(context: dg.ScheduleEvaluationContext, job: Job) -> dg.SkipReason | None:
    """Why this tick is passed over: a run of the job is queued or at work. None where there is none."""
    unfinished = dg.RunsFilter(job_name=job.name, statuses=UNFINISHED)
    for earlier in context.instance.get_run_records(unfinished, limit=1):
        return dg.SkipReason(f"run {earlier.dagster_run.run_id} of this job has not finished")
    return None


def first_of(now: datetime, first_month: str) -> str:
    """The first month that a tick at ``now`` looks at: the current one, on its first day the one before."""
    return max((now - LOOK_BACK).strftime(MONTH_FORMAT), first_month)


def candles_job(venue: VenueUniverse) -> Job:
    """All candle assets of one venue, in one run."""
    steps = (venue.base, *venue.native, *venue.derived)
    return dg.define_asset_job(
        f"{venue.venue}_candles",
        selection=dg.AssetSelection.assets(*(key_of(venue, step) for step in steps)),
        description=f"Every candle table of {venue.venue}: fetch what is missing, then roll up.",
        tags={"dagster/max_runtime": str(RUN_SECONDS)},
    )


def instruments_job(universe: Universe) -> Job:
    """The instruments of every venue."""
    keys = [dg.AssetKey([venue, INSTRUMENTS.name]) for venue in universe.venues]
    return dg.define_asset_job(
        "instruments", selection=dg.AssetSelection.assets(*keys), description="What every venue lists."
    )


def tail_schedule(venue: VenueUniverse, job: Job, first_month: str) -> dg.ScheduleDefinition:
    """Brings the venue's current month up to date every few minutes; ``first_month`` is the oldest partition."""
    name = f"{venue.venue}_tail"
    fetched = [key_of(venue, step).path[-1] for step in (venue.base, *venue.native)]

    @dg.schedule(
        job=job,
        name=name,
        cron_schedule=TAIL_CRON,
        execution_timezone="UTC",
        description=f"Brings the current month of every {venue.venue} market up to date.",
        default_status=default_status(),
    )
    def tail(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        slugs = context.instance.get_dynamic_partitions(str(markets_of(venue.venue).name))
        if not slugs:
            return dg.SkipReason(f"no market partitions yet: the universe sensor adds those of {venue.venue}")
        unfinished = dg.RunsFilter(tags={"dagster/schedule_name": name}, statuses=UNFINISHED)
        if earlier := context.instance.get_run_records(unfinished, limit=1):
            return dg.SkipReason(f"run {earlier[0].dagster_run.run_id} of an earlier tick has not finished")
        now = context.scheduled_execution_time
        last = now.strftime(MONTH_FORMAT)
        if last < first_month:
            return dg.SkipReason(f"the universe starts in {first_month}")
        # Dagster fails a range whose first partition is before the universe's.
        first = first_of(now, first_month)
        markets = ", ".join(str(Market.from_slug(slug)) for slug in slugs)
        context.log.info("%s to %s of %s", first, last, markets)
        return dg.RunRequest(
            run_key=f"{venue.venue}|{now.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": f"{slugs[0]}|{first}",
                "dagster/asset_partition_range_end": f"{slugs[-1]}|{last}",
                **FIRST,
            },
            run_config=run_config(venue.venue, fetched, tail=TAIL, patient=True),
        )

    return tail


def instruments_schedule(job: Job) -> dg.ScheduleDefinition:
    """Renews what every venue lists, once a day."""
    return dg.ScheduleDefinition(
        name="instruments_daily",
        job=job,
        cron_schedule=INSTRUMENTS_CRON,
        execution_timezone="UTC",
        description="Renews what every venue lists.",
        default_status=default_status(),
    )
