"""The one retry layer: what is tried again, after which wait, and when it ends.

What lives here: the loop around one request. What does not: what an answer means (``taxonomy``), budgets
(``throttle``). Nothing else in the platform repeats a request; ccxt's own repetition is off.

It always ends: a transient failure uses up a try; a refusal for speed uses up none, but the waits of one request
together are bounded, and each such refusal in a row waits longer than the one before, so a venue that names no wait
is not hammered. A request stops as soon as the venue has banned this address, whichever worker was told so.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from qmd_platform.errors import Banned, Throttled, VenueDown
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.throttle import Pace

T = TypeVar("T")


Told = Callable[[Exception], None]
_TOLD: ContextVar[Told | None] = ContextVar("told", default=None)


@contextmanager
def telling(told: Told) -> Iterator[None]:
    """Tell ``told`` of every attempt that fails inside, though it is tried again: who gives up early can say why it took long."""
    token = _TOLD.set(told)
    try:
        yield
    finally:
        _TOLD.reset(token)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to keep trying.

    Attributes:
        tries: attempts before a transient failure is final.
        base_seconds: the first wait is at most this long; each next at most twice as long (full jitter).
        cap_seconds: no wait of ours is longer.
        most_waiting_seconds: what one request may wait in total for refusals for speed.
    """

    tries: int = 6
    base_seconds: float = 0.2
    cap_seconds: float = 30.0
    most_waiting_seconds: float = 300.0

    def wait(self, failures: int, dice: random.Random) -> float:
        """Seconds before the next try after ``failures`` (from 1) transient ones: anything up to the doubled base.

        Full jitter, because clients that failed together must not come back together.
        """
        return dice.uniform(0, self._doubled(failures))

    def least_block(self, refusals: int) -> float:
        """Seconds to block at least after ``refusals`` (from 1) refusals for speed in a row."""
        return self._doubled(refusals)

    def _doubled(self, times: int) -> float:
        return float(min(self.base_seconds * 2 ** min(times - 1, 60), self.cap_seconds))


class Meter:
    """Counts one request's traffic wherever it is wanted: the client's total, a partition's own."""

    def __init__(self, *traffics: Traffic) -> None:
        self._traffics = traffics

    def request(self) -> None:
        """An attempt goes out."""
        for traffic in self._traffics:
            traffic.requests += 1

    def answer(self, size: int) -> None:
        """``size`` bytes of body came in, as decoded."""
        for traffic in self._traffics:
            traffic.bytes += size

    def retry(self) -> None:
        """The same request will be sent again."""
        for traffic in self._traffics:
            traffic.retries += 1

    def waited(self, seconds: float) -> None:
        """Time spent waiting on purpose."""
        for traffic in self._traffics:
            traffic.waits_seconds += seconds

    def failure(self, error: Exception) -> None:
        """An attempt that came to nothing."""
        name = type(error).__name__
        for traffic in self._traffics:
            traffic.failures[name] = traffic.failures.get(name, 0) + 1
        if (told := _TOLD.get()) is not None:
            told(error)


class Retry:
    """Asks until there is an answer or no sense in asking. One instance serves all requests of a client."""

    def __init__(self, venue: str, pace: Pace, patience: Patience, dice: random.Random) -> None:
        self._venue = venue
        self._pace = pace
        self._patience = patience
        self._dice = dice

    async def answer(self, ask: Callable[[], Awaitable[T]], meter: Meter) -> T:
        """What ``ask`` returns, asked as often as ``Patience`` allows.

        Raises:
            Banned: the venue banned this address; also for every later request, until the ban is over.
            VenueDown: failing still after the last try, or asked to wait longer than we do.
            VenueError: permanent, as ``ask`` raised it.
        """
        failures = refusals = 0
        waited = 0.0
        while True:
            self.check()
            try:
                return await ask()
            except Banned as error:
                meter.failure(error)
                await self._pace.ban(error)
                raise
            except Throttled as error:
                meter.failure(error)
                refusals += 1
                block = max(error.retry_after, self._patience.least_block(refusals))
                waited += block
                await self._pace.penalise(block)
                if waited > self._patience.most_waiting_seconds:
                    raise self._waits_too_long(waited) from error
            except VenueDown as error:
                meter.failure(error)
                failures += 1
                if failures >= self._patience.tries:
                    raise
                pause = self._patience.wait(failures, self._dice)
                await asyncio.sleep(pause)
                meter.waited(pause)
            meter.retry()

    def check(self) -> None:
        """Raise when it makes no sense to ask now: banned, or blocked for longer than we wait.

        Who waits for its turn checks too: the reason may come while it waits.
        """
        self._pace.refuse_banned()
        blocked = self._pace.blocked_for()
        if blocked > self._patience.most_waiting_seconds:
            raise self._waits_too_long(blocked)

    def _waits_too_long(self, seconds: float) -> VenueDown:
        return VenueDown(
            self._venue,
            f"asks to wait for {seconds:.0f} s in all, longer than {self._patience.most_waiting_seconds:g} s",
            hint="run again later; what is stored is kept",
        )
