"""Pacing: when the next request of a client may go.

What lives here: the thin waiter (``Pace``) in front of whoever keeps the budget. What does not: the arithmetic and the
keeping (``coordination``), the limits themselves (``facts``), what to do about a refusal (``retry``).
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping

from qmd_platform.coordination.local import LocalSpending
from qmd_platform.coordination.port import HORIZON_S, Grant, Halt, Rate, Spending
from qmd_platform.errors import Banned
from qmd_platform.venues.facts import Budget

POLL_S = 2.0
"""Nobody sleeps longer before asking again: a penalty, its end, or a store that is back must be noticed."""

SPENT = 0.97
"""Part of a limit the venue counts as used from which on others must be using the address too: we stay below 0.95."""


class Pace:
    """When the next request of one client may go: its buckets' budgets, and penalties that hold for all of them."""

    def __init__(
        self,
        venue: str,
        budgets: Mapping[str, Budget],
        spending: Spending | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``budgets`` by bucket; a bucket that is not in it has no budget, only penalties. ``spending`` keeps them."""
        self._venue = venue
        self._budgets = budgets
        self._rates = {bucket: Rate.of(budget.weight, budget.seconds) for bucket, budget in budgets.items()}
        self._spending: Spending = LocalSpending(clock) if spending is None else spending
        self._clock = clock
        self._queues: dict[str, asyncio.Lock] = {}
        self._halt = Halt()
        self._halt_at = clock()

    async def penalise(self, seconds: float) -> None:
        """No request goes for ``seconds`` from now, of any worker that shares the budget. The longest penalty wins."""
        self._heard(Halt(max(seconds, self.blocked_for()), self._left(self._halt.banned_s), self._halt.why))
        await self._spending.penalise(seconds)

    async def ban(self, error: Banned) -> None:
        """No worker that shares the budget asks this venue until the ban is over."""
        self._heard(Halt(self.blocked_for(), max(error.retry_after, self._left(self._halt.banned_s)), error.message))
        await self._spending.ban(error.retry_after, error.message)

    def blocked_for(self) -> float:
        """Seconds until the penalty ends, as far as was heard; 0 when there is none."""
        return self._left(self._halt.blocked_s)

    def refuse_banned(self) -> None:
        """Raise Banned while a ban is in force, as far as was heard."""
        left = self._left(self._halt.banned_s)
        if left > 0:
            said = self._halt.why.removeprefix(f"{self._venue}: ") or "banned"
            raise Banned(self._venue, f"{said} (for {left:.0f} s more)", retry_after=left)

    async def used(self, bucket: str, weight: float, seconds_left: float) -> None:
        """The venue has counted ``weight`` in its current period, which ends in ``seconds_left``.

        More than we spend means that others use the address: then we wait for the end of the period. Of a budget that the
        venue counts apart this says nothing.
        """
        budget = self._budgets.get(bucket)
        if budget is not None and not budget.is_apart and weight >= budget.weight * SPENT:
            await self._spending.hold(bucket, self._rates[bucket], seconds_left)

    async def turn(self, bucket: str, weight: float, check: Callable[[], None]) -> float:
        """Wait until a request of ``weight`` may go. Returns the seconds waited.

        ``check`` is called before and after every wait and raises when there is no sense in waiting any more.

        Who was already waiting when a penalty came takes a new place behind it: its old place would let all of them go
        at once when the penalty ends. So does who slept too long: its place is in the past.

        Raises:
            Banned: the address is banned.
        """
        began = self._clock()
        while True:
            place, due = await self._placed(bucket, weight, check)
            if await self._waited(bucket, weight, place, due, check):
                return self._clock() - began

    async def _placed(self, bucket: str, weight: float, check: Callable[[], None]) -> tuple[float, float]:
        """A place, and when it is due. In the order asked, and only one at a time asks whoever keeps the budget."""
        rate = self._rates.get(bucket)
        async with self._queues.setdefault(bucket, asyncio.Lock()):
            while True:
                self.refuse_banned()
                check()
                grant: Grant = await self._spending.reserve(bucket, rate, weight)
                self._heard(grant.halt)
                if grant.place is not None:
                    return grant.place, self._clock() + grant.wait_s
                self.refuse_banned()
                check()
                await asyncio.sleep(self._nap(grant.wait_s))

    def _nap(self, wait_s: float) -> float:
        """When to ask again for what cannot be reserved yet: as soon as it can, but not all workers at once."""
        early = HORIZON_S * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, decides nothing
        return min(max(wait_s - early, 0.001), POLL_S)

    async def _waited(self, bucket: str, weight: float, place: float, due: float, check: Callable[[], None]) -> bool:
        """Wait for a place; whether it may be used. A place that is not used is given back."""
        rate = self._rates.get(bucket)
        is_good = False
        try:
            if due > self._clock():
                await asyncio.sleep(due - self._clock())
                self._heard(await self._spending.halt())
            self.refuse_banned()
            check()
            is_late = rate is not None and self._clock() > due + rate.tolerance
            is_good = not is_late and not self.blocked_for()
        finally:
            if not is_good and rate is not None:
                await self._spending.give_back(bucket, rate, weight, place)
        return is_good

    def _heard(self, halt: Halt) -> None:
        self._halt, self._halt_at = halt, self._clock()

    def _left(self, seconds: float) -> float:
        return max(seconds - (self._clock() - self._halt_at), 0.0) if seconds else 0.0
