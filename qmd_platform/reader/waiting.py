"""Waiting for what may hang, with an end: the phases of a read, and a fill in the background.

What lives here: threads and clocks. What does not: what is waited for (``reader.strategies``), what follows from a
deadline (``reader.judging``).

Work with a deadline runs in a thread of its own. When the time is over the caller goes on at once; the thread is left to
itself and cannot hold up the end of the process. What it writes to the lake is whole commits, whenever it is stopped.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from types import TracebackType
from typing import TypeVar

from qmd_platform.errors import OutOfTime, Unmet
from qmd_platform.reader.asked import Asked
from qmd_platform.reader.provenance import Read
from qmd_platform.reader.sla import Phase, Reason, Sla
from qmd_platform.reader.stopping import stop_of_this_read

T = TypeVar("T")

RESERVE = 0.1
"""Share of a phase's time that is kept for writing down what has come by then."""

MOST_RESERVED_S = 1.0
"""It is never more than so many seconds."""

LAST_LOOK = 0.2
"""Share of the time of all that is kept for the last look into the lake: what was brought is to be read, too."""

LONGEST_LAST_LOOK_S = 2.0
"""It is never more than so many seconds."""

log = logging.getLogger("qmd_platform.reader")


class CutOff(Exception):
    """A deadline came first; ``reason`` says which. Never seen outside this room."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.sentence)
        self.reason = reason


class _HandedOn:
    """Whatever is raised inside is handed to who waits for ``result``: nobody else could hear it in a thread."""

    def __init__(self, result: "Future[T]") -> None:
        self._result = result

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._result.set_exception(error)
        return True


def in_thread(work: Callable[[], T], name: str) -> "Future[T]":
    """``work`` begun in a daemon thread; its result or its error."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # who stops waiting for it does not cancel it

    def run() -> None:
        with _HandedOn(done):
            done.set_result(work())

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


class Countdown:
    """The time of one read: what each phase may take, what it took."""

    def __init__(self, sla: Sla | None) -> None:
        self._sla = sla or Sla()
        total = self._sla.total_s
        self._ends_at = None if total is None else time.monotonic() + total
        self._last_look = 0.0 if total is None else min(LAST_LOOK * total, LONGEST_LAST_LOOK_S)
        self.seconds: dict[str, float] = {}

    def try_anew(self) -> None:
        """Begin another try: its phases have all of their time again, within what is left of all."""
        self.seconds = {}

    @property
    def left(self) -> float | None:
        """Seconds until the end of it all; None without an end."""
        return None if self._ends_at is None else self._ends_at - time.monotonic()

    @property
    def left_to_fill(self) -> float | None:
        """The same without what is kept for the last look."""
        return None if self.left is None else self.left - self._last_look

    def phase(self, phase: Phase, work: Callable[[float | None], T]) -> T:
        """What ``work`` gives, which is told how many seconds it has to end by itself (None: any).

        Raises:
            CutOff: the deadline of the phase or of all came first. ``work`` has ended by itself, or was left to itself.
        """
        if stop_of_this_read().is_said:
            raise CutOff(Reason.TOTAL_LATE)
        limit, reason = self._limit(phase)
        began = time.monotonic()
        try:
            if limit is None and phase is Phase.STORAGE:
                return work(None)
            # Always in a thread: a notebook has an event loop in this one, which a backfill could not run beside.
            told = None if limit is None else limit - min(RESERVE * limit, MOST_RESERVED_S)
            return _result(in_thread(lambda: work(told), f"qmd-read-{phase.value}"), limit, reason)
        except OutOfTime:
            if limit is None:
                raise
            raise CutOff(reason) from None
        finally:
            self.seconds[phase.value] = self.seconds.get(phase.value, 0.0) + time.monotonic() - began

    def _limit(self, phase: Phase) -> tuple[float | None, Reason]:
        own, left = self._sla.limit(phase), self.left if phase is Phase.STORAGE else self.left_to_fill
        if own is not None and (own := own - self.seconds.get(phase.value, 0.0)) <= 0:
            raise CutOff(Reason.late(phase))
        if left is not None and left <= 0:
            raise CutOff(Reason.TOTAL_LATE)
        if left is not None and (own is None or left < own):
            return left, Reason.TOTAL_LATE
        return own, Reason.late(phase)


def _result(work: "Future[T]", limit: float | None, reason: Reason) -> T:
    try:
        return work.result(limit)
    except TimeoutError:
        if not work.done():
            raise CutOff(reason) from None
        return work.result()  # its own time-out, or it ended at this very moment


FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
"""Between two tries of a read that holds: doubled each time."""


def insisted(asked: Asked, tried: Callable[[Countdown], tuple[Read, Callable[[], Unmet]]]) -> Read:
    """What ``tried`` reads; again and again where the SLA holds, until it is met or the time is over.

    Raises:
        Unmet: what ``tried`` says is to be raised when the read is not met, and the caller wants no less.
    """
    clock, stop = Countdown(asked.sla), stop_of_this_read()
    pause = FIRST_PAUSE_S
    best: Read | None = None
    while True:
        clock.try_anew()
        read, refusal = tried(clock)
        if read.provenance.outcome.is_met:
            return read
        if best is None or not _is_cut_short(read, best):
            best, best_refusal = read, refusal
        left = clock.left_to_fill
        if asked.on_violation != "hold" or left is None or left <= 0 or stop.is_said:
            break
        stop.wait(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE_S)
    if asked.on_violation == "partial" or (asked.is_content and best.provenance.outcome.reason is Reason.COVERAGE):
        return best
    raise best_refusal()


def _is_cut_short(read: Read, before: Read) -> bool:
    """Whether the end of all came into ``read``, which has no more than the try ``before``: that one says why."""
    new, old = read.provenance.outcome, before.provenance.outcome
    return new.reason in {Reason.TOTAL_LATE, Reason.STORAGE_LATE} and new.coverage <= old.coverage


class Filling:
    """A fill in the background. It ends with the process: what it has committed by then stays, the rest is lacking.

    What ends it before its time is logged as a warning, too: who reads a frame alone never waits for it.
    """

    def __init__(self, work: Callable[[], None], series: str) -> None:
        self.series = series
        self._done = in_thread(lambda: self._logged(work), "qmd-read-filling")

    def _logged(self, work: Callable[[], None]) -> None:
        with ExitStack() as stack:  # before who waits is told
            stack.push(self._told)
            work()

    def _told(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if kind is not None:
            log.warning("filling %s in the background failed: %s", self.series, error)
        return False

    def __repr__(self) -> str:
        ended = f"failed: {self.error}" if self.error else "has ended"
        return f"Filling({self.series}: {ended if self.is_done else 'under way'})"

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._done.done()

    @property
    def error(self) -> BaseException | None:
        """What it ended with, where it has and not well."""
        return self._done.exception() if self._done.done() else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, at most ``timeout`` seconds; whether it has.

        Raises:
            QmdError: what made it end, where it did not end well.
        """
        try:
            self._done.result(timeout)
        except TimeoutError:
            if not self._done.done():
                return False
            raise
        return True
