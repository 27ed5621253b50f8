"""Pacing: how much a venue may be asked, and when the next request may go.

What lives here: the arithmetic of a budget (``Gcra``, pure: the clock is an argument) and the thin waiter around it
(``Pace``). What does not: the budgets themselves (``facts``), what to do about a refusal (``retry``).

The generic cell rate algorithm, in weight units: every request pushes a *theoretical arrival time* forward by its
weight's share of the period; a request may go as soon as that time is no further ahead than the burst allows. In any
period the weight sent is at most ``rate * period + burst``, and both are chosen so that this is the budget.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from qmd_platform.venues.facts import Budget

SHARE = 0.9
"""Part of a documented budget that is used: others may share the address, and clocks differ."""

BURST = 0.1
"""Part of what is used that may go at once after a pause."""


class Spending(Protocol):
    """Where a budget is kept. ``Gcra`` keeps it in this process; a store that processes share has the same shape."""

    def reserve(self, now: float, weight: float, not_before: float = 0.0) -> float:
        """Take ``weight`` and say when (seconds, the clock of ``now``) the request may go; never before now."""
        ...


@dataclass(slots=True)
class Gcra:
    """A budget kept in memory. ``ahead`` is the theoretical arrival time, in seconds of the caller's clock."""

    seconds_per_weight: float
    burst_seconds: float
    ahead: float = 0.0

    @classmethod
    def of(cls, budget: Budget, share: float = SHARE, burst: float = BURST) -> "Gcra":
        """Never more than ``share`` of ``budget`` in any of its periods, ``burst`` of that at once."""
        usable = budget.weight * share
        seconds_per_weight = budget.seconds / (usable * (1 - burst))
        return cls(seconds_per_weight, usable * burst * seconds_per_weight)

    def reserve(self, now: float, weight: float, not_before: float = 0.0) -> float:
        """See ``Spending``. A request heavier than the burst waits until the whole burst is free."""
        start = max(now, not_before)
        cost = weight * self.seconds_per_weight
        free = self.ahead - max(self.burst_seconds - cost, 0.0)
        at = max(start, free)
        self.ahead = max(self.ahead, at) + cost
        return at


class Pace:
    """When the next request of one client may go: its buckets' budgets, and a block that holds for all of them."""

    def __init__(self, budgets: Mapping[str, Spending], clock: Callable[[], float] = time.monotonic) -> None:
        """``budgets`` by bucket; a bucket that is not in it has no budget (a sandbox), only the block."""
        self._budgets = budgets
        self._clock = clock
        self._blocked_until = 0.0

    def penalise(self, seconds: float) -> None:
        """No request goes for ``seconds`` from now. A later block wins over an earlier one, never the reverse."""
        self._blocked_until = max(self._blocked_until, self._clock() + seconds)

    def blocked_for(self) -> float:
        """Seconds until the block ends; 0 when there is none."""
        return max(self._blocked_until - self._clock(), 0.0)

    async def turn(self, bucket: str, weight: float, check: Callable[[], None]) -> float:
        """Wait until a request of ``weight`` may go. Returns the seconds waited.

        ``check`` is called before and after every wait and raises when there is no sense in waiting any more.

        Who was already waiting when a block came takes a new place behind it: its old place would let all of them
        go at once when the block ends.
        """
        waited = 0.0
        budget = self._budgets.get(bucket)
        while True:
            check()
            blocked, now = self._blocked_until, self._clock()
            at = max(now, blocked) if budget is None else budget.reserve(now, weight, blocked)
            if at > now:
                await asyncio.sleep(at - now)
                waited += self._clock() - now
            if blocked == self._blocked_until:
                check()
                return waited
