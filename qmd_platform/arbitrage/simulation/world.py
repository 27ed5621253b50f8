"""The world a hedge is simulated in: both legs' candles on one grid, and their funding in cash. Pure.

What lives here: laying out what happened, holes left as holes. What does not: deciding or trading.

The grid has every step from the first candle of either leg to the last of either. Prices and amounts are per coin.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column
from qmd_platform.arbitrage.legs import Leg, Quotes
from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import Candles
from qmd_platform.model.window import Instant, Window

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """A leg with the candles it is filled at, and when its market could be traded (None: always).

    ``listed`` is sorted and disjoint, one window for each time the market was listed.
    ``leg.quotes`` is what signals see; it must not know more than ``candles`` did at the time.
    """

    leg: Leg
    candles: Candles
    listed: Sequence[Window] | None = None

    @classmethod
    def of(
        cls, leg: Leg, candles: Candles, step: int, *, half_spread: float = 0.0, listed: Sequence[Window] | None = None
    ) -> "Traded":
        """A leg whose quotes are its candles' closes."""
        return cls(replace(leg, quotes=Quotes.of_candles(candles, step, half_spread)), candles, listed)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One leg on the grid.

    Attributes:
        leg: as signals see it.
        open, high, low: NaN where the leg has no candle.
        value: the last close known at the end of each row; NaN before the first.
        settled_at: instants of its funding.
        paid: cash a long of one coin paid at each: rate times mark.
        paid_sum: of the first n of them, n from 0 on.
        is_tradable: whether a row has a candle and the market was listed.
        last_row: of each tradable row, the last one before the market ended: a market that is listed again ended before.
    """

    leg: Leg
    open: Column
    high: Column
    low: Column
    value: Column
    settled_at: NDArray[np.int64]
    paid: Column
    paid_sum: Column
    is_tradable: NDArray[np.bool_]
    last_row: Rows

    @property
    def is_spot(self) -> bool:
        """Whether it has no margin, no funding and no liquidation."""
        return self.leg.market.kind == "spot"


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Two legs on one grid of ``step`` ms. ``open_at`` has no holes."""

    step: int
    open_at: NDArray[np.int64]
    short: Side
    long: Side

    def __len__(self) -> int:
        return len(self.open_at)

    @property
    def end(self) -> Instant:
        """The end of the last row."""
        return int(self.open_at[-1]) + self.step

    @property
    def both_trade(self) -> NDArray[np.bool_]:
        """Rows at which both legs can be filled."""
        return self.short.is_tradable & self.long.is_tradable

    def next_row(self, at: Instant) -> int:
        """The first row that opens at or after ``at``: where what is decided then is filled. ``len`` where there is none."""
        return int(np.searchsorted(self.open_at, at))


def world(short: Traded, long: Traded, step: int) -> World:
    """Both legs on one grid.

    Raises:
        ConfigError: a leg has no candles, or some that do not open on the grid.
    """
    for one in (short, long):
        if not len(one.candles):
            raise ConfigError(
                f"{one.leg.market} has no candles to be filled at", hint="simulate where both legs have some"
            )
    first = min(int(one.candles.open_at[0]) for one in (short, long))
    for one in (short, long):
        if ((one.candles.open_at - first) % step).any():
            raise ConfigError(
                f"candles of {one.leg.market} do not open every {step} ms from the first of the two legs on",
                hint="hand candles of one step that open at the same instants",
            )
    last = max(int(one.candles.open_at[-1]) for one in (short, long))
    grid = np.arange(first, last + step, step)
    return World(step, grid, _side(short, grid, step), _side(long, grid, step))


def _side(traded: Traded, grid: NDArray[np.int64], step: int) -> Side:
    units, candles = traded.leg.units, traded.candles
    rows = (candles.open_at - grid[0]) // step

    def spread(column: Column) -> Column:
        laid = np.full(len(grid), np.nan)
        laid[rows] = column / units
        return laid

    opens = spread(candles.open)
    tradable, life = np.isfinite(opens), np.zeros(len(grid), np.intp)
    if traded.listed is not None:
        life = np.searchsorted([one.start for one in traded.listed], grid, side="right") - 1
        tradable &= (life >= 0) & (grid < np.array([one.end for one in traded.listed])[life])
    latest = np.maximum.accumulate(np.where(tradable, np.arange(len(grid)), -1))
    last_row = latest[np.searchsorted(life, life, side="right") - 1]
    value = _carried(spread(candles.close))
    settled = traded.leg.settlements
    ended = (settled.settled_at - grid[0]) // step - 1  # the row that ends at or before the settlement
    known = np.r_[value, np.nan][np.clip(ended, -1, len(grid) - 1)]
    mark = np.where(np.isnan(settled.mark), known, settled.mark / units)
    paid = settled.rate * mark
    inside = np.isfinite(paid)
    high, low, sums = spread(candles.high), spread(candles.low), np.r_[0.0, np.cumsum(paid[inside])]
    return Side(traded.leg, opens, high, low, value, settled.settled_at[inside], paid[inside], sums, tradable, last_row)


def _carried(column: Column) -> Column:
    """Each value, or the last one before it."""
    known = np.where(np.isfinite(column), np.arange(len(column)), -1)
    rows = np.maximum.accumulate(known)
    return np.asarray(np.where(rows >= 0, column[rows], np.nan))
