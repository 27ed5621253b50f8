"""Dagster's history moved from SQLite to PostgreSQL: the new instance answers as the old one did, and goes on."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import psycopg2
import pytest
from dagster._daemon.types import DaemonHeartbeat

from qmd_platform.cli.instance import dagster_url
from resources.moving import Moved, move
from resources.sqlite_records import MoveRefused
from tests.resources import history
from tests.services import fresh_database

CHECKOUT = Path(__file__).parents[2]
POSTGRES_YAML = "telemetry: {enabled: false}\nstorage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}\n"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance in SQLite files that has lived through something. Only read it."""
    folder = tmp_path_factory.mktemp("lived")
    with history.instance_in(folder) as instance:
        history.make(instance)
    return folder


@pytest.fixture
def folder(lived: Path, tmp_path: Path) -> Path:
    """A copy of it to do something to."""
    return Path(shutil.copytree(lived, tmp_path / "dagster"))


@pytest.fixture
def database(postgres: str) -> str:
    return fresh_database(postgres)


@pytest.fixture
def url(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database as Dagster is told of it."""
    url = dagster_url(database)
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)
    return url


@pytest.fixture
def moved(folder: Path, url: str) -> Moved:
    return move(folder, url)


@pytest.fixture
def arrived(moved: Moved, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with history.instance_in(tmp_path / "elsewhere", POSTGRES_YAML) as instance:
        yield instance


def count(database: str, table: str) -> int:
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - the tests' own names
        return int(cursor.fetchone()[0])


def test_the_new_instance_answers_every_question_as_the_old_one(lived: Path, arrived: dg.DagsterInstance):
    with dg.DagsterInstance.from_config(str(lived)) as old:
        before = history.answers(old)
    after = history.answers(arrived)
    assert len(before["runs"]) == 6
    assert before["assets"][history.SPREAD]["partitions"] == {"monday", "tuesday", "wednesday"}
    assert len(before["checks"]) == 4
    for question, answer in before.items():
        assert after[question] == answer, question


def test_every_event_arrives_once_under_a_number_of_its_own(arrived: dg.DagsterInstance, database: str):
    logs = [event for run in arrived.get_runs() for event in arrived.all_logs(run.run_id)]
    assert count(database, "event_logs") == len(logs) + 3  # three are of no run: two reports and a wipe
    in_order = [event.timestamp for event in arrived.all_logs(arrived.get_runs()[0].run_id, of_type=history.STEPS)]
    assert in_order == sorted(in_order)


def test_what_is_written_afterwards_is_newer_than_what_was_moved(arrived: dg.DagsterInstance):
    before = arrived.get_latest_materialization_event(history.PRICES)
    known = {record.storage_id for record in arrived.get_run_records()}
    assert history.run(arrived, history.PRICES, partition_key="sound").success
    after = arrived.get_latest_materialization_event(history.PRICES)
    assert before is not None
    assert after is not None
    assert after.timestamp > before.timestamp
    assert after.run_id == arrived.get_runs(limit=1)[0].run_id
    assert arrived.get_run_records(limit=1)[0].storage_id > max(known)
    arrived.add_dynamic_partitions("markets", ["later"])
    assert "later" in arrived.get_dynamic_partitions("markets")


def test_a_second_move_does_nothing_and_says_so(moved: Moved, folder: Path, url: str, database: str):
    events = count(database, "event_logs")
    again = move(folder, url)
    assert (again.is_new, again.rows) == (False, moved.rows)
    assert count(database, "event_logs") == events


def test_the_files_stay_as_they_are(lived: Path, folder: Path, moved: Moved):
    with dg.DagsterInstance.from_config(str(lived)) as before, dg.DagsterInstance.from_config(str(folder)) as after:
        assert history.answers(after) == history.answers(before)


def test_a_database_with_another_instances_records_is_refused_and_left_alone(folder: Path, url: str, tmp_path: Path):
    with history.instance_in(tmp_path / "theirs", POSTGRES_YAML) as theirs:
        theirs.add_run(dg.DagsterRun(job_name="theirs", run_id=str(uuid4())))
    with pytest.raises(MoveRefused, match=r"already holds .* 1 runs") as refused:
        move(folder, url)
    assert "empty database" in refused.value.hint
    with history.instance_in(tmp_path / "theirs", POSTGRES_YAML) as theirs:
        assert [run.job_name for run in theirs.get_runs()] == ["theirs"]
        assert theirs.get_dynamic_partitions("markets") == []


def test_a_move_that_breaks_off_leaves_nothing_and_can_be_made_again(folder: Path, url: str, database: str):
    class Broken(RuntimeError): ...

    def broken(table: str, done: int, total: int) -> None:
        if table == "asset_keys":
            raise Broken

    with pytest.raises(Broken):
        move(folder, url, broken)
    assert [count(database, table) for table in ("runs", "event_logs", "dynamic_partitions")] == [0, 0, 0]
    assert move(folder, url).is_new


def test_a_move_that_is_killed_leaves_nothing_and_can_be_made_again(folder: Path, url: str, database: str):
    environment = os.environ | {"DAGSTER_HOME": str(folder), "DAGSTER_POSTGRES_URL": url}
    command = [sys.executable, "-W", "ignore", "-m", "resources.moving"]
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = next(line for line in program.stdout if '"event_logs"' in line)
        program.kill()
    assert json.loads(said)["progress"][0] == "event_logs"
    assert [count(database, table) for table in ("runs", "event_logs", "dynamic_partitions")] == [0, 0, 0]
    assert move(folder, url).is_new


def test_progress_reaches_the_whole_of_every_table(folder: Path, url: str):
    told: dict[str, tuple[int, int]] = {}
    moved = move(folder, url, lambda table, done, total: told.update({table: (done, total)}))
    assert told == {table: (rows, rows) for table, rows in moved.rows.items() if rows}


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
def test_a_run_in_progress_is_a_reason_to_wait(folder: Path, url: str, status: dg.DagsterRunStatus):
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.add_run(dg.DagsterRun(job_name="x", run_id=str(uuid4()), status=status))
    with pytest.raises(MoveRefused, match=r"1 runs in .* have not ended"):
        move(folder, url)


@pytest.mark.parametrize(("age", "is_refused"), [(10, True), (300, False)])
def test_a_daemon_at_work_is_a_reason_to_wait(folder: Path, url: str, age: int, *, is_refused: bool):
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, "SENSOR", "some-id"))
    if not is_refused:
        assert move(folder, url).is_new
        return
    with pytest.raises(MoveRefused, match="Dagster is running") as refused:
        move(folder, url)
    assert "end `qmd dev`" in refused.value.hint


def test_an_event_the_index_lost_is_in_its_runs_log_and_nowhere_else(folder: Path, url: str, tmp_path: Path):
    """A writer killed between a run's file and the index leaves such an event."""
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        storage: Any = instance.event_log_storage
        with storage.index_connection() as connection:
            lost = "DELETE FROM event_logs WHERE dagster_event_type = 'PIPELINE_FAILURE'"
            assert connection.exec_driver_sql(lost).rowcount == 1
        before = history.answers(instance)
    move(folder, url)
    with history.instance_in(tmp_path / "elsewhere", POSTGRES_YAML) as arrived:
        after = history.answers(arrived)
    assert before["failures"] == after["failures"] == []
    assert after["logs"] == before["logs"]


def test_a_database_that_does_not_answer_is_named_without_its_password(folder: Path):
    nobody = dagster_url("postgresql://qmd:s3cret@127.0.0.1:1/qmd")
    with pytest.raises(MoveRefused, match="port 1 failed") as refused:
        move(folder, nobody)
    assert "s3cret" not in str(refused.value)
