"""Mark, index and premium of every perpetual, as a pure function of time.

What lives here: the closed form. What does not: the wire (``reference_wire``, ``derivatives``), what a lake ought to hold of
it (``reference_truth``).

The index is a market like any other, that of the coin all over the world, in the contract's ticks. The mark opens and
closes where the contract does (``funding.marks``), and goes half as far beyond that: marks do not follow every trade. The
premium is the contract over the index at open and close, in 1e-8, and its highest and lowest are 2000 beyond these. None of
them knows of silences and restatements of the contract: a venue has a mark whether there was trading or not. Holes of the
API are holes here too.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.columns import Trading
from qmd_platform.sandbox.events import Events
from qmd_platform.sandbox.market import trading
from qmd_platform.sandbox.universe import Listing

PREMIUM_DIGITS = 8
"""Decimals of a premium."""
_WICK = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Figured:
    """Candles as whole numbers, oldest first: prices in 10 ** -``digits``. Premiums may be negative."""

    open_at: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    digits: int

    def __len__(self) -> int:
        return len(self.open_at)

    def take(self, rows: slice) -> "Figured":
        """The rows selected by slice."""
        prices = (self.open[rows], self.high[rows], self.low[rows], self.close[rows])
        return Figured(self.open_at[rows], *prices, self.digits)


def figured(listing: Listing, wanted: Reference, first: Instant, end: Instant, now: Instant) -> Figured:
    """The hours with ``first <= open_at < end`` that ``listing``'s venue shows at ``now``, the one in progress included.

    Not for venues that print snapshots only.
    """

    def hours(one: Listing) -> Trading:
        return trading(one, STEP.step, first, end, now)

    if wanted is Reference.PREMIUM:
        return _premium(hours(alone(listing)), hours(indexed(listing)))
    if wanted is Reference.INDEX:
        rows = hours(indexed(listing))
        return Figured(rows.open_at, rows.open, rows.high, rows.low, rows.close, listing.tick_digits)
    rows = hours(alone(listing))
    top, bottom = np.maximum(rows.open, rows.close), np.minimum(rows.open, rows.close)
    high, low = top + (rows.high - top) // 2, bottom - (bottom - rows.low) // 2
    return Figured(rows.open_at, rows.open, high, low, rows.close, listing.tick_digits)


def alone(listing: Listing) -> Listing:
    """The contract without what befalls its trading."""
    return _with(listing, listing.events.prices_of)


def indexed(listing: Listing) -> Listing:
    """The index that the contract is of, in its own ticks."""
    name = Market.parse(listing.events.prices_of or str(listing.market)).symbol.partition(":")[0]
    return _with(listing, f"index:{name}")


def _with(listing: Listing, prices_of: str) -> Listing:
    known = listing.events
    return replace(listing, events=Events(holes=known.holes, delisted_at=known.delisted_at, prices_of=prices_of))


def _premium(contract: Trading, index: Trading) -> Figured:
    open_, close = (
        (ours - theirs) * 10**PREMIUM_DIGITS // theirs
        for ours, theirs in ((contract.open, index.open), (contract.close, index.close))
    )
    high, low = np.maximum(open_, close) + _WICK, np.minimum(open_, close) - _WICK
    return Figured(contract.open_at, open_, high, low, close, PREMIUM_DIGITS)
