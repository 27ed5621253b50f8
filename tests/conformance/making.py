"""What the children of this room write: rows that say themselves which commit they are of.

What lives here: generations (one batch over three partitions, every value of it the generation's number), tails (rows
that are only ever added), rows from a seed. What does not: who writes them (``jobs``), what must hold (``checks``).
"""

import time
from collections.abc import Iterable

import numpy as np

from qmd_platform.lake.store import Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months

MINUTE = 60_000
DAY = 86_400_000
MINUTES = Series.candles(Market.parse("binance:BTC/USDT:USDT"), Timeframe.M1)
HOURS = Series.candles(Market.parse("gate:ETH/USDT"), Timeframe.H1)
OTHERS = Series.candles(Market.parse("bybit:SOL/USDT"), Timeframe.M5)

GENERATION = {
    Partition(MINUTES, "2026-01"): (1430, 1450),  # the end of one day and the start of the next: two files
    Partition(MINUTES, "2026-02"): (0, 20),
    Partition(HOURS, "2026-01"): (0, 30),
}
"""The partitions of a generation, and the steps from the month's start its rows are at."""

GAP = 5
"""Steps behind a generation's rows that are explained, with the generation as cause."""

TAILS = (MINUTES, OTHERS)
TAIL = 40
"""Rows one tail adds to each of ``TAILS``."""

TAILS_START = Partition(MINUTES, "2026-01").window.end - 3 * DAY
"""So that a storm's tails grow over the end of a month."""


def steps_of(partition: Partition, first: int, last: int) -> Window:
    """The window of steps ``first`` to ``last`` (exclusive) of a partition."""
    step = partition.series.timeframe.step
    return Window(partition.window.start + first * step, partition.window.start + last * step)


def level(open_at: Iterable[int], price: float) -> Candles:
    """Candles at these instants, all of one price, which is also their volume."""
    at = np.array(list(open_at), np.int64)
    flat = np.full(len(at), price, np.float64)
    return Candles(at, flat, flat, flat, flat, flat)


def generation(number: int) -> list[Write]:
    """The batch of a generation: every price, volume and cause in it is its number."""
    return [_stamped(partition, *ends, number) for partition, ends in GENERATION.items()]


def _stamped(partition: Partition, first: int, last: int, number: int) -> Write:
    window, step = steps_of(partition, first, last), partition.series.timeframe.step
    gap = Run(steps_of(partition, last, last + GAP), State.VERIFIED_EMPTY, f"generation {number}")
    rows = level(range(window.start, window.end, step), number)
    return Write(partition, rows.to_arrow(), asked=(window, gap.window), explained=(gap,))


def tail(number: int) -> list[Write]:
    """The batch of the ``number``-th tail (from 1): the next rows of each of ``TAILS``, their price its number."""
    return [
        Write(Partition(series, month), level(range(part.start, part.end, step), number).to_arrow(), asked=(part,))
        for series in TAILS
        for month, part in months(tail_window(series, number))
        for step in [series.timeframe.step]
    ]


def tail_window(series: Series, number: int) -> Window:
    """Where the ``number``-th tail is."""
    length = TAIL * series.timeframe.step
    return Window(TAILS_START + (number - 1) * length, TAILS_START + number * length)


def noise(partition: Partition, first: int, last: int, seed: int) -> Candles:
    """Steps ``first`` to ``last`` (exclusive) of a partition with prices of two decimals, drawn from ``seed``."""
    window = steps_of(partition, first, last)
    rng = np.random.default_rng(seed)
    close = 10_000 + np.cumsum(rng.integers(-9, 10, last - first))
    opened = np.r_[10_000, close[:-1]]
    high, low = np.maximum(opened, close) + rng.integers(0, 5, last - first), np.minimum(opened, close) - 1
    prices = [column / 100.0 for column in (opened, high, low, close)]
    at = np.arange(window.start, window.end, partition.series.timeframe.step, np.int64)
    return Candles(at, *prices, rng.integers(0, 1000, last - first) / 10.0)


def clock() -> Instant:
    """Now."""
    return time.time_ns() // 1_000_000


def far_future() -> Instant:
    """An instant at which every month of this room has ended and everything is old."""
    return clock() + 400 * DAY
