"""The real ccxt.pro, as a strategy would use it, sees the truth over the sandbox's WebSockets."""

import asyncio

import numpy as np
import pytest

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe, timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox import reference, snapshots
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.snapshots import open_interest_truth, predictions_truth
from tests.sandbox.ws_clients import PATIENCE, Ccxt, streaming, topics, until

_NOW = "2026-11-20T12:34:56.789Z"
_WATCHED = (
    ("binance:BTC/USDT", "1m"),
    ("binance:BTC/USDT:USDT", "5m"),
    ("gate:BTC/USDT:USDT", "1m"),
    ("bitfinex:BTC/USD", "1m"),
    ("okx:BTC/USDT:USDT", "1m"),
    ("okx:ETH/USDT", "5m"),
    ("bybit:BTC/USDT", "1m"),
    ("bybit:BTC/USDT:USDT", "5m"),
    ("kraken:BTC/USD", "1m"),
)


async def _watch(exchange: Ccxt, market: Market, step: Timeframe, seen: dict[int, list[float]]) -> None:
    while True:
        for at, *values in await exchange.watch_ohlcv(market.symbol, step.value):
            seen[at] = values


@pytest.mark.parametrize(("series", "interval"), _WATCHED)
def test_ccxt_pro_ends_up_with_the_closed_candles_of_the_truth(series: str, interval: str) -> None:
    asyncio.run(_compared(Market.parse(series), timeframe(interval)))


async def _compared(market: Market, step: Timeframe) -> None:
    async with Sandbox(now=_NOW, stream_seconds=15) as sandbox:
        exchange = streaming(market.venue, sandbox.url)
        seen: dict[int, list[float]] = {}
        watching = asyncio.create_task(_watch(exchange, market, step, seen))
        try:
            await until(lambda: topics(sandbox, market.venue) == 1 or watching.done())
            now = await sandbox.passing(12 * MINUTE)
            truth = sandbox.truth(market, step, Window(instant(_NOW) // step.step * step.step, now))
            expected = dict(zip(truth.open_at.tolist(), _values(truth, _unit(sandbox, market)), strict=True))
            last = max(expected)
            await until(lambda: seen.get(last) == expected[last] or watching.done())
            assert {at: seen.get(at) for at in expected} == expected
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await exchange.close()


_STATES = (
    ("binance:BTC/USDT:USDT", "watch_mark_price", ("p", "i", "r", "T")),
    ("okx:BTC/USDT:USDT", "watch_mark_price", ("markPx",)),
    ("okx:BTC/USDT:USDT", "watch_funding_rate", ("fundingRate", "fundingTime")),
    (
        "bybit:BTC/USDT:USDT",
        "watch_ticker",
        ("markPrice", "indexPrice", "fundingRate", "nextFundingTime", "openInterest"),
    ),
    ("gate:BTC/USDT:USDT", "watch_ticker", ("mark_price", "index_price", "funding_rate_indicative", "total_size")),
)
_AS = {
    **dict.fromkeys(("p", "markPx", "markPrice", "mark_price"), "mark"),
    **dict.fromkeys(("i", "indexPrice", "index_price"), "index"),
    **dict.fromkeys(("r", "fundingRate", "funding_rate_indicative"), "rate"),
    **dict.fromkeys(("T", "fundingTime", "nextFundingTime"), "next_at"),
    **dict.fromkeys(("openInterest", "total_size"), "outstanding"),
}


@pytest.mark.parametrize(("name", "watch", "fields"), _STATES)
def test_ccxt_pro_reads_marks_and_funding(name: str, watch: str, fields: tuple[str, ...]) -> None:
    asyncio.run(_read(Market.parse(name), watch, fields))


async def _read(market: Market, watch: str, fields: tuple[str, ...]) -> None:
    async with Sandbox(now=_NOW, stream_seconds=15) as sandbox:
        exchange = streaming(market.venue, sandbox.url)
        reading = asyncio.create_task(getattr(exchange, watch)(market.symbol))
        try:
            await until(lambda: topics(sandbox, market.venue) == 1 or reading.done())
            await sandbox.passing(30_000)
            read = await asyncio.wait_for(reading, PATIENCE)
            told = read["info"]
            # Gate's message says the time outside of what ccxt.pro hands on
            at = int(told.get("E") or told.get("ts") or read.get("timestamp") or instant("2026-11-20T12:35:00Z"))
            assert {_AS[field]: float(told[field]) for field in fields}.items() <= _state(sandbox, market, at).items()
        finally:
            await exchange.close()


def _state(sandbox: Sandbox, market: Market, at: int) -> dict[str, float]:
    """What the closed forms say of a contract at ``at``."""
    listing, instants = sandbox.exchange.of_market(market), np.array([at], np.int64)
    assert listing is not None
    (next_at,), (rate,) = predictions_truth(market, instants)
    marks, indexes = snapshots.marks(listing, instants), snapshots.marks(reference.indexed(listing), instants)
    scale = 10.0**listing.tick_digits
    outstanding = float(open_interest_truth(market, instants).contracts[0])
    prices = {"mark": float(marks[0] / scale), "index": float(indexes[0] / scale)}
    return {**prices, "rate": float(rate), "next_at": float(next_at), "outstanding": outstanding}


def _unit(sandbox: Sandbox, market: Market) -> float:
    """Base coins in one unit of the volume that ccxt.pro tells: it leaves Gate's contracts as they are."""
    listing = sandbox.exchange.of_market(market)
    assert listing is not None
    return float(listing.contract_size) if market.venue == "gate" else 1.0


def _values(truth: Candles, unit: float) -> list[list[float]]:
    volume = truth.volume if unit == 1 else (truth.volume / unit).round()
    columns = (truth.open, truth.high, truth.low, truth.close, volume)
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
