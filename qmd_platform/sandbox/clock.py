"""The venues' clock: the real one, or one that stands still until it is moved.

What lives here: the only reading of a clock of the venues. Everything else is told the time.
"""

import time
from email.utils import formatdate
from functools import lru_cache

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant, InstantLike, instant


class Clock:
    """Tells the venues' time in epoch ms; stands still at ``frozen`` when given."""

    def __init__(self, frozen: InstantLike | None = None) -> None:
        self.frozen: Instant | None = None if frozen is None else instant(frozen, "now")

    def now(self) -> Instant:
        """The time."""
        return time.time_ns() // 1_000_000 if self.frozen is None else self.frozen

    def move(self, now: InstantLike) -> Instant:
        """Stand still at ``now`` from here on; ConfigError where the clock runs."""
        if self.frozen is None:
            raise ConfigError("the sandbox's clock runs and cannot be moved", hint="start it with a time: --now")
        self.frozen = instant(now, "now")
        return self.frozen


def as_date(now: Instant) -> str:
    """The time as a ``Date`` header: Bitfinex has no other clock."""
    return _date(now // 1000)


@lru_cache(maxsize=8)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
