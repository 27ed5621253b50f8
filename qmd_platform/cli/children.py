"""Child processes, ended when we end.

What lives here: starting a program in a process group of its own, and ending it however we are ended (short of
SIGKILL, of which nobody hears). What does not: which programs (``cli.dev``, ``cli.workers``).
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

STDERR = 2
"""File descriptor."""

GRACE_SECONDS = 15.0
"""How long a child may take to end after SIGINT before it is killed."""


def started(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path | None = None
) -> subprocess.Popen[str]:
    """``command`` as a process with a group of its own, so that Ctrl-C at the terminal reaches us alone.

    Args:
        command: program and arguments.
        env: its whole environment.
        cwd: where it is started.
        log: file for its stderr; stdin and stdout are then pipes to us. None: what it says goes to our stderr,
            because our stdout is for answers.
    """
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
        )


@contextmanager
def ended(processes: Sequence[subprocess.Popen[str]]) -> Iterator[None]:
    """However the block is left, the processes are ended, with all they started.

    Their stdin is closed, and they are asked with SIGINT, which Dagster's programs understand: they mark a run
    they are in as stopped. What is left of them after a while is killed.
    """
    try:
        yield
    finally:
        for process in processes:
            _closed(process.stdin)
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
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
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def raised(number: int, frame: FrameType | None) -> None:
        for other in ends:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, raised) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
