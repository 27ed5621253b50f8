"""What crosses the border of this room: who keeps a budget, what it answers, and what a store can do.

What lives here: protocols and answers. What does not: anything that keeps something.
"""

from dataclasses import dataclass
from typing import Protocol

from qmd_platform.coordination.account import HORIZON_S, Grant, Halt, Rate

__all__ = ["HORIZON_S", "Grant", "Halt", "Rate", "Spending", "Store"]


class Spending(Protocol):
    """One venue's budgets and penalties, as one address has them. Safe to use from one event loop."""

    async def reserve(self, bucket: str, rate: Rate | None, weight: float) -> Grant:
        """Ask for the next place in ``bucket``. ``rate`` None: there is no budget, only penalties count."""
        ...

    async def give_back(self, bucket: str, rate: Rate, weight: float, place: float) -> None:
        """Give up a place that was not used. It is free again unless somebody has reserved behind it."""
        ...

    async def halt(self) -> Halt:
        """The penalties in force."""
        ...

    async def penalise(self, seconds: float) -> None:
        """Nobody asks this venue for ``seconds`` from now. The longest penalty wins."""
        ...

    async def ban(self, seconds: float, why: str) -> None:
        """The venue has banned the address: everybody refuses for ``seconds`` from now."""
        ...

    async def hold(self, bucket: str, rate: Rate, seconds: float) -> None:
        """Nobody gets a place in ``bucket`` for ``seconds`` from now: others use the address too."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """What a store has under a key: its text, None for nothing, and the store's clock in seconds."""

    now: float
    text: str | None


class Store(Protocol):
    """Small texts by key, changed by compare-and-swap, and a clock. Safe to use from several threads.

    Every method raises ``StoreAway`` within about a second when there is no answer, ``StoreBusy`` when it is worth
    trying again at once.
    """

    where: str
    is_remote: bool

    def read(self, key: str) -> Read:
        """The text under ``key``."""
        ...

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` (None: of nothing); False, and nothing is changed, if it is not there."""
        ...

    def close(self) -> None:
        """Give back the connection; the next call makes another."""
        ...
