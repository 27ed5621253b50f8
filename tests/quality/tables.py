"""Clean tables to spoil, and ways to spoil them."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import instant
from qmd_platform.quality.judge import Beside, Finding, judged
from qmd_platform.sandbox.market import truth

MARKET = Market("binance", "BTC/USDT")
MONTH = "2026-02"
NOW = instant("2026-04-01")


def partition(timeframe: Timeframe = Timeframe.H1, month: str = MONTH, market: Market = MARKET) -> Partition:
    return Partition(Series.candles(market, timeframe), month)


@cache
def clean(timeframe: Timeframe = Timeframe.H1, market: Market = MARKET) -> Candles:
    return truth(market, timeframe, partition(timeframe).window, NOW)


def all_there(of: Partition) -> list[Run]:
    return [Run(of.window, State.PRESENT)]


def changed(candles: Candles, **columns: np.ndarray) -> Candles:
    return Candles(*(columns.get(name, getattr(candles, name)) for name in COLUMNS))


def with_value(candles: Candles, column: str, rows: int | Sequence[int], value: float) -> Candles:
    values = getattr(candles, column).copy()
    values[rows] = value
    return changed(candles, **{column: values})


def half_built(candles: Candles, every: int) -> Candles:
    """Each ``every``-th candle as it was a third of the way: less traded, its range and close not reached yet."""
    rows = np.arange(every - 1, len(candles), every)
    high, low, close, volume = (getattr(candles, name).copy() for name in ("high", "low", "close", "volume"))
    start = candles.open[rows]
    high[rows] = start + (high[rows] - start) / 3
    low[rows] = start - (start - low[rows]) / 3
    close[rows] = np.where(close[rows] > start, low[rows], high[rows])
    volume[rows] *= 0.3
    return changed(candles, high=high, low=low, close=close, volume=volume)


def broken(findings: Sequence[Finding]) -> dict[str, Finding]:
    return {finding.rule.name: finding for finding in findings if not finding.passed}


def broken_rules(
    candles: Candles, runs: Sequence[Run] | None = None, of: Partition | None = None, beside: Beside | None = None
) -> set[str]:
    of = of or partition()
    return set(broken(judged(of, candles, all_there(of) if runs is None else runs, beside)))
