"""The venues' clock: the real one, one that runs from another time or faster, or one that stands still until it is moved.

What lives here: the only reading of a clock of the venues. Everything else is told the time.
"""

import time
from email.utils import formatdate
from functools import lru_cache

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant, InstantLike, instant


class Clock:
    """Tells the venues' time in epoch ms.

    Args:
        now: stands still at this time, or runs from it where ``speed`` is given too.
        speed: seconds that pass in a second of the real clock, which is where it starts without ``now``.

    Raises:
        ConfigError: ``speed`` is not above 0.
    """

    def __init__(self, now: InstantLike | None = None, speed: float | None = None) -> None:
        if speed is not None and not speed > 0:
            raise ConfigError(f"the sandbox's clock cannot run {speed!r} times as fast", hint="write a number above 0")
        start = None if now is None else instant(now, "now")
        self.frozen: Instant | None = start if speed is None else None
        self._speed = 1.0 if speed is None else speed
        self._began = time.monotonic_ns()
        self._start = _real() if start is None else start
        self._is_real = start is None and speed is None

    def now(self) -> Instant:
        """The time."""
        if self.frozen is not None:
            return self.frozen
        if self._is_real:
            return _real()
        return self._start + int((time.monotonic_ns() - self._began) * self._speed) // 1_000_000

    def real_seconds(self, span: int) -> float:
        """How long ``span`` ms of a clock that runs take; never less than nothing."""
        return max(span, 0) / 1000 / self._speed

    def move(self, now: InstantLike) -> Instant:
        """Stand still at ``now`` from here on; ConfigError where the clock runs."""
        if self.frozen is None:
            raise ConfigError("the sandbox's clock runs and cannot be moved", hint="start it with a time: --now")
        self.frozen = instant(now, "now")
        return self.frozen


def _real() -> Instant:
    return time.time_ns() // 1_000_000


def as_date(now: Instant) -> str:
    """The time as a ``Date`` header: Bitfinex has no other clock."""
    return _date(now // 1000)


@lru_cache(maxsize=8)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
