"""Bitfinex's WebSockets, as data. What the fields mean: ``shape``."""

from qmd_platform.venues.streams.habits.shape import Habits

_DOCS = "https://docs.bitfinex.com/docs"
_PUBLIC = Habits(
    url="wss://api-pub.bitfinex.com/ws/2",
    sandbox="/ws/bitfinex/ws/2",
    streams=25,
    batch=1,
    sends_per_second=20,
    connects=(20, 60),
    ping_seconds=30,
    quiet_seconds=60,
    beat_seconds=15,
    talks=True,
    greets=True,
    sources={
        "url": f"{_DOCS}/ws-general: public channels",
        "streams": f"{_DOCS}/ws-public: 25 channels at the same time on the same connection",
        "batch": f"{_DOCS}/ws-public: one channel a request",
        "sends_per_second": "ours: the venue names no limit",
        "connects": f"{_DOCS}/ws-public: 20 connections a minute",
        "ping_seconds": f"{_DOCS}/ws-general: ping and pong, any time",
        "quiet_seconds": "four of the venue's heartbeats",
        "beat_seconds": f"{_DOCS}/ws-general: a heartbeat for each channel after 15 s without data",
        "talks": "its heartbeats do",
        "greets": f"{_DOCS}/ws-public: a snapshot follows the answer",
    },
)

PLACES = {"public": _PUBLIC}
