"""Basis: how far a contract's price is from the index or from spot. Pure.

What lives here: the ratio in basis points, its annual form for contracts that expire, and one market's table. What does
not: the venue's own *premium* index, which is another thing (it is fetched), what a hedge earns (``carry``).

A perpetual has no day on which its basis must vanish, so its basis is never annualised; a dated future's is, by the days
left: (F/S - 1) * 365 / days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmd_platform.model.candles import Candles
from qmd_platform.model.window import Instant

BPS = 10_000.0
DAY_MS = 86_400_000
DAYS_PER_YEAR = 365.0

Column = NDArray[np.float64]


def basis_bps(price: ArrayLike, reference: ArrayLike) -> Column:
    """(price / reference - 1) in basis points; NaN where either is unknown or not above 0."""
    return _ratio(price, reference) * BPS


def dated_per_year(price: ArrayLike, reference: ArrayLike, at: NDArray[np.int64], expires_at: Instant) -> Column:
    """The basis of a dated future a year, simple; NaN from a day before expiry on, when days divide nothing sensible."""
    days = (expires_at - np.asarray(at, np.int64)) / DAY_MS
    return np.where(days >= 1, _ratio(price, reference) * DAYS_PER_YEAR / np.maximum(days, 1), np.nan)


def _ratio(price: ArrayLike, reference: ArrayLike) -> Column:
    above, below = np.asarray(price, np.float64), np.asarray(reference, np.float64)
    with np.errstate(all="ignore"):
        ratio = above / below - 1
    known = (above > 0) & (below > 0) & np.isfinite(ratio)
    return np.where(known, ratio, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """One contract's basis: columns of equal length, a row a candle of the contract; NaN where a price is missing.

    ``available_at`` is the end of the candle: nothing in the row was known before.
    """

    open_at: NDArray[np.int64]
    available_at: NDArray[np.int64]
    price: Column
    mark: Column
    index: Column
    spot: Column
    mark_index_bps: Column
    price_index_bps: Column
    price_spot_bps: Column
    basis_per_year: Column

    def __len__(self) -> int:
        return len(self.open_at)


@dataclass(frozen=True, slots=True)
class Prices:
    """Candles of one step for one contract: its own trades, and where there are any its mark, its index and a spot market.

    ``units`` is how many coins one unit of the contract's base is over how many one unit of spot's base is: 1000 for
    1000PEPE against PEPE. Mark and index are the venue's and in the contract's own unit.
    """

    traded: Candles
    mark: Candles
    index: Candles
    spot: Candles
    units: float = 1.0


def basis(prices: Prices, step: int, expires_at: Instant | None = None) -> Basis:
    """The basis at the close of every candle of the contract, or of its mark where nothing traded.

    Prices are joined on equal open times only: a price of another minute is no price of this one.

    Args:
        prices: sorted, unique candles.
        step: their length in ms.
        expires_at: of a dated future; None for a perpetual, whose ``basis_per_year`` is NaN in every row.
    """
    open_at = np.union1d(prices.traded.open_at, prices.mark.open_at)
    price, mark, index, spot = (
        _closes(open_at, candles) for candles in (prices.traded, prices.mark, prices.index, prices.spot)
    )
    spot = spot * prices.units
    reference = np.where(np.isnan(index), spot, index)
    per_year = (
        np.full(len(open_at), np.nan)
        if expires_at is None
        else dated_per_year(price, reference, open_at + step, expires_at)
    )
    return Basis(
        open_at,
        open_at + step,
        price,
        mark,
        index,
        spot,
        basis_bps(mark, index),
        basis_bps(price, index),
        basis_bps(price, spot),
        per_year,
    )


def _closes(open_at: NDArray[np.int64], candles: Candles) -> Column:
    """The closes of the candles that open at these times; NaN where there is none."""
    result = np.full(len(open_at), np.nan)
    rows = np.searchsorted(open_at, candles.open_at)
    inside = rows < len(open_at)
    inside[inside] = open_at[rows[inside]] == candles.open_at[inside]
    result[rows[inside]] = candles.close[inside]
    return result
