"""Bybit's WebSockets, as data. What the fields mean: ``shape``."""

from dataclasses import replace

from qmd_platform.venues.streams.habits.shape import Habits

_DOCS = "https://bybit-exchange.github.io/docs/v5/ws/connect"
_SOURCES = {
    "url": f"{_DOCS}, mainnet",
    "streams": "ours: the venue limits the arguments of one connection to 21,000 characters, which are 900 of these",
    "batch": f"{_DOCS}, public channel: 10 arguments a request at spot; 2000 elsewhere, where we stay with as many",
    "sends_per_second": "ours: the venue names no limit",
    "connects": f"{_DOCS}, IP limits: no more than 500 connections in 5 minutes",
    "ping_seconds": f"{_DOCS}: a ping every 20 s",
    "quiet_seconds": "three of our pings",
    "beat_seconds": "streams have no beats",
    "talks": "https://bybit-exchange.github.io/docs/v5/websocket/public/kline: pushed every 1 to 60 s",
    "greets": "not documented for candles",
}
_SPOT = Habits(
    url="wss://stream.bybit.com/v5/public/spot",
    sandbox="/ws/bybit/v5/public/spot",
    streams=200,
    batch=10,
    sends_per_second=10,
    connects=(500, 300),
    ping_seconds=20,
    quiet_seconds=60,
    beat_seconds=None,
    talks=True,
    greets=False,
    sources=_SOURCES,
)
_LINEAR = replace(_SPOT, url="wss://stream.bybit.com/v5/public/linear", sandbox="/ws/bybit/v5/public/linear")

PLACES = {"spot": _SPOT, "linear": _LINEAR}
