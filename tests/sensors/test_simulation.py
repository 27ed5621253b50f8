"""When the simulation is made: daily, the current month, and the month before while it may still gain its last hours."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from sensors.simulation import simulation_job, simulation_schedule

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def test_a_tick_asks_for_the_month_and_on_its_first_day_for_the_one_before(tmp_path: Path):
    schedule = simulation_schedule(simulation_job(), "2024-02")

    def tick(month: int, day: int) -> dg.RunRequest | dg.SkipReason:
        now = datetime(2024, month, day, 0, 50, tzinfo=UTC)
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=now) as context:
            return schedule(context)

    with dg.DagsterInstance.local_temp(str(tmp_path), {"telemetry": {"enabled": False}}) as instance:
        asked = [tick(3, 2), tick(3, 1), tick(2, 1)]
        assert [[one.tags[name] for name in RANGE] for one in asked] == [
            ["2024-03", "2024-03"],
            ["2024-02", "2024-03"],
            ["2024-02", "2024-02"],
        ]
        run = dg.DagsterRun(job_name="simulation", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
        left = tick(3, 2)
        assert isinstance(left, dg.SkipReason)
        assert run.run_id in str(left.skip_message)
