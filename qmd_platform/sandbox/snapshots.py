"""What venues say of their perpetuals at any instant, as a pure function of time: predicted rates, mark, index, open interest.

What lives here: the closed forms, and the truths that tests compare with. What does not: the wire (``snapshot_wire``,
``derivatives``), settled rates (``funding``).

A prediction drifts to what will be settled: it is that rate, and an error of the interval's own, up to 2 basis points at
its beginning, that shrinks with the time that is left. Everything is whole numbers.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import funding
from qmd_platform.sandbox.events import Events
from qmd_platform.sandbox.funding import DIGITS, HOUR, LONGEST, Settled
from qmd_platform.sandbox.market import END_OF_TIME, trading
from qmd_platform.sandbox.noise import Octave, scrambled, seed_of, smooth
from qmd_platform.sandbox.universe import Listing, listings

EVERY = 5 * MINUTE
"""Milliseconds between changes of open interest."""

_DRIFT = 20_000
"""The most that a prediction is off, in 1e-8."""
_BUSY = 400
"""Open interest is about so many busy minutes' volumes."""
# Periods in steps of 5 minutes; together they stay below the whole, so open interest is never zero.
_OUTSTANDING = (Octave(8640, round(0.35 * 2**30)), Octave(700, round(0.15 * 2**30)), Octave(12, round(0.02 * 2**30)))

Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What is predicted at each instant: ``rate`` in 1e-8 for the interval from ``began`` to ``next_at``, epoch ms."""

    at: Instants
    began: Instants
    next_at: Instants
    rate: NDArray[np.int64]

    @property
    def accrued(self) -> NDArray[np.int64]:
        """The same as Bitfinex says it: the part of it that the time gone is of the interval, by the second."""
        gone, length = (self.at - self.began) // 1000, (self.next_at - self.began) // 1000
        return np.asarray(self.rate * gone // length)


def predicted(listing: Listing, at: Instants) -> Predicted:
    """What ``listing``'s venue predicts at each of ``at``, ascending, at least one. For listings that are not replayed."""
    alone = replace(listing, events=Events(prices_of=listing.events.prices_of))
    known = funding.scheduled(alone, int(at[0]) - LONGEST * HOUR, int(at[-1]) + (LONGEST + 1) * HOUR)
    after = np.searchsorted(known.at, at, side="right")
    began = np.where(after > 0, known.at[np.maximum(after - 1, 0)], listing.listed_at)
    next_at = known.at[after]
    seed = seed_of(f"drift of {listing.events.prices_of or listing.market}")
    error = (scrambled(seed, next_at // HOUR) % np.uint64(2 * _DRIFT + 1)).astype(np.int64) - _DRIFT
    most = funding.cap(listing.market)
    off: NDArray[np.int64] = error * (next_at - at) // (next_at - began)
    rate: NDArray[np.int64] = np.clip(known.rate[after] + off, -most, most)
    return Predicted(at, began, next_at, funding.printed(listing.market, rate))


def of_recording(recorded: Settled, now: Instant) -> Predicted | None:
    """What a replayed contract's venue predicts at ``now``: what was settled next; None after its last settlement."""
    after = int(np.searchsorted(recorded.at, now, side="right"))
    if after == len(recorded):
        return None
    began = recorded.at[after] - recorded.hours[after] * HOUR
    return Predicted(
        np.array([now]), np.array([began]), recorded.at[after : after + 1], recorded.rate[after : after + 1]
    )


def marks(listing: Listing, at: Instants) -> NDArray[np.int64]:
    """The mark price at each of ``at``, ascending, in ticks: the close of the minute before."""
    if not (at % HOUR).any():
        return funding.marks(listing, at)
    alone = replace(listing, events=Events(prices_of=listing.events.prices_of))
    first, last = int(at[0]) // MINUTE * MINUTE - HOUR, int(at[-1]) // MINUTE * MINUTE
    rows = trading(alone, MINUTE, first, last, END_OF_TIME)
    earlier = np.searchsorted(rows.open_at, at // MINUTE * MINUTE - MINUTE, side="right") - 1
    return rows.close[np.maximum(earlier, 0)]


def outstanding(listing: Listing, at: Instants) -> NDArray[np.int64]:
    """Open interest at each of ``at``, ascending, in lots of the venue's unit; the same for five minutes."""
    if listing.character is None or not len(at):
        return np.zeros(len(at), np.int64)
    slots = at // EVERY
    first = int(slots[0])
    seed = seed_of(f"open interest of {listing.events.prices_of or listing.market}")
    noise = smooth(seed, _OUTSTANDING, first, int(slots[-1]) - first + 1)[slots - first]
    usual = listing.character.activity * _BUSY
    return usual + (usual >> 10) * (noise >> 10) // (1 << 10)


@dataclass(frozen=True, slots=True, eq=False)
class OpenInterestTruth:
    """What a lake ought to hold: contracts, base and their worth in quote, each the float64 nearest to the exact number."""

    contracts: NDArray[np.float64]
    base: NDArray[np.float64]
    quote: NDArray[np.float64]


def open_interest_truth(market: Market, at: Instants) -> OpenInterestTruth:
    """The open interest of ``market`` at each of ``at``, ascending. Raises as ``predictions_truth``."""
    listing = _listed(market)
    lots, ticks = outstanding(listing, at).tolist(), marks(listing, at).tolist()
    numerator, denominator = listing.contract_size.as_integer_ratio()
    lot, tick = 10**listing.lot_digits, 10**listing.tick_digits
    return OpenInterestTruth(
        np.array([one / lot for one in lots]),
        np.array([one * numerator / (lot * denominator) for one in lots]),
        np.array(
            [one * numerator * price / (lot * denominator * tick) for one, price in zip(lots, ticks, strict=True)]
        ),
    )


def predictions_truth(market: Market, at: Instants) -> tuple[Instants, NDArray[np.float64]]:
    """When ``market`` settles next at each of ``at``, ascending, and the rate that is predicted then.

    Raises:
        ConfigError: the universe has no such market.
    """
    found = predicted(_listed(market), at)
    return found.next_at, found.rate / 10.0**DIGITS


def _listed(market: Market) -> Listing:
    found = next((listing for listing in listings() if listing.market == market), None)
    if found is None:
        raise ConfigError(f"the sandbox lists no market {market}")
    return found
