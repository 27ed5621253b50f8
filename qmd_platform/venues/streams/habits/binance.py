"""Binance's WebSockets, as data. What the fields mean: ``shape``."""

from qmd_platform.venues.streams.habits.shape import Habits

_SPOT = "https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams"
_SPOT_PLACE = Habits(
    url="wss://stream.binance.com:9443/ws",
    sandbox="/ws/binance/spot/ws",
    streams=1024,
    batch=200,
    sends_per_second=4,
    connects=(300, 300),
    ping_seconds=20,
    quiet_seconds=60,
    beat_seconds=None,
    talks=True,
    greets=False,
    sources={
        "url": f"{_SPOT}: base endpoint, raw streams below /ws",
        "streams": f"{_SPOT}: 1024 streams a connection",
        "batch": "ours: a request of 200 streams is 5 kB",
        "sends_per_second": f"{_SPOT}: 5 incoming messages per second, pings and pongs among them",
        "connects": f"{_SPOT}: 300 connections in 5 minutes and address",
        "ping_seconds": f"{_SPOT}: the venue pings every 20 s and wants an answer in a minute; we ping as often",
        "quiet_seconds": "three of the venue's pings",
        "beat_seconds": "streams have no beats",
        "talks": (
            f"{_SPOT}: pushed every 2 s, of some markets only when there is news (https://github.com/ccxt/node-binance-api/"
            "issues/509); a silence is told, and costs a new connection in a quarter of an hour at most"
        ),
        "greets": "not documented",
    },
)

_USDM = "https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams"
_USDM_PLACE = Habits(
    url="wss://fstream.binance.com/market/ws",
    sandbox="/ws/binance/linear/market/ws",
    streams=200,
    batch=100,
    sends_per_second=5,
    connects=(300, 300),
    ping_seconds=60,
    quiet_seconds=200,
    beat_seconds=None,
    talks=True,
    greets=False,
    sources={
        "url": (
            f"{_USDM}/Important-WebSocket-Change-Notice: candles and mark prices are told below /market only; the old "
            "address was given up on 2026-04-23: it accepts and says nothing. ccxt 4.5.64 puts /market in too"
        ),
        "streams": f"{_USDM}: 1024 streams a connection; 200 is what ccxt 4.5.64 keeps to",
        "batch": "ours: half a connection",
        "sends_per_second": f"{_USDM}: 10 incoming messages per second",
        "connects": "as at spot, the venue names no number of its own here",
        "ping_seconds": f"{_USDM}: the venue pings every 3 minutes; more often, as silence is told sooner so",
        "quiet_seconds": "three of our pings, and one of the venue's",
        "beat_seconds": "streams have no beats",
        "talks": f"{_USDM}: pushed every 250 ms; it prints candles without trades. Were it wrong: as at spot",
        "greets": "not documented",
    },
)

PLACES = {"spot": _SPOT_PLACE, "linear": _USDM_PLACE}
