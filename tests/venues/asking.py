"""Asking any venue whose server a test writes: a market it knows, rows as it writes them, the whole around them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.port import Instrument, Page
from qmd_platform.venues.retry import Patience
from tests.venues.writtenserver import Reply, Server, writing

T = TypeVar("T")

QUICK = Patience(base_seconds=0.001, cap_seconds=0.004)
STEP = 60_000
START = 1_700_000_040_000
WINDOW = Window(START, START + 3 * STEP)
SPOT = {
    "binance": "BTC/USDT",
    "gate": "BTC/USDT",
    "bitfinex": "BTC/USD",
    "okx": "BTC/USDT",
    "bybit": "BTC/USDT",
    "kraken": "BTC/USD",
}


def known(symbol: str, venue_symbol: str) -> Instrument:
    base, quote = symbol.split("/")
    record = {"id": venue_symbol, "symbol": symbol, "base": base, "quote": quote, "spot": True, "type": "spot"}
    return Instrument(symbol, venue_symbol, "spot", base, quote, "", True, 1.0, None, None, None, json.dumps(record))


KNOWN = {
    "binance": known("BTC/USDT", "BTCUSDT"),
    "gate": known("BTC/USDT", "BTC_USDT"),
    "bitfinex": known("BTC/USD", "tBTCUSD"),
    "okx": known("BTC/USDT", "BTC-USDT"),
    "bybit": known("BTC/USDT", "BTCUSDT"),
    "kraken": known("BTC/USD", "XXBTZUSD"),
}
ROWS: dict[str, Callable[[int], list[object]]] = {
    "binance": lambda at: [at, "1", "3", "1", "2", "5", at + STEP - 1, "9", 4, "1", "1", "0"],
    "gate": lambda at: [str(at // 1000), "9", "2", "3", "1", "1", "5", "true"],
    "bitfinex": lambda at: [at, 1, 2, 3, 1, 5],
    "okx": lambda at: [str(at), "1", "3", "1", "2", "5", "9", "9", "1"],
    "bybit": lambda at: [str(at), "1", "3", "1", "2", "5", "9"],
    "kraken": lambda at: [at // 1000, "1", "3", "1", "2", "1.5", "5", 4],
}
AROUND: dict[str, Callable[[list[object]], object]] = {
    "okx": lambda rows: {"code": "0", "msg": "", "data": rows},
    "bybit": lambda rows: {"retCode": 0, "retMsg": "OK", "result": {"list": rows}, "time": START},
    "kraken": lambda rows: {"error": [], "result": {"XXBTZUSD": rows, "last": START // 1000}},
}
venues = pytest.mark.parametrize("venue", ROWS)


def whole(venue: str) -> Reply:
    rows = [ROWS[venue](START + i * STEP) for i in range(3)]
    return Reply.of(AROUND[venue](rows) if venue in AROUND else rows)


def asking(
    venue: str,
    answer: Callable[[int, str], Reply],
    question: Callable[[CcxtVenue], Awaitable[T]] | None = None,
    **options: Any,
) -> tuple[T, CcxtVenue, Server]:
    """Ask a venue whose server gives ``answer(n, path)`` for a page, or ``question`` of it."""
    options = {"instruments": [KNOWN[venue]], "patience": QUICK} | options

    async def page(asked: CcxtVenue) -> Page:
        return await asked.page(Market(venue, SPOT[venue]), Timeframe.M1, WINDOW)

    async def ask() -> tuple[Any, CcxtVenue, Server]:
        async with writing(answer) as server, client(venue, venue_url=server.url, **options) as asked:
            return await (question or page)(asked), asked, server

    return asyncio.run(ask())


def once(venue: str, bad: Reply) -> Callable[[int, str], Reply]:
    return lambda n, path: bad if n == 1 else whole(venue)
