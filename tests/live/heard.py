"""Candles and marks as a venue would have said them, their values made from their minute's number."""

from dataclasses import replace

from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.venues.streams.records import HeardCandle, HeardMark

MINUTE = 60_000
DAY = 86_400_000
NOON = 1_795_262_400_000  # 2026-11-21T12:00:00Z
BTC = Series.candles(Market("binance", "BTC/USDT"), Timeframe.M1)
ETH = Series.candles(Market("binance", "ETH/USDT"), Timeframe.M1)
PERPETUAL = Market("binance", "BTC/USDT:USDT")


def candle(number: int, series: Series = BTC, *, shift: float = 0.0, closed: bool = True) -> HeardCandle:
    """The candle of the minute ``number`` after noon, said 20 ms after its end."""
    at = NOON + number * MINUTE
    price = 100.0 + number % 50 + shift
    end = at + MINUTE
    return HeardCandle(
        series, at, price, price + 1, price - 1, price + 0.5, 1.0 + number % 7, closed, end + 20, end + 50
    )


def mark(number: int, market: Market = PERPETUAL, **changes: object) -> HeardMark:
    """What was said ``number`` minutes after noon."""
    at = NOON + number * MINUTE
    said = HeardMark(market, 100.0 + number, 99.5 + number, 0.0001, NOON + 4 * 60 * MINUTE, None, at, at + 30)
    return replace(said, **changes)
