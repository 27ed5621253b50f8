"""The instance that ships: Dagster accepts it, and it is what its comments say."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dagster as dg
import psycopg2
import pytest
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from qmd_platform.cli.instance import dagster_home, dagster_url
from resources.launcher import WatchedRunLauncher
from tests.services import fresh_database

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def in_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    folder = dagster_home(tmp_path_factory.mktemp("home"), CHECKOUT, None)
    with dg.DagsterInstance.from_config(str(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def in_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """The same with its state in PostgreSQL, in the database of a user called as the ledger's schema."""
    database = fresh_database(postgres)
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA qmd")
        cursor.execute("CREATE TABLE qmd.alembic_version (version_num TEXT)")
        cursor.execute("INSERT INTO qmd.alembic_version VALUES ('the ledger')")
    folder = dagster_home(tmp_path_factory.mktemp("team"), CHECKOUT, database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_POSTGRES_URL", dagster_url(f"{database}?schema=qmd"))
        with dg.DagsterInstance.from_config(str(folder)) as made:
            yield made


@pytest.fixture(params=["in_files", pytest.param("in_postgres", marks=pytest.mark.postgres)])
def instance(request: pytest.FixtureRequest) -> dg.DagsterInstance:
    """An instance as `qmd dev` makes it."""
    made: dg.DagsterInstance = request.getfixturevalue(request.param)
    return made


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
    assert instance.run_retries_max_retries == 3
    assert not instance.run_retries_retry_on_asset_or_op_failure


def test_whether_a_runs_process_lives_is_asked_and_a_run_that_hangs_is_ended(instance: dg.DagsterInstance):
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    assert instance.run_launcher.supports_check_run_worker_health
    assert instance.run_monitoring_max_runtime_seconds == 4 * 3600
    assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 30


def test_a_terminal_is_not_filled_with_every_event_of_a_run(instance: dg.DagsterInstance):
    assert instance.python_log_level == "INFO"


def test_on_postgresql_runs_events_and_schedules_are_all_there(in_postgres: dg.DagsterInstance):
    assert isinstance(in_postgres.run_storage, PostgresRunStorage)
    assert isinstance(in_postgres.event_log_storage, PostgresEventLogStorage)
    assert isinstance(in_postgres.schedule_storage, PostgresScheduleStorage)
    run = dg.DagsterRun(job_name="x", run_id=str(uuid4()))
    in_postgres.add_run(run)
    assert in_postgres.get_run_by_id(run.run_id) is not None


def test_dagsters_tables_are_beside_the_ledgers_and_neither_sees_the_other(in_postgres: dg.DagsterInstance):
    storage = in_postgres.run_storage
    assert isinstance(storage, PostgresRunStorage)
    with storage.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT schemaname, tablename FROM pg_tables WHERE tablename ~ '^(runs|alemb)'"
        )
        assert set(found.all()) == {("public", "runs"), ("public", "alembic_version"), ("qmd", "alembic_version")}
        assert connection.exec_driver_sql("SELECT version_num FROM qmd.alembic_version").all() == [("the ledger",)]
