"""What befalls a market: silences, holes of the API, restatements, other terms, its delisting, its rename.

What lives here: these events as values that a listing carries, so that its candles stay a pure function of listing
and time. What does not: applying them to candles (``market``), reading them from files (``faults``, ``listed``).
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Silence:
    """A window in which nothing traded. The venue leaves its minutes out, or prints them ``flat`` with volume 0.

    Longer candles are made of the minutes that are left.
    """

    window: Window
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """The API has no candles of ``timeframe`` that open in ``window``, though there was trading."""

    window: Window
    timeframe: Timeframe


@dataclass(frozen=True, slots=True)
class Restatement:
    """From ``since`` on (the venue's clock) the prices of the minutes in ``window`` are ``ticks`` higher."""

    window: Window
    ticks: int
    since: Instant


@dataclass(frozen=True, slots=True)
class Terms:
    """From ``since`` on the venue's list shows other steps or another contract size; None for what stays.

    Prices and amounts are what they were, whatever the steps. Volumes that are counted in contracts are counted in the new
    ones in candles that open from then on.
    """

    since: Instant
    tick_digits: int | None = None
    lot_digits: int | None = None
    contract_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """Everything that befalls one market.

    ``delisted_at``: there are no candles from then on, unless it is ``relisted_at`` some later time: then there is nothing
    in between, and what was before is there as it was. ``terms`` are in order of time. ``prices_of`` is the name whose
    prices these are: a renamed market goes on where its old name left off; empty for its own.
    """

    silences: tuple[Silence, ...] = ()
    holes: tuple[Hole, ...] = ()
    restatements: tuple[Restatement, ...] = ()
    delisted_at: Instant | None = None
    prices_of: str = ""
    relisted_at: Instant | None = None
    terms: tuple[Terms, ...] = ()

    @property
    def gone_at(self) -> Instant | None:
        """When the market ends for good; None if it does not."""
        return self.delisted_at if self.relisted_at is None else None

    @property
    def away(self) -> Window | None:
        """When the market is not there though it comes back; None if it does not."""
        if self.delisted_at is None or self.relisted_at is None:
            return None
        return Window(self.delisted_at, self.relisted_at)

    def is_there(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where something can be settled or shown at ``at``: not while the market is away, and not as it comes back."""
        away = self.away
        return np.ones(len(at), np.bool_) if away is None else np.asarray((at < away.start) | (at > away.end))

    def is_delisted(self, now: Instant) -> bool:
        """Whether the market is gone at ``now``."""
        return self.delisted_at is not None and self.delisted_at <= now and not self.is_relisted(now)

    def is_relisted(self, now: Instant) -> bool:
        """Whether the market is back at ``now``."""
        return self.relisted_at is not None and self.relisted_at <= now


NONE = Events()
"""Nothing befalls the market."""
