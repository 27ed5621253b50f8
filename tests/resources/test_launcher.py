"""Which process is a run's worker, and whether it lives."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus

from resources.launcher import HOST_TAG, WatchedRunLauncher, is_alive

A_YEAR = 3600 * 24 * 365


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    # Whatever the tests were started with: what a shell starts in the background ignores SIGINT.
    program = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); print(1, flush=True); time.sleep(60)"
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert started.stdout is not None
    assert started.stdout.readline()
    yield started
    started.kill()
    started.wait()
    started.stdout.close()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    settings = {
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "resources.launcher", "class": "WatchedRunLauncher"},
    }
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance")), settings) as made:
        yield made


def run_of(instance: dg.DagsterInstance, pid: int, host: str) -> dg.DagsterRun:
    """A run that told Dagster its process, as runs do."""
    run = dg.DagsterRun("x", str(uuid4()), status=dg.DagsterRunStatus.STARTED, tags={HOST_TAG: host})
    instance.add_run(run)
    told = EngineEventData.in_process(pid)
    instance.report_engine_event(f"Started process for run (pid: {pid}).", run, told)
    return run


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> WorkerStatus:
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchedRunLauncher)
    return launcher.check_run_worker_health(run).status


def test_a_process_is_alive_until_it_is_killed_and_also_dead_while_nobody_waited_for_it(
    process: "subprocess.Popen[bytes]",
):
    assert is_alive(process.pid, time.time())
    process.send_signal(signal.SIGKILL)
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.exists() and ") Z" not in stat.read_text():
        time.sleep(0.01)
    assert not is_alive(process.pid, time.time())
    process.wait()
    assert not is_alive(process.pid, time.time())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell when a process began")
def test_a_process_that_was_given_the_number_later_is_not_the_one(process: "subprocess.Popen[bytes]"):
    assert not is_alive(process.pid, time.time() - A_YEAR)


def test_a_run_whose_process_is_gone_is_found(instance: dg.DagsterInstance, process: "subprocess.Popen[bytes]"):
    run = run_of(instance, process.pid, os.uname().nodename)
    assert health(instance, run) is WorkerStatus.RUNNING
    process.kill()
    process.wait()
    assert health(instance, run) is WorkerStatus.NOT_FOUND


def test_a_run_of_another_machine_is_left_to_that_machine(instance: dg.DagsterInstance):
    assert health(instance, run_of(instance, 2**22 - 1, "elsewhere")) is WorkerStatus.RUNNING


def test_a_run_without_its_code_server_is_ended_by_a_signal(
    instance: dg.DagsterInstance, process: "subprocess.Popen[bytes]"
):
    run = run_of(instance, process.pid, os.uname().nodename)
    assert instance.run_launcher.terminate(run.run_id)
    assert process.wait(20) != 0
    assert not instance.run_launcher.terminate(run.run_id)
