"""When history is read again: a sample of it every night, a whole month of each series by the week.

What lives here: when. What does not: which windows (``qmd_platform.coverage.sampling``), the reading (``assets.rereading``).
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.rereading import NAME
from sensors.schedules import BEHIND, RUN_SECONDS, default_status, not_finished

CRONS = {
    "nightly": ("15 1 * * *", "Reads a sample of history again every night."),
    "weekly": ("15 5 * * 1", "Reads one month of every series again, each week the next one."),
}


def rereading_job(venue: str) -> Job:
    """The rereading of one venue."""
    return dg.define_asset_job(
        f"{venue}_{NAME}",
        selection=dg.AssetSelection.assets(dg.AssetKey([venue, NAME])),
        description=f"Reads history of {venue} again, to notice what it has changed.",
        tags={"dagster/max_runtime": str(RUN_SECONDS), **BEHIND},
    )


def rereading_schedules(venue: str, job: Job) -> list[dg.ScheduleDefinition]:
    """The nightly and the weekly one."""
    return [_schedule(venue, job, name) for name in CRONS]


def _schedule(venue: str, job: Job, name: str) -> dg.ScheduleDefinition:
    cron, description = CRONS[name]

    @dg.schedule(
        job=job,
        name=f"{venue}_reread_{name}",
        cron_schedule=cron,
        execution_timezone="UTC",
        description=description,
        default_status=default_status(),
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if busy := not_finished(context, job):
            return busy
        at = context.scheduled_execution_time
        config = {"whole_months": name == "weekly", "at": at.date().isoformat()}
        return dg.RunRequest(
            run_key=f"{venue}|{name}|{at.isoformat()}", run_config={"ops": {f"{venue}__{NAME}": {"config": config}}}
        )

    return tick
