"""The serving stores loaded with what has changed, every hour.

What lives here: when. What does not: what is loaded (``assets.publishing``).

The schedules do not run until a person starts them: a store has to be named in the settings first.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.publishing import STORES
from sensors.schedules import not_finished

CRON = "15 * * * *"
"""Past the hour, when the tails of the longer candles are there."""


def publishing_jobs() -> list[Job]:
    """``publish_postgres`` and ``publish_questdb``: all tables of a store, then their checks."""
    return [
        dg.define_asset_job(
            f"publish_{store}",
            selection=dg.AssetSelection.key_prefixes([store]),
            description=f"What has changed in the lake, to {name}.",
        )
        for store, name in STORES.items()
    ]


def publishing_schedules(jobs: list[Job]) -> list[dg.ScheduleDefinition]:
    """A schedule for each of ``publishing_jobs``."""
    return [_schedule(job) for job in jobs]


def _schedule(job: Job) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=job,
        name=job.name,
        cron_schedule=CRON,
        execution_timezone="UTC",
        description="Loads every hour what has changed, and compares. Needs the store's address in the settings.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if busy := not_finished(context, job):
            return busy
        return dg.RunRequest(run_key=f"{job.name}|{context.scheduled_execution_time.isoformat()}")

    return tick
