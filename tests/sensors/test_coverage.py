"""The coverage schedule: one run for all venues, from the start, and never two at once."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from qmd_platform.config import load_universe
from qmd_platform.definitions import build_definitions
from sensors.coverage import coverage_job, coverage_schedule

UNIVERSE = """
start = "2026-01-01"
[venues.binance]
markets = ["BTC/USDT"]
[venues.gate]
markets = ["BTC/USDT"]
"""


@pytest.fixture
def definitions(tmp_path: Path) -> dg.Definitions:
    path = tmp_path / "universe.toml"
    path.write_text(UNIVERSE)
    return build_definitions(load_universe(path))


def test_one_run_counts_every_venue(definitions: dg.Definitions):
    job = definitions.resolve_job_def("coverage")
    assert {key.path[0] for key in job.asset_layer.executable_asset_keys} == {"binance", "gate"}
    assert {key.path[1] for key in job.asset_layer.executable_asset_keys} == {"coverage"}


def test_it_runs_from_the_start_and_leaves_a_run_that_has_not_finished_alone(
    tmp_path: Path, definitions: dg.Definitions
):
    schedule = coverage_schedule(coverage_job(load_universe(tmp_path / "universe.toml")))
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    at = datetime(2026, 11, 21, 12, 15, tzinfo=UTC)
    folder = tmp_path / "instance"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder), {"telemetry": {"enabled": False}}) as instance:

        def tick() -> object:
            with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
                return schedule(context)

        asked = tick()
        assert isinstance(asked, dg.RunRequest)
        assert asked.run_key == f"coverage|{at.isoformat()}"
        instance.create_run_for_job(definitions.resolve_job_def("coverage"), status=dg.DagsterRunStatus.STARTED)
        assert isinstance(tick(), dg.SkipReason)
