"""The lake's upkeep: sealed daily, verified nightly, vacuumed weekly, one after the other.

What lives here: when. What does not: what is done then (``assets.lake``).

These schedules run from the start, unlike the tails: they send nothing to an exchange, and a lake that nobody looks
after keeps every old version and learns of a damaged file too late. Times are at night, UTC; of ticks missed while no
daemon ran, those that find a run of the same job waiting or at work are left out.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.lake import POOL, SEAL, VACUUM, VERIFY
from sensors.schedules import not_finished

CRONS = {
    SEAL: ("30 2 * * *", "Merges the files of months that have ended, daily."),
    VERIFY: ("30 3 * * *", "Proves every night that the files are what the ledger says."),
    VACUUM: ("30 4 * * 0", "Removes what nothing reaches any more, every Sunday."),
}
POOL_SECONDS = 300
"""How often the pool's limit is looked at."""


def upkeep_jobs() -> list[Job]:
    """``lake_seal``, ``lake_verify`` and ``lake_vacuum``: one asset each."""
    return [
        dg.define_asset_job(
            "_".join(key.path), selection=dg.AssetSelection.assets(key), description=description.replace(", daily", "")
        )
        for key, (_, description) in CRONS.items()
    ]


def upkeep_schedules(jobs: list[Job]) -> list[dg.ScheduleDefinition]:
    """A schedule for each of ``upkeep_jobs``."""
    return [_schedule(job, cron, said) for job, (cron, said) in zip(jobs, CRONS.values(), strict=True)]


def _schedule(job: Job, cron: str, description: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=job,
        name=job.name,
        cron_schedule=cron,
        execution_timezone="UTC",
        description=description,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if busy := not_finished(context, job):
            return busy
        return dg.RunRequest(run_key=f"{job.name}|{context.scheduled_execution_time.isoformat()}")

    return tick


def pool_sensor() -> dg.SensorDefinition:
    """Keeps the pool of the lake's upkeep at one run at a time, whoever starts it: a pool's limit is no code."""

    @dg.sensor(
        name="lake_pool",
        description=f"Keeps the pool {POOL!r} at one run at a time: the lake is never sealed and vacuumed at once.",
        minimum_interval_seconds=POOL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if one_at_a_time(context.instance):
            return dg.SkipReason(f"the pool {POOL!r} now has room for one run")
        return dg.SkipReason(f"the pool {POOL!r} has room for one run")

    return tick


def one_at_a_time(instance: dg.DagsterInstance) -> bool:
    """Give the pool room for one run; whether it had another limit."""
    limits = {pool.name: pool for pool in instance.event_log_storage.get_pool_limits()}
    found = limits.get(POOL)
    if found and found.limit == 1 and not found.from_default:
        return False
    instance.event_log_storage.set_concurrency_slots(POOL, 1)
    return True
