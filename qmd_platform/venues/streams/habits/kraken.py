"""Kraken's WebSockets, as data. What the fields mean: ``shape``."""

from qmd_platform.venues.streams.habits.shape import Habits

_PUBLIC = Habits(
    url="wss://ws.kraken.com/v2",
    sandbox="/ws/kraken/v2",
    streams=200,
    batch=50,
    sends_per_second=5,
    connects=(150, 600),
    ping_seconds=10,
    quiet_seconds=30,
    beat_seconds=None,
    talks=False,
    greets=True,
    sources={
        "url": "https://docs.kraken.com/exchange/api-reference/spot-websocket: v2, public",
        "streams": "ours: the venue names no limit",
        "batch": "ours: a list of symbols a request; each is answered for itself",
        "sends_per_second": "ours: the venue limits messages without a number",
        "connects": "ours: one in four seconds; the venue's pages on its API name no number",
        "ping_seconds": "https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/ping: any time",
        "quiet_seconds": "the venue beats every second once anything is subscribed to",
        "beat_seconds": "streams have no beats",
        "talks": "https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/ohlc: updates come with trades",
        "greets": "https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/ohlc: a snapshot follows the answer",
    },
)

PLACES = {"public": _PUBLIC}
