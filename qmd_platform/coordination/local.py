"""A budget kept in the memory of one process: what a client without a store has, and what is left when a store is away.

What lives here: ``LocalSpending``. What does not: the arithmetic (``account``).
"""

import time
from collections.abc import Callable

from qmd_platform.coordination.account import HORIZON_S, Account, Grant, Halt, Rate


class LocalSpending:
    """``port.Spending`` for the tasks of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._account = Account()

    async def reserve(self, bucket: str, rate: Rate | None, weight: float) -> Grant:
        """See Spending."""
        return self._account.reserve(self._clock(), bucket, rate, weight)

    async def give_back(self, bucket: str, rate: Rate, weight: float, place: float) -> None:
        """See Spending."""
        self._account.give_back(bucket, rate, weight, place)

    async def halt(self) -> Halt:
        """See Spending."""
        return self._account.halt(self._clock())

    async def penalise(self, seconds: float) -> None:
        """See Spending."""
        self._account.penalise(self._clock(), seconds)

    async def ban(self, seconds: float, why: str) -> None:
        """See Spending."""
        self._account.ban(self._clock(), seconds, why)

    async def hold(self, bucket: str, rate: Rate, seconds: float) -> None:
        """See Spending."""
        self._account.hold(self._clock(), bucket, rate, seconds)

    def remember(self, halt: Halt) -> None:
        """Take over penalties that another keeper told of."""
        self._account.penalise(self._clock(), halt.blocked_s)
        self._account.ban(self._clock(), halt.banned_s, halt.why)

    def begin_quietly(self, bucket: str, rate: Rate) -> None:
        """Make the first place of ``bucket`` one behind all that others may have reserved, and without a burst."""
        if bucket not in self._account.tats:
            self._account.hold(self._clock(), bucket, rate, HORIZON_S)
