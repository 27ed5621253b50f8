"""A venue whose answers a test writes down: for what a server over a socket cannot be made to do exactly."""

from collections.abc import Callable

import numpy as np

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.port import Instrument, Page, Traffic

MINUTE = 60_000
MARKET = Market("binance", "BTC/USDT")

Answer = Callable[[int, Window], Candles]


def minutes(*numbers: int, shift: float = 0.0) -> Candles:
    """Candles of the given minutes, their values made from the minute's number."""
    at = np.array(numbers, np.int64)
    price = 100.0 + at + shift
    return Candles(at * MINUTE, price, price + 1, price - 1, price + 0.5, at + 1.0)


class ScriptedVenue:
    """Answers with ``answer(number of the request, window)``; where it goes on with ``onward``, if it can be asked."""

    name = "binance"

    def __init__(self, answer: Answer, *, omits: bool, limit: int = 1000, onward: Answer | None = None) -> None:
        self.traffic = Traffic()
        self.asked: list[Window] = []
        self._answer = answer
        self._omits = omits
        self._onward = onward
        self._limit = limit

    def page_limit(self, market: Market, timeframe: Timeframe) -> int:
        return self._limit

    def omits_empty(self, market: Market) -> bool:
        return self._omits

    async def page(self, market: Market, timeframe: Timeframe, window: Window, traffic: Traffic | None = None) -> Page:
        self.asked.append(window)
        return Page(window, self._answer(len(self.asked), window), "")

    def goes_on(self, market: Market) -> bool:
        return self._onward is not None

    async def onward(
        self, market: Market, timeframe: Timeframe, at: Instant, traffic: Traffic | None = None
    ) -> Page | None:
        if self._onward is None:
            return None
        window = Window(at, at + timeframe.step)
        self.asked.append(window)
        return Page(window, self._onward(len(self.asked), window), "")

    async def server_time(self) -> Instant:
        return 0

    async def instruments(self) -> list[Instrument]:
        return []

    async def first_candle_at(self, market: Market, timeframe: Timeframe, before: Instant = 0) -> Instant | None:
        return None

    async def close(self) -> None:
        return
