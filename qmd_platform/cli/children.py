"""Child processes that never outlive us.

What lives here: starting a program in a process group of its own, passing signals on to it, ending it. What does
not: which programs (``cli.dev``, ``cli.demo``).
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

GRACE_SECONDS = 15.0
"""How long a child may take to end after SIGTERM before it is killed."""


@contextmanager
def child(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None, log: IO[str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """``command`` as a process; when the block is left, however, it is ended with all it started.

    It has a process group of its own, so Ctrl-C at the terminal reaches us alone and we say what happens next.

    Args:
        command: program and arguments.
        env: its whole environment.
        cwd: where it is started.
        log: where its stderr goes; stdin and stdout are then pipes to us. None: all three are our own.
    """
    pipe = None if log is None else subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603 - the command lines are our own, not a stranger's
        command, env=dict(env), cwd=cwd, stdin=pipe, stdout=pipe, stderr=log, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str], first: signal.Signals = signal.SIGTERM) -> None:
    """Ask the process group to end, and kill what is left of it after a while."""
    if process.poll() is None:
        process.send_signal(first)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does, so that every ``finally`` is run."""

    def raised(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, raised) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
