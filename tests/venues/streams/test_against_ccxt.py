"""The same messages read by ccxt.pro and by us: the same candles."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qmd_platform.model.window import iso
from qmd_platform.venues.streams.messages import Event
from qmd_platform.venues.streams.records import HeardCandle
from tests.venues.streams.reading import read, reader, streams

pytestmark = pytest.mark.slow  # importing ccxt.pro takes seconds

Json = Any

NUMBERS = st.decimals(min_value="0.00000001", max_value=100_000, places=8).map(lambda value: f"{value:f}")
MINUTES = st.integers(20_000_000, 30_000_000).map(lambda minute: minute * 60_000)


def binance(at: int, *numbers: str) -> list[Json]:
    o, h, low, c, v = numbers
    candle = {"t": at, "i": "1m", "o": o, "h": h, "l": low, "c": c, "v": v, "x": False, "s": "BTCUSDT"}
    return [{"e": "kline", "E": at + 5000, "s": "BTCUSDT", "k": candle}]


def bitfinex(at: int, *numbers: str) -> list[Json]:
    o, h, low, c, v = (float(value) for value in numbers)
    subscribed = {"event": "subscribed", "channel": "candles", "chanId": 7, "key": "trade:1m:tBTCUSD"}
    return [subscribed, [7, [at, o, c, h, low, v]]]


def bybit(at: int, *numbers: str) -> list[Json]:
    o, h, low, c, v = numbers
    names = {"open": o, "high": h, "low": low, "close": c, "volume": v}
    row = {
        "start": at,
        "end": at + 59_999,
        "interval": "1",
        **names,
        "turnover": "1",
        "confirm": False,
        "timestamp": at,
    }
    return [{"topic": "kline.1.BTCUSDT", "type": "snapshot", "ts": at + 5000, "data": [row]}]


def gate(at: int, *numbers: str) -> list[Json]:
    o, h, low, c, v = numbers
    row = {"t": str(at // 1000), "v": "1", "a": v, "o": o, "h": h, "l": low, "c": c, "n": "1m_BTC_USDT", "w": False}
    return [{"time": 1, "time_ms": at + 5000, "channel": "spot.candlesticks", "event": "update", "result": row}]


def kraken(at: int, *numbers: str) -> list[Json]:
    o, h, low, c, v = numbers
    names = {"open": float(o), "high": float(h), "low": float(low), "close": float(c), "volume": float(v)}
    begin = iso(at).replace("Z", ".000000000Z")
    row = {"symbol": "BTC/USD", **names, "trades": 1, "vwap": 1.0, "interval_begin": begin, "interval": 1}
    return [{"channel": "ohlc", "type": "update", "timestamp": iso(at + 5000), "data": [row]}]


def okx(at: int, *numbers: str) -> list[Json]:
    o, h, low, c, v = numbers
    return [{"arg": {"channel": "candle1m", "instId": "BTC-USDT"}, "data": [[str(at), o, h, low, c, v, "1", "1", "0"]]}]


def okx_swap(at: int, *numbers: str) -> list[Json]:
    o, h, low, c, v = numbers
    row = [str(at), o, h, low, c, "777", v, "1", "0"]
    return [{"arg": {"channel": "candle1m", "instId": "BTC-USDT-SWAP"}, "data": [row]}]


CASES: dict[str, tuple[str, str, Callable[..., list[Json]]]] = {
    "binance": ("binance:BTC/USDT:1m", "BTCUSDT", binance),
    "bitfinex": ("bitfinex:BTC/USD:1m", "tBTCUSD", bitfinex),
    "bybit": ("bybit:BTC/USDT:1m", "BTCUSDT", bybit),
    "gate": ("gate:BTC/USDT:1m", "BTC_USDT", gate),
    "kraken": ("kraken:BTC/USD:1m", "XXBTZUSD", kraken),
    "okx": ("okx:BTC/USDT:1m", "BTC-USDT", okx),
    "okx swap": ("okx:BTC/USDT:USDT:1m", "BTC-USDT-SWAP", okx_swap),
}


def exchange(venue: str, symbol: str, name: str) -> Json:
    """ccxt.pro's client of a venue that knows one market."""
    import ccxt.pro

    made = getattr(ccxt.pro, venue)()
    base, quote = symbol.partition(":")[0].split("/")
    is_swap = ":" in symbol
    market = {"id": name, "symbol": symbol, "base": base, "quote": quote, "baseId": base, "quoteId": quote}
    kind = {"type": "swap" if is_swap else "spot", "spot": not is_swap, "swap": is_swap, "contract": is_swap}
    more = {"linear": is_swap, "inverse": False, "settle": quote if is_swap else None, "contractSize": 0.01}
    made.set_markets([{**market, **kind, **more, "active": True, "precision": {}, "limits": {}}])
    return made


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_ccxt_reads_the_same_candle(case: str, data: st.DataObject) -> None:
    wanted, name, spoken = CASES[case]
    symbol = wanted.partition(":")[2].removesuffix(":1m")
    at, numbers = data.draw(MINUTES), [data.draw(NUMBERS) for _ in range(5)]
    messages = spoken(at, *numbers)
    theirs = exchanges.setdefault(case, exchange(wanted.partition(":")[0], symbol, name))
    theirs.ohlcvs = {}
    told = candle(read(reader(streams(wanted, name)), *map(json.dumps, messages)))
    client = SimpleNamespace(url="ws://sandbox/spot/stream", resolve=lambda *_: None)
    extra = ({"channel": "candles", "key": "trade:1m:tBTCUSD"},) if case == "bitfinex" else ()
    theirs.handle_ohlcv(client, messages[-1], *extra)
    (row,) = theirs.ohlcvs[symbol]["1m"]
    if case == "gate":  # ccxt takes ``v``, which is in quote coins at spot; REST's candles are in base coins, as ours
        row = [*row[:5], told.volume]
    assert [told.open_at, told.open, told.high, told.low, told.close, told.volume] == row


exchanges: dict[str, Json] = {}
"""Made once: it takes long."""


def candle(events: list[Event]) -> HeardCandle:
    (found,) = [event for event in events if isinstance(event, HeardCandle)]
    return found
