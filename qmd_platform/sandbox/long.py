"""Candles longer than a day: months and weeks, which clients ask for to find a market's first day.

What lives here: their rollup from days. What does not: the days (``market``), their printing (the venues).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.columns import TOTALS, Trading
from qmd_platform.sandbox.exchange import Deterministic, Exchange, Rows
from qmd_platform.sandbox.market import trading
from qmd_platform.sandbox.universe import Listing

Bucket = Callable[[NDArray[np.int64]], NDArray[np.int64]]
"""The start of the month or week that each instant is in."""

_DAY = Timeframe.D1.step


def months(at: NDArray[np.int64]) -> NDArray[np.int64]:
    """See ``Bucket``."""
    first = at.astype("datetime64[ms]").astype("datetime64[M]").astype("datetime64[ms]")
    return np.asarray(first.astype(np.int64))


def weeks(at: NDArray[np.int64]) -> NDArray[np.int64]:
    """See ``Bucket``. Weeks as Kraken has them, which begin on Thursdays."""
    return at // (7 * _DAY) * (7 * _DAY)


def long_rows(exchange: Exchange, listing: Listing, bucket: Bucket, limit: int, now: Instant) -> Rows:
    """The newest ``limit`` candles of ``listing`` at ``now``, oldest first; none of a recorded market."""
    days = Trading.none() if listing.market in exchange.replayed else _days(listing, now)
    return Deterministic(listing).printed(_rolled_up(days, bucket).take(slice(-limit, None)))


@lru_cache(maxsize=32)
def _days(listing: Listing, now: Instant) -> Trading:
    """All days since the listing, millions of minutes: kept for who asks again while the clock stands still."""
    return trading(listing, _DAY, listing.listed_at // _DAY * _DAY, now + 1, now)


def _rolled_up(days: Trading, bucket: Bucket) -> Trading:
    if not len(days):
        return days
    start = bucket(days.open_at)
    first = np.flatnonzero(np.r_[True, start[1:] != start[:-1]])
    last = np.r_[first[1:], len(days)] - 1
    totals = {name: np.add.reduceat(getattr(days, name), first) for name in TOTALS}
    return replace(
        days,
        open_at=start[first],
        open=days.open[first],
        high=np.maximum.reduceat(days.high, first),
        low=np.minimum.reduceat(days.low, first),
        close=days.close[last],
        **totals,
    )
