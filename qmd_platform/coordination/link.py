"""The way to a store: changes by compare-and-swap, and what to do when there is no answer.

What lives here: trying again for a moment, giving up for some seconds, saying so once. What does not: what is done
instead (``sharing``, ``leases``).
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from qmd_platform.coordination.away import StoreAway, StoreBusy
from qmd_platform.coordination.port import Read, Store

T = TypeVar("T")

log = logging.getLogger("qmd_platform.coordination")

PATIENCE_S = 1.0
"""How long a store may be busy."""

CROWDED_S = 5.0
"""How long a change is tried to which others always come first: the store answers, and is not away."""

RETRY_S = 5.0
"""How long a store that was away is left alone."""

_PAUSE_S = 0.002

Change = Callable[[Read], tuple[str | None, T]]
"""From what is there to what shall be there (None: no change), and the answer."""


class Link:
    """One process's way to one store, shared by budgets and leases."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic, retry_s: float = RETRY_S) -> None:
        self.store = store
        self._clock = clock
        self._retry_s = retry_s
        self._retry_at = 0.0
        self._is_away = False

    async def changed(self, key: str, change: Change[T]) -> T:
        """The answer of ``change``, which is made whole or not at all.

        ``change`` may be called several times. A cancelled call may have been made all the same.

        Raises:
            StoreAway: no answer, or no answer a moment ago.
        """
        if self.store.is_remote:
            return await asyncio.to_thread(self.changed_now, key, change)
        deadline = self._begun()
        while True:
            done = self._attempted(key, change, deadline)
            if done is not None:
                return done[0]
            await asyncio.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311 - spreads, decides nothing

    def changed_now(self, key: str, change: Change[T]) -> T:
        """The same, for who has no event loop; may hold up the caller for about a second."""
        deadline = self._begun()
        while True:
            done = self._attempted(key, change, deadline)
            if done is not None:
                return done[0]
            time.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311 - as above

    def _begun(self) -> float:
        now = self._clock()
        if now < self._retry_at:
            raise StoreAway(f"{self.store.where} gave no answer a moment ago")
        return now + PATIENCE_S

    def _attempted(self, key: str, change: Change[T], deadline: float) -> tuple[T] | None:
        """The answer, if nobody came between; None to try again."""
        try:
            read = self.store.read(key)
            new, answer = change(read)
            if new is None or new == read.text or self.store.swap(key, read.text, new):
                self._answers()
                return (answer,)
            why, deadline = f"{self.store.where}: others change {key} all the time", deadline - PATIENCE_S + CROWDED_S
        except StoreBusy as error:
            why = str(error)
        except StoreAway as error:
            self._is_gone(str(error))
            raise
        if self._clock() > deadline:
            self._is_gone(why)
            raise StoreAway(why)
        return None

    def _is_gone(self, why: str) -> None:
        self._retry_at = self._clock() + self._retry_s
        if not self._is_away:
            self._is_away = True
            log.warning(
                "workers cannot agree on budgets and leases: %s; until it answers this one asks venues more slowly, "
                "by a part of the budget that is its own, and without leases",
                why,
            )

    def _answers(self) -> None:
        self._retry_at = 0.0
        if self._is_away:
            self._is_away = False
            log.info("%s answers again: budgets and leases are shared", self.store.where)
