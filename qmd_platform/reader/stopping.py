"""Ending what a read has begun when nobody waits for it any more: a task that is cancelled, a cell that is interrupted.

What lives here: the word, and which read goes by which. What does not: deadlines, which end a read that somebody waits for
(``reader.waiting``).
"""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Stop:
    """Said when nobody waits for a read any more: what it fills ends, and it begins no other phase and no other try.

    ``with stop:`` says it when what is inside is interrupted.
    """

    def __init__(self) -> None:
        self._said = threading.Event()
        self._ends: list[Callable[[], None]] = []

    def say(self) -> None:
        """Say it, in any thread, once or again."""
        self._said.set()
        while self._ends:
            self._ends.pop()()

    def also(self, end: Callable[[], None]) -> None:
        """Have ``end`` called when it is said; at once if it has been."""
        self._ends.append(end)
        if self.is_said:
            self.say()

    @property
    def is_said(self) -> bool:
        """Whether it has been."""
        return self._said.is_set()

    def wait(self, seconds: float) -> None:
        """Until it is said, at most so long."""
        self._said.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.say()


_STOP: ContextVar[Stop | None] = ContextVar("stop", default=None)


def going_by(stop: Stop, work: Callable[[], T]) -> Callable[[], T]:
    """``work``, for a thread of its own; what it reads goes by ``stop``."""

    def run() -> T:
        _STOP.set(stop)
        return work()

    return run


def stop_of_this_read() -> Stop:
    """What this thread's read goes by."""
    return _STOP.get() or Stop()
