"""Candles as they stand at an instant, quick enough to be said of hundreds of markets every second.

What lives here: the candle in progress and the one that has just closed, the same numbers as REST prints them. What does
not: the market itself (``sandbox.market``), any venue's format.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.columns import Trading
from qmd_platform.sandbox.market import so_far, trading
from qmd_platform.sandbox.universe import Listing

SECOND = 1000
"""Milliseconds between the instants at which anything is said."""

_STATES = np.arange(0, MINUTE + 1, SECOND, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle in whole numbers: prices in ticks, ``volume`` and ``taker`` in lots, quote volumes in ticks times lots."""

    listing: Listing
    timeframe: Timeframe
    open_at: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int
    taker: int
    taker_quote: int

    @property
    def state(self) -> tuple[int, ...]:
        """What trades change."""
        return (self.open_at, self.open, self.high, self.low, self.close, self.volume, self.trades)

    @property
    def end(self) -> Instant:
        """When the next one opens."""
        return self.open_at + self.timeframe.step


class CandlesNow:
    """The candles of any listing at any instant. Remembers one minute of each."""

    def __init__(self) -> None:
        self._minutes: dict[Market, tuple[Listing, Instant, NDArray[np.int64] | None]] = {}
        self._before: dict[tuple[Market, int], tuple[Listing, Instant, list[int] | None]] = {}

    def at(self, listing: Listing, timeframe: Timeframe, at: Instant) -> Candle | None:
        """The candle in progress at ``at`` as it stands; None where the venue shows none yet."""
        open_at = at // timeframe.step * timeframe.step
        if at % SECOND or not _is_plain(listing):
            return _first(listing, timeframe, trading(listing, timeframe.step, open_at, open_at + 1, at))
        minute = at // MINUTE * MINUTE
        row = self._minute(listing, minute, (at - minute) // SECOND)
        if timeframe.step > MINUTE:
            row = _merged(self._until(listing, timeframe.step, open_at, minute), row)
        return None if row is None else _candle(listing, timeframe, [open_at, *row[1:]])

    def closed(self, listing: Listing, timeframe: Timeframe, at: Instant) -> Candle | None:
        """The candle that closed at ``at``, a whole step; None where the venue shows none."""
        open_at = at - timeframe.step
        if timeframe.step > MINUTE or not _is_plain(listing):
            return _first(listing, timeframe, trading(listing, timeframe.step, open_at, open_at + 1, at))
        row = self._minute(listing, open_at, MINUTE // SECOND)
        return None if row is None else _candle(listing, timeframe, row)

    def newest(self, listing: Listing, timeframe: Timeframe, most: int, now: Instant) -> list[Candle]:
        """The newest ``most`` candles at ``now``, oldest first, the one in progress included."""
        step = timeframe.step
        rows = trading(listing, step, (now // step - most + 1) * step, now + 1, now)
        return [_candle(listing, timeframe, row) for row in _stacked(rows).tolist()]

    def _minute(self, listing: Listing, minute: Instant, second: int) -> list[int] | None:
        """The minute's row ``second`` seconds after its start; None where it is not shown."""
        known = self._minutes.get(listing.market)
        if known is None or known[0] is not listing or known[1] != minute:
            whole = trading(listing, MINUTE, minute, minute + 1, minute + MINUTE)
            known = (listing, minute, _stacked(so_far(whole, _STATES)) if len(whole) else None)
            self._minutes[listing.market] = known
        if known[2] is None:
            return None
        row: list[int] = known[2][second].tolist()
        return None if listing.omits_empty and not row[5] else row

    def _until(self, listing: Listing, step: int, open_at: Instant, minute: Instant) -> list[int] | None:
        """The candle that opened at ``open_at`` as it stood at the start of ``minute``."""
        key = (listing.market, step)
        known = self._before.get(key)
        if known is None or known[0] is not listing or known[1] != minute:
            rows = trading(listing, step, open_at, open_at + 1, minute)
            known = (listing, minute, _stacked(rows)[0].tolist() if len(rows) else None)
            self._before[key] = known
        return known[2]


def _is_plain(listing: Listing) -> bool:
    """Whether nothing but listing and delisting befalls the market's candles."""
    known = listing.events
    return not (known.silences or known.holes or known.restatements or known.away)


def _merged(before: list[int] | None, minute: list[int] | None) -> list[int] | None:
    """A candle until its last minute, and that minute."""
    if before is None or minute is None:
        return before if minute is None else minute
    at, open_, high, low, _, *totals = before
    sums = [one + other for one, other in zip(totals, minute[5:], strict=True)]
    return [at, open_, max(high, minute[2]), min(low, minute[3]), minute[4], *sums]


def _stacked(rows: Trading) -> NDArray[np.int64]:
    """One line a row, the columns in their order."""
    return np.stack([getattr(rows, name) for name in Trading.__slots__], axis=1)


def _first(listing: Listing, timeframe: Timeframe, rows: Trading) -> Candle | None:
    return _candle(listing, timeframe, _stacked(rows)[0].tolist()) if len(rows) else None


def _candle(listing: Listing, timeframe: Timeframe, row: list[int]) -> Candle:
    open_at, open_, high, low, close, volume, quote, trades, taker, taker_quote = row
    if listing.events.terms:  # contracts of another size are counted in their own
        many = int(listing.contracts(np.array([open_at], np.int64))[0])
        volume, taker = volume * many, taker * many
    return Candle(listing, timeframe, open_at, open_, high, low, close, volume, quote, trades, taker, taker_quote)
