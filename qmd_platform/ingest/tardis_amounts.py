"""Amounts in contracts as base coins, with the size that a contract had at the time.

What lives here: the sizes of a time, exact multiplication. What does not: what the amounts are of (``ingest.tardis``,
``ingest.tardis_states``).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qmd_platform.ingest.tardis_days import Source
from qmd_platform.model.candles import Candles
from qmd_platform.venues.parsing import exact
from qmd_platform.venues.port import Instrument

DIGITS = 8
"""Decimals of an amount that are taken exactly."""
_EXACT = 2**53


def in_own_coins(candles: Candles, source: Source) -> Candles:
    """Volumes in base coins: amounts in contracts times the size of a contract at their time, exactly where that is possible."""
    if source.exchange.amount == "base" or not len(candles):
        return candles
    volume = candles.volume.copy()
    for rows, size in sizes_at(source.history, candles.open_at):
        volume[rows] = in_base(candles.volume[rows], size)
    return with_volume(candles, volume)


def sizes_at(history: Sequence[Instrument], at: NDArray[np.int64]) -> list[tuple[NDArray[np.bool_], float]]:
    """Which instants fall under which contract size. Before the first that is known, that one is taken."""
    since = np.array([one.valid_from or 0 for one in history], np.int64)
    which = np.maximum(np.searchsorted(since, at, side="right") - 1, 0)
    return [(which == place, history[place].contract_size) for place in np.unique(which).tolist()]


def in_base(contracts: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Contracts as base coins: the float64 nearest to the exact decimal, where the contracts have at most eight places."""
    numerator, denominator = exact(size).as_integer_ratio()
    for digits in range(DIGITS + 1):
        scale = 10.0**digits
        scaled = np.rint(contracts * scale)
        if np.array_equal(scaled / scale, contracts) and np.abs(scaled).max(initial=0) * numerator < _EXACT:
            return np.asarray(scaled * numerator / (denominator * scale))
    return np.asarray(contracts * size)


def with_volume(candles: Candles, volume: NDArray[np.float64]) -> Candles:
    """The candles with other volumes."""
    return Candles(candles.open_at, candles.open, candles.high, candles.low, candles.close, volume)
