"""Gate's WebSockets, as data. What the fields mean: ``shape``."""

from dataclasses import replace

from qmd_platform.venues.streams.habits.shape import Habits

_SPOT_DOCS = "https://www.gate.com/docs/developers/apiv4/ws/en/"
_FUTURES_DOCS = "https://www.gate.com/docs/developers/futures/ws/en/"
_WORDS = "https://github.com/gateio/gatews/issues/25, the venue's answer"
_SOURCES = {
    "streams": f"ours; {_WORDS}: no limit, and a connection with much to tell is closed when its client is slow",
    "batch": "one candle a request: the payload is [interval, market]",
    "sends_per_second": f"ours; {_WORDS}: no limit",
    "connects": f"ours; {_WORDS}: no limit, 100 connections of one host at most are recommended",
    "ping_seconds": "ours; the application's ping (spot.ping, futures.ping) is answered at any time",
    "quiet_seconds": "three of our pings, which it answers",
    "beat_seconds": "streams have no beats",
    "talks": "recorded: ten contracts said one message in half a minute",
    "greets": "recorded: nothing came at once",
}
_SPOT = Habits(
    url="wss://api.gateio.ws/ws/v4/",
    sandbox="/ws/gate/spot/ws/v4/",
    streams=100,
    batch=1,
    sends_per_second=20,
    connects=(60, 60),
    ping_seconds=15,
    quiet_seconds=50,
    beat_seconds=None,
    talks=False,
    greets=False,
    sources={"url": f"{_SPOT_DOCS}, server URL", **_SOURCES},
)
_USDT = replace(
    _SPOT,
    url="wss://fx-ws.gateio.ws/v4/ws/usdt",
    sandbox="/ws/gate/linear/v4/ws/usdt",
    sources={"url": f"{_FUTURES_DOCS}, server URL, USDT contract", **_SOURCES},
)

PLACES = {"spot": _SPOT, "linear": _USDT}
