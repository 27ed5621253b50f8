"""The instance that ships: Dagster accepts it, and it is what its comments say."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.run_coordinator import QueuedRunCoordinator

SHIPPED = Path(__file__).parents[2] / "resources" / "dagster.yaml"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path_factory.mktemp("dagster")
    shutil.copyfile(SHIPPED, folder / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(folder)) as made:
        yield made


def test_nothing_is_told_to_anyone(instance: dg.DagsterInstance):
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled


def test_a_venues_pool_bounds_its_runs(instance: dg.DagsterInstance):
    limits = instance.get_concurrency_config()
    assert limits.pool_config.pool_granularity is not None
    assert limits.pool_config.pool_granularity.value == "run"
    assert limits.pool_config.default_pool_limit == 2
    assert limits.run_queue_config is not None
    assert limits.run_queue_config.max_concurrent_runs == 4
    assert limits.run_queue_config.should_block_op_concurrency_limited_runs


def test_runs_are_started_side_by_side(instance: dg.DagsterInstance):
    queue = instance.run_coordinator
    assert isinstance(queue, QueuedRunCoordinator)
    assert queue.dequeue_use_threads
    assert queue.dequeue_interval_seconds == 1


def test_a_run_whose_worker_died_is_tried_again_and_one_that_failed_is_not(instance: dg.DagsterInstance):
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure
