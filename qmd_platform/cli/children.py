"""Child processes, ended when we end.

What lives here: starting a program in a process group of its own, and ending it however we are ended; what a process has
started. What does not: which programs (``cli.services``, ``cli.workers``).
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

STDERR = 2
"""File descriptor."""

GRACE_SECONDS = 15.0
"""How long a child may take to end after SIGINT before it is killed."""

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that ask us to end."""

PR_SET_PDEATHSIG = 1
"""Linux: have the kernel send a signal when the parent dies."""


def started(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path | None = None, with_us: bool = False
) -> subprocess.Popen[str]:
    """``command`` as a process with a group of its own, so that Ctrl-C at the terminal reaches us alone.

    Args:
        command: program and arguments.
        env: its whole environment.
        cwd: where it is started.
        log: file for its stderr; stdin and stdout are then pipes to us. None: what it says goes to our stderr,
            because our stdout is for answers.
        with_us: end it with SIGTERM when we are killed, where the system can do that (Linux).
    """
    # While a process is copied, Python runs hooks and only prints what is raised in them: a KeyboardInterrupt there ends
    # nothing, and who listens to the first signal alone could not be ended any more.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    process = None
    try:
        process = _copied(command, env, cwd, log, with_us=with_us)
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)  # raises what came meanwhile
        except KeyboardInterrupt:
            if process is not None:  # nobody else knows of it
                process.kill()
                process.wait()
            raise
    return process


def _copied(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path | None, *, with_us: bool
) -> subprocess.Popen[str]:
    with ExitStack() as stack:
        streams: tuple[int | None, int, int] = (None, STDERR, STDERR)
        if log is not None:
            streams = (subprocess.PIPE, subprocess.PIPE, stack.enter_context(log.open("w")).fileno())
        stdin, stdout, stderr = streams
        return subprocess.Popen(  # noqa: S603 - the command lines are our own, not a stranger's
            command,
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
            preexec_fn=partial(_prepared, with_us=with_us),  # noqa: PLW1509 - a few calls of the system's, no locks
        )


def _prepared(*, with_us: bool) -> None:
    """In the child, before it is the program: it can be ended by signals, whatever we were started with.

    A shell that starts us in the background has us ignore SIGINT, and what is ignored is inherited.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
    if with_us and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def offspring(pid: int) -> set[int] | None:
    """Process ids of the living children of ``pid``; None where the system does not tell."""
    if Path("/proc/self/task").is_dir():
        files = Path(f"/proc/{pid}/task").glob("*/children")
        found = {int(child) for file in files for child in _read(file).split()}
        return {child for child in found if ") Z " not in _read(Path(f"/proc/{child}/stat"))}
    if (ps := shutil.which("ps")) is None:
        return None
    listed = subprocess.run([ps, "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=False)  # noqa: S603 - the system's own program
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(child) for child, parent, state, *_ in rows if int(parent) == pid and not state.startswith("Z")}


def _read(file: Path) -> str:
    """Its text; empty once the process is gone."""
    with suppress(OSError):
        return file.read_text()
    return ""


@contextmanager
def ended(processes: Sequence[subprocess.Popen[str]], number: signal.Signals = signal.SIGINT) -> Iterator[None]:
    """However the block is left, the processes are ended, with all they started.

    Their stdin is closed, and they are asked with the signal ``number``. SIGINT is what Dagster's programs understand: they
    mark a run they are in as stopped. What is left of them after a while is killed.
    """
    try:
        yield
    finally:
        for process in processes:
            _closed(process.stdin)
            if process.poll() is None:
                process.send_signal(number)
        for process in processes:
            _killed(process)


def _killed(process: subprocess.Popen[str]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _closed(process.stdout)


def _closed(stream: IO[str] | None) -> None:
    if stream is not None:
        with suppress(BrokenPipeError):
            stream.close()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does, so that every ``finally`` is run.

    Once: an impatient second Ctrl-C must not stop us from ending our children.
    """

    def raised(number: int, frame: FrameType | None) -> None:
        for other in ENDS:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, raised) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
