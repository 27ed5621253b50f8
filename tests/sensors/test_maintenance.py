"""The lake's upkeep runs by itself, each job once at a time, never two of them at once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from assets.lake import POOL
from qmd_platform.definitions import build_definitions
from sensors.maintenance import one_at_a_time, pool_sensor, upkeep_jobs, upkeep_schedules
from tests.graph import universe_in

NIGHT = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
NAMES = ["lake_seal", "lake_verify", "lake_vacuum"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance as it ships: pools have room for two where nothing else is said."""
    folder = str(tmp_path_factory.mktemp("instance"))
    shipped = {"telemetry": {"enabled": False}, "concurrency": {"pools": {"default_limit": 2}}}
    with dg.DagsterInstance.local_temp(folder, shipped) as made:
        yield made


@pytest.fixture
def instance(stored: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    yield stored
    for run in stored.get_runs():
        stored.delete_run(run.run_id)
    stored.event_log_storage.delete_concurrency_limit(POOL)


def ticks(instance: dg.DagsterInstance, now: datetime = NIGHT) -> dict[str, dg.RunRequest | dg.SkipReason]:
    """What each job's schedule asks for."""
    asked = {}
    for schedule in upkeep_schedules(upkeep_jobs()):
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=now) as context:
            asked[schedule.job_name] = schedule(context)
    return asked


def test_the_schedules_run_from_the_start_as_they_ask_nothing_of_an_exchange(tmp_path: Path):
    repository = build_definitions(universe_in(tmp_path)).get_repository_def()
    upkeep = [schedule for schedule in repository.schedule_defs if schedule.job_name in NAMES]
    assert sorted(schedule.job_name for schedule in upkeep) == sorted(NAMES)
    assert {schedule.default_status for schedule in upkeep} == {dg.DefaultScheduleStatus.RUNNING}
    assert {schedule.execution_timezone for schedule in upkeep} == {"UTC"}


def test_a_tick_is_one_run_of_its_job_under_a_key_of_its_own(instance: dg.DagsterInstance):
    asked, again = ticks(instance), ticks(instance)
    later = ticks(instance, NIGHT.replace(day=23))
    keys = [one.run_key for one in asked.values() if isinstance(one, dg.RunRequest)]
    assert sorted(asked) == sorted(NAMES)
    assert len(set(keys)) == 3
    assert keys == [one.run_key for one in again.values() if isinstance(one, dg.RunRequest)]
    assert not set(keys) & {one.run_key for one in later.values() if isinstance(one, dg.RunRequest)}


def test_while_a_run_of_the_job_is_unfinished_no_other_is_asked_for(instance: dg.DagsterInstance):
    waiting = dg.DagsterRun(job_name="lake_verify", run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED)
    instance.add_run(waiting)
    asked = ticks(instance)
    assert isinstance(asked["lake_verify"], dg.SkipReason)
    assert waiting.run_id in str(asked["lake_verify"].skip_message)
    assert isinstance(asked["lake_seal"], dg.RunRequest)
    instance.report_run_failed(waiting)
    assert isinstance(ticks(instance)["lake_verify"], dg.RunRequest)


def test_every_upkeep_asset_takes_its_place_in_the_one_pool(tmp_path: Path):
    definitions = build_definitions(universe_in(tmp_path))
    for name in NAMES:
        job = definitions.resolve_job_def(name)
        assert {pool for node in job.nodes for pool in node.definition.pools} == {POOL}


def test_the_pool_has_room_for_one_run_whoever_changes_it(instance: dg.DagsterInstance):
    def limit() -> int | None:
        found = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
        return found.get(POOL)

    with dg.build_sensor_context(instance=instance) as context:
        assert "now has room for one run" in str(pool_sensor()(context).skip_message)
        assert limit() == 1
        assert not one_at_a_time(instance)
        instance.event_log_storage.set_concurrency_slots(POOL, 5)
        pool_sensor()(context)
    assert limit() == 1


def test_a_limit_of_the_default_is_made_one_of_its_own(instance: dg.DagsterInstance):
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    assert one_at_a_time(instance)
    assert [(pool.limit, pool.from_default) for pool in instance.event_log_storage.get_pool_limits()] == [(1, False)]
