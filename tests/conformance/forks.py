"""Processes that start in milliseconds: forked from one that has imported everything and touched nothing.

What lives here: ``Nursery``, which asks that process for children; ``Child``, which can be heard, waited for and
killed; the process itself (``python -m tests.conformance.forks``). What does not: what children do (``jobs``).

It never opens a lake: connections and threads (an object store's, a decoder's) do not live through a fork.
"""

import importlib
import json
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

ROOT = Path(__file__).parents[2]
PRELOADED = (
    "tests.conformance.jobs",
    "tests.conformance.looks",
    "tests.conformance.racers",
    "alembic.command",
    "alembic.config",
)

Emit = Callable[[Any], None]
"""What a job says as it goes, one JSON value at a time; whatever it has said is heard although it is killed."""


class ChildFailed(AssertionError):
    """A child raised; the message is its traceback."""


class Child:
    """A process doing one job."""

    def __init__(self, nursery: "Nursery", pid: int, pipe: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._pipe = pipe
        self._heard = b""
        self._over = False
        self._status: int | None = None

    def hear(self, timeout: float = 60) -> Any:
        """The next thing it says; EOFError when it has ended, TimeoutError when it says nothing."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._heard:
            if self._over:
                raise EOFError
            self._listen(deadline)
        line, _, self._heard = self._heard.partition(b"\n")
        said = json.loads(line)
        if isinstance(said, dict) and "traceback" in said:
            raise ChildFailed(said["traceback"])
        return said

    def rest(self, timeout: float = 240) -> list[Any]:
        """Everything it still says until it ends."""
        return list(self._rest(timeout))

    def _rest(self, timeout: float) -> Iterator[Any]:
        deadline = time.monotonic() + timeout
        try:
            while True:
                yield self.hear(max(deadline - time.monotonic(), 0.001))
        except EOFError:
            self.end()

    def kill(self, after: float = 0.0) -> list[Any]:
        """``kill -9`` after so many seconds; everything it had said and nobody heard."""
        time.sleep(after)
        os.kill(self.pid, signal.SIGKILL)
        return self.rest()

    def end(self) -> int:
        """Wait for its end; its exit status (minus the signal that ended it)."""
        if self._status is None:
            os.close(self._pipe)
            self._status = self._nursery.ended(self.pid)
        return self._status

    def _listen(self, deadline: float) -> None:
        ready, _, _ = select.select([self._pipe], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError(f"process {self.pid} says nothing")
        data = os.read(self._pipe, 1 << 16)
        self._heard += data
        self._over = not data


class Nursery:
    """Starts children. Its process ends with it, and all of its children too."""

    def __init__(self, *preloaded: str) -> None:
        """``preloaded`` are modules that its children need besides, imported once."""
        self._door, theirs = socket.socketpair()
        self._living: set[int] = set()
        program = [sys.executable, "-m", "tests.conformance.forks", str(theirs.fileno()), *preloaded]
        self._server = subprocess.Popen(program, cwd=ROOT, pass_fds=[theirs.fileno()])
        theirs.close()

    def start(self, job: Callable[..., None], *args: Any) -> Child:
        """A child that calls ``job(emit, *args)``, a function of a module, and ends."""
        _send(self._door, ("start", job.__module__, job.__name__, args, dict(os.environ)))
        said, (pipe,), _, _ = socket.recv_fds(self._door, 4, 1)
        (pid,) = struct.unpack("!I", said)
        self._living.add(pid)
        return Child(self, pid, pipe)

    def run(self, job: Callable[..., None], *args: Any, timeout: float = 240) -> list[Any]:
        """All that ``job`` said, once it has ended well."""
        return self.start(job, *args).rest(timeout)

    def ended(self, pid: int) -> int:
        """Wait for a child."""
        _send(self._door, ("wait", pid))
        self._living.discard(pid)
        return int(_receive(self._door))

    def end_all(self) -> None:
        """Kill whoever still lives; for a test that has failed half-way."""
        for pid in list(self._living):
            os.kill(pid, signal.SIGKILL)
            self.ended(pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.close()
        self._server.wait(30)


def _send(door: socket.socket, said: Any) -> None:
    data = pickle.dumps(said)
    door.sendall(struct.pack("!I", len(data)) + data)


def _receive(door: socket.socket) -> Any:
    (length,) = struct.unpack("!I", _exactly(door, 4))
    return pickle.loads(_exactly(door, length))  # noqa: S301 - from our own process


def _exactly(door: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = door.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _serve(door: socket.socket, preloaded: Sequence[str]) -> None:
    """Answer until the other end is closed; then end what was started."""
    for name in (*PRELOADED, *preloaded):
        importlib.import_module(name)
    children: set[int] = set()
    try:
        while True:
            said = _receive(door)
            if said[0] == "start":
                children.add(_start(door, *said[1:]))
            else:
                _, status = os.waitpid(said[1], 0)
                children.discard(said[1])
                _send(door, os.waitstatus_to_exitcode(status))
    except EOFError:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _start(door: socket.socket, module: str, name: str, args: tuple[Any, ...], environment: dict[str, str]) -> int:
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ours)
        door.close()
        os.environ.update(environment)
        _work(theirs, getattr(importlib.import_module(module), name), args)
    os.close(theirs)
    socket.send_fds(door, [struct.pack("!I", pid)], [ours])
    os.close(ours)
    return pid


def _work(pipe: int, job: Callable[..., None], args: tuple[Any, ...]) -> NoReturn:
    def emit(value: Any) -> None:
        line = json.dumps(value).encode() + b"\n"
        while line:
            line = line[os.write(pipe, line) :]

    try:
        job(emit, *args)
    finally:
        # Told to the one who asked, who raises it. Nothing of the parent's may be tidied up here.
        if sys.exc_info()[0]:
            emit({"traceback": traceback.format_exc()})
        os._exit(bool(sys.exc_info()[0]))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
