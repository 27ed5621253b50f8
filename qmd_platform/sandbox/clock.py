"""The venues' clock: the real one, or one that stands still.

What lives here: the only reading of a clock in the sandbox. Everything else is told the time.
"""

import time
from email.utils import formatdate

from qmd_platform.model.window import Instant, InstantLike, instant


class Clock:
    """Tells the venues' time in epoch ms; stands still at ``frozen`` when given."""

    def __init__(self, frozen: InstantLike | None = None) -> None:
        self.frozen: Instant | None = None if frozen is None else instant(frozen, "now")
        self._second = -1
        self._date = ""

    def now(self) -> Instant:
        """The time."""
        return time.time_ns() // 1_000_000 if self.frozen is None else self.frozen

    def date(self) -> str:
        """The time as a ``Date`` header: Bitfinex has no other clock."""
        second = self.now() // 1000
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True)
        return self._date
