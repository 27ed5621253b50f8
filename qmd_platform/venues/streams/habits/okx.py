"""OKX's WebSockets, as data. What the fields mean: ``shape``."""

from dataclasses import replace

from qmd_platform.venues.streams.habits.shape import Habits

_DOCS = "https://www.okx.com/docs-v5/en/#overview-websocket"
_SOURCES = {
    "url": f"{_DOCS}, production: candles at /business, everything else here at /public",
    "streams": "ours: the venue names no number of channels",
    "batch": f"{_DOCS}, subscribe: the arguments of a request are up to 64 kB, of 60 bytes each",
    "sends_per_second": f"{_DOCS}, connect: 480 requests an hour and connection; they are few, as batches are large",
    "connects": f"{_DOCS}, connect: 3 new connections a second and address",
    "ping_seconds": f"{_DOCS}, connect: send the text ping when nothing came for less than 30 s, or it hangs up",
    "quiet_seconds": "three of our pings",
    "beat_seconds": "streams have no beats",
    "talks": f"{_DOCS}, candlesticks channel: pushed every second at most; it prints candles without trades. Were it wrong: a new connection in a quarter of an hour",
    "greets": "not documented",
}
_PUBLIC = Habits(
    url="wss://ws.okx.com:8443/ws/v5/public",
    sandbox="/ws/okx/ws/v5/public",
    streams=300,
    batch=100,
    sends_per_second=2,
    connects=(3, 1),
    ping_seconds=18,
    quiet_seconds=55,
    beat_seconds=None,
    talks=True,
    greets=False,
    sources=_SOURCES,
)
_BUSINESS = replace(_PUBLIC, url="wss://ws.okx.com:8443/ws/v5/business", sandbox="/ws/okx/ws/v5/business")

PLACES = {"public": _PUBLIC, "business": _BUSINESS}
