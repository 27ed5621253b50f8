"""A made-up market: candles that compress and gap as a venue's do.

What lives here: the generator; the same number and window give the same candles on every run. What does not:
files. Prices are on a tick grid and volumes in lots, volatility comes in clusters, quiet markets have minutes
without a trade (open = high = low = close, volume 0), and every market was unreachable at least once.
"""

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles
from qmd_platform.model.window import Window

MINUTE = 60_000
HOUR = 60
SEED = 20_260
"""Changing it changes every market; figures of different seeds are not to be compared."""

Floats = NDArray[np.float64]


def name(number: int) -> str:
    """The symbol of a made-up market."""
    return f"M{number:03d}/USDT"


def generated(number: int, window: Window) -> Candles:
    """The 1m candles of a market in ``window``, without those of its outages."""
    rng = np.random.default_rng([SEED, number])
    minutes = (window.end - window.start) // MINUTE
    loudness = np.exp(_log_volatility(rng, minutes))
    trades = rng.poisson(10 ** rng.uniform(0.5, 2.5) * loudness)
    sigma = 6e-4 * loudness
    digits, tick, start = _grid(rng)
    moves = np.where(trades > 0, np.clip(sigma * rng.standard_t(4, minutes) / 1.4, -0.05, 0.05), 0.0)
    closed = np.maximum(np.rint(start * np.exp(np.cumsum(moves)) / tick), 20)
    opened = np.r_[closed[0], closed[:-1]]
    # A trade that opens a minute is mostly at the last one's price, else a tick or two beside it.
    opened = np.where(trades > 0, opened + rng.choice([0, 0, 0, 1, -1, 2], minutes), opened)
    closed = np.where(trades > 0, closed, opened)
    wick = sigma * closed * 0.5 * (trades > 1)
    high = np.maximum(opened, closed) + np.rint(np.abs(rng.standard_normal(minutes)) * wick)
    low = np.maximum(np.minimum(opened, closed) - np.rint(np.abs(rng.standard_normal(minutes)) * wick), 1)
    lots = np.where(trades > 0, np.maximum(np.rint(rng.gamma(np.maximum(trades, 1) * 0.4) * 300), 1), 0)
    # Divided by a power of ten, not multiplied by a tick: so the floats are those that a venue's text gives.
    steps = round(tick * 10**digits)
    prices = [values * steps / 10.0**digits for values in (opened, high, low, closed)]
    open_at = window.start + np.arange(minutes, dtype=np.int64) * MINUTE
    return Candles(open_at, *prices, lots / 10.0 ** rng.integers(0, 5)).take(_reachable(rng, minutes))


def _log_volatility(rng: np.random.Generator, minutes: int) -> Floats:
    """Hours remember the hour before; days have a loud half; minutes add noise of their own."""
    hours = minutes // HOUR + 2
    shocks = rng.standard_normal(hours) * 0.18
    level = np.empty(hours)
    now = 0.0
    for hour in range(hours):
        now = 0.97 * now + shocks[hour]
        level[hour] = now
    at = np.arange(minutes) / HOUR
    return (
        np.interp(at, np.arange(hours), level)
        + 0.35 * np.sin(at * 2 * np.pi / 24)
        + 0.25 * rng.standard_normal(minutes)
    )


def _grid(rng: np.random.Generator) -> tuple[int, float, float]:
    """Decimal digits, the tick, and a first price some thousands of ticks high."""
    start = 10 ** rng.uniform(-2, 4.7)
    digits = int(np.clip(4 - np.floor(np.log10(start)), 1, 8))
    return digits, float(rng.choice([1, 1, 5])) / 10**digits, float(start)


def _reachable(rng: np.random.Generator, minutes: int) -> NDArray[np.bool_]:
    """False in one to a few outages of some hours."""
    kept = np.ones(minutes, np.bool_)
    for _ in range(1 + rng.poisson(0.5)):
        first = int(rng.integers(HOUR, minutes - HOUR))
        kept[first : min(first + 1 + int(rng.exponential(110)), minutes - HOUR)] = False
    return kept
