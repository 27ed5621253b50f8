"""A venue's budgets as all workers of one store share them.

What lives here: ``SharedSpending``, and how it goes on alone when the store is away. What does not: the arithmetic
(``account``), the way to the store (``link``).

Alone, a worker has its own part of the budget: half of an equal part among the workers the store last knew, and never
more than a quarter. So all of them together stay below what they share otherwise. Penalties that are met alone are told
to the store when it is back.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from qmd_platform.coordination.account import Account, Grant, Halt, Rate
from qmd_platform.coordination.away import StoreAway
from qmd_platform.coordination.link import Link
from qmd_platform.coordination.local import LocalSpending
from qmd_platform.coordination.port import Read

T = TypeVar("T")

UNKNOWN_WORKERS = 4
"""How many workers one that never reached the store reckons with."""


class SharedSpending:
    """``port.Spending`` through a store."""

    def __init__(self, link: Link, key: str, worker: str, *, keeps_budgets: bool) -> None:
        """``key`` names venue and address. Without ``keeps_budgets`` only penalties are shared."""
        self._link = link
        self._key = key
        self._worker = worker
        self._keeps = keeps_budgets
        self._workers = UNKNOWN_WORKERS
        self._alone: LocalSpending | None = None
        self._halt = Halt()
        self._halt_at = time.monotonic()
        self._untold: list[tuple[float, str | None]] = []

    async def reserve(self, bucket: str, rate: Rate | None, weight: float) -> Grant:
        """See Spending."""
        if not self._keeps:
            rate = None

        def change(account: Account, now: float) -> tuple[Grant, int]:
            return account.reserve(now, bucket, rate, weight), account.greet(now, self._worker)

        try:
            grant, self._workers = await self._changed(change, is_read=rate is None)
        except StoreAway:
            return await self._reserved_alone(bucket, rate, weight)
        self._heard(grant.halt)
        return grant

    async def give_back(self, bucket: str, rate: Rate, weight: float, place: float) -> None:
        """See Spending. A place that cannot be given back is over within a second."""
        try:
            await self._changed(lambda account, _: account.give_back(bucket, rate, weight, place))
        except StoreAway:
            return

    async def halt(self) -> Halt:
        """See Spending."""
        try:
            halt = await self._changed(lambda account, now: account.halt(now), is_read=True)
        except StoreAway:
            return await self._own().halt()
        self._heard(halt)
        return halt

    async def penalise(self, seconds: float) -> None:
        """See Spending."""
        await self._punished(seconds, None)

    async def ban(self, seconds: float, why: str) -> None:
        """See Spending."""
        await self._punished(seconds, why)

    async def hold(self, bucket: str, rate: Rate, seconds: float) -> None:
        """See Spending."""
        if not self._keeps:
            return
        try:
            await self._changed(lambda account, now: account.hold(now, bucket, rate, seconds))
        except StoreAway:
            await self._own().hold(bucket, rate, seconds)

    async def _punished(self, seconds: float, why: str | None) -> None:
        self._untold.append((time.monotonic() + seconds, why))
        try:
            self._heard(await self._changed(lambda account, now: account.halt(now)))
        except StoreAway:
            own = self._own()
            await (own.penalise(seconds) if why is None else own.ban(seconds, why))

    async def _changed(self, change: Callable[[Account, float], T], *, is_read: bool = False) -> T:
        """``change`` made to the account at the store, after what it has not been told yet."""
        untold = list(self._untold)

        def swapped(read: Read) -> tuple[str | None, T]:
            account = Account.parse(read.text)
            for until, why in untold:
                left = until - time.monotonic()
                if left > 0 and why is None:
                    account.penalise(read.now, left)
                elif left > 0:
                    account.ban(read.now, left, why or "")
            answer = change(account, read.now)
            return (None if is_read and not untold else account.text()), answer

        answer = await self._link.changed(self._key, swapped)
        self._untold = [one for one in self._untold if one not in untold]
        self._alone = None
        return answer

    async def _reserved_alone(self, bucket: str, rate: Rate | None, weight: float) -> Grant:
        own = self._own()
        if rate is None:
            return await own.reserve(bucket, None, weight)
        slower = rate.slower(max(4, 2 * self._workers))
        own.begin_quietly(bucket, slower)
        return await own.reserve(bucket, slower, weight)

    def _own(self) -> LocalSpending:
        """What this worker keeps while the store is away, from the moment it noticed: the penalties it knew of, too."""
        if self._alone is None:
            self._alone = LocalSpending()
            past = time.monotonic() - self._halt_at
            known = self._halt
            left = Halt(max(known.blocked_s - past, 0.0), max(known.banned_s - past, 0.0), known.why)
            self._alone.remember(left)
        return self._alone

    def _heard(self, halt: Halt) -> None:
        self._halt, self._halt_at = halt, time.monotonic()
