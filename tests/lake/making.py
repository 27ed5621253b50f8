"""Candles and writes made by hand, shared by this room's tests."""

import numpy as np

from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

JANUARY = Partition(Series.candles(Market.parse("binance:BTC/USDT:USDT"), Timeframe.H1), "2026-01")
FEBRUARY = Partition(JANUARY.series, "2026-02")


def candles_at(steps: list[int], price: float = 100.0, partition: Partition = JANUARY) -> Candles:
    """Candles at the given steps from the partition's start, all of one price."""
    open_at = partition.window.start + np.array(steps, np.int64) * partition.series.timeframe.step
    flat = np.full(len(steps), price, np.float64)
    return Candles(open_at, flat, flat, flat, flat, np.ones(len(steps)))


def hours(first: int, last: int, partition: Partition = JANUARY) -> Window:
    """Hours ``first`` to ``last`` (exclusive) of a partition."""
    return Window(partition.window.start + first * 3_600_000, partition.window.start + last * 3_600_000)


def put(lake: Lake, *writes: Write, idem_key: str | None = None) -> tuple[int, *tuple[Outcome, ...]]:
    """Commit ``writes``; the commit's id, then the outcomes."""
    number, outcomes = lake.commit(writes, run_id="test", source="live:test", idem_key=idem_key)
    return number, *outcomes
