"""Programs that are kept running: which death is noticed, how long is waited, when it is given up."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from qmd_platform.cli import services
from qmd_platform.cli.children import offspring, started
from qmd_platform.cli.services import (
    FIRST_WAIT,
    GIVE_UP,
    HEALTHY_SECONDS,
    LONGEST_WAIT,
    LONGEST_WAIT_AFTER_KILL,
    PATIENCE_SECONDS,
    Service,
    Supervisor,
)

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def ended_with(code: int) -> "subprocess.Popen[str]":
    """A process that is over: ended by itself, or killed (-9)."""
    line = f"import os; os.kill(os.getpid(), 9) if {code} < 0 else os._exit({code})"
    process = subprocess.Popen([sys.executable, "-S", "-c", line], text=True)
    process.wait()
    return process


def dead_after(*lives: float, code: int = 1) -> tuple[Service, list[float]]:
    """A service that died after living so long, again and again; what was waited each time."""
    service, process = Service("x", []), ended_with(code)
    now = 1000.0
    waits = []
    for life in lives:
        service.began, service.process = now, process
        now += life
        waits.append(service.fallen(now))
    return service, waits


def test_the_first_restart_is_quick_and_each_further_one_slower_up_to_half_a_minute():
    _, waits = dead_after(*[1.0] * 9)
    assert waits[:4] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT, 8 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT


def test_who_is_killed_again_and_again_does_not_wait_for_long():
    _, waits = dead_after(*[1.0] * 9, code=-9)
    assert waits == [1, 2, *[LONGEST_WAIT_AFTER_KILL] * 7]


def test_who_has_lived_for_a_while_is_started_again_quickly():
    _, waits = dead_after(1.0, 1.0, 1.0, HEALTHY_SECONDS, 1.0)
    assert waits == [1, 2, 4, 1, 2]


def test_what_never_lived_is_given_up_and_what_once_did_is_not():
    never, _ = dead_after(*[1.0] * GIVE_UP)
    once, _ = dead_after(HEALTHY_SECONDS, *[1.0] * 50)
    almost, _ = dead_after(*[1.0] * (GIVE_UP - 1))
    killed, _ = dead_after(*[1.0] * 50, code=-9)
    assert never.is_hopeless
    assert not killed.is_hopeless
    assert not once.is_hopeless
    assert not almost.is_hopeless


def test_a_program_that_cannot_be_started_ends_the_command_with_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(services, "FIRST_WAIT", 0.01)
    said: list[str] = []
    broken = Service("daemon", [sys.executable, "-c", "raise SystemExit(3)"])
    assert Supervisor([broken, Service("webserver", SLEEPS)], {}, tmp_path, said.append).run() == 1
    assert "the daemon ended with 3; it is started again" in said[0]
    assert f"ended {GIVE_UP} times" in said[-1]


def test_a_killed_program_is_started_again_and_all_end_with_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(services, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(services, "FIRST_WAIT", 0.01)
    said: list[str] = []
    service = Service("daemon", SLEEPS)
    supervisor = Supervisor([service], {}, tmp_path, said.append)
    seen: list[int] = []

    def kill_it_twice() -> None:
        for _ in range(2):
            while service.process is None or service.process.pid in seen:
                time.sleep(0.01)
            seen.append(service.process.pid)
            service.process.kill()
        while service.process is None or service.process.pid in seen:
            time.sleep(0.01)
        service.failures = GIVE_UP  # ends the supervisor

    thread = threading.Thread(target=kill_it_twice)
    thread.start()
    supervisor.run()
    thread.join()
    assert [line.count("was killed by signal 9") for line in said[:2]] == [1, 1]
    assert len(supervisor.ever) == 3
    assert all(process.poll() is not None for process in supervisor.ever)


def test_programs_can_be_interrupted_even_if_we_are_told_to_ignore_it(tmp_path: Path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        program = started(SLEEPS, env={}, cwd=tmp_path)
        time.sleep(0.5)
        program.send_signal(signal.SIGINT)
        assert program.wait(10) != 0
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a child of its parent's death")
def test_programs_end_when_who_started_them_is_killed(tmp_path: Path):
    program = (
        "import sys, time; from pathlib import Path; from qmd_platform.cli.children import started;"
        f"print(started({SLEEPS!r}, env={{}}, cwd=Path({str(tmp_path)!r}), with_us=True).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Path("/proc", parent.stdout.readline().strip(), "cmdline")
        assert child.exists()
        parent.kill()
    until = time.monotonic() + 10
    while child.exists() and child.read_text():  # a process that is over and not yet waited for has none
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="another way of looking there")
def test_a_program_whose_inner_process_is_gone_counts_as_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(services, "CHILDLESS_SECONDS", 0.2)
    # It does not wait for its child, as Dagster's code server does not.
    program = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
    process = started([sys.executable, "-c", program], env={}, cwd=tmp_path, with_us=True)
    service = Service("code server", [], has_inner=True, process=process)
    try:
        while not offspring(process.pid):
            assert service.died(time.monotonic()) == ""
            time.sleep(0.01)
        assert service.died(time.monotonic()) == ""
        for child in offspring(process.pid) or ():
            subprocess.run(["kill", "-9", str(child)], check=True)
        until = time.monotonic() + 10
        while not (how := service.died(time.monotonic())):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert how == "has lost its inner process"
    finally:
        process.kill()
        process.wait()


def test_nothing_is_started_before_what_it_needs_and_nothing_waits_for_ever(tmp_path: Path):
    there: list[bool] = []
    service = Service("daemon", SLEEPS, after=lambda: bool(there))
    supervisor = Supervisor([service], {}, tmp_path, lambda line: None)
    try:
        supervisor.look_after(service, 1000.0)
        assert service.process is None
        supervisor.look_after(service, 1000.0 + PATIENCE_SECONDS / 2)
        assert service.process is None
        supervisor.look_after(service, 1001.0 + PATIENCE_SECONDS)
        assert service.process is not None
    finally:
        for process in supervisor.ever:
            process.kill()
            process.wait()


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from qmd_platform.cli.children import ended_by_signals, started

def ask():
    if not asked:
        asked.append(os.kill(os.getpid(), signal.SIGTERM))

asked = []
os.register_at_fork(after_in_parent=ask)
with ended_by_signals():
    started([sys.executable, "-c", "import time; time.sleep(60)"], env=dict(os.environ), cwd=Path.cwd(), with_us=True)
    print("nothing was heard")
"""


def test_a_signal_that_comes_while_a_program_is_being_started_is_heard():
    """Python only prints what a handler raises in a hook of a fork: the service could not be ended any more."""
    found = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False)
    assert (found.stdout, found.returncode) == ("", -signal.SIGINT)
    assert "Exception ignored" not in found.stderr
