"""Kraken's WebSocket, version 2, spot.

What lives here: requests, messages. What does not: addresses and limits (``habits``), when a candle is closed, for which the
venue has no word (``closing``).

Sources, read on 2026-11-21: https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/ohlc (each symbol is answered
for itself; updates come with trades; ``interval_begin``), .../heartbeat, .../status, .../ping. Markets have the names that
ccxt gives them. The envelope's ``timestamp`` is when a message was sent: it tells late ones from corrections.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from qmd_platform.model.window import Instant
from qmd_platform.venues import spellings
from qmd_platform.venues.streams.closing import Closing
from qmd_platform.venues.streams.dialects.shape import (
    FAULTS,
    Request,
    asking,
    batches,
    number,
    words,
)
from qmd_platform.venues.streams.messages import (
    Accepted,
    Beat,
    Denied,
    Event,
    Farewell,
    Ignored,
    Prices,
    unreadable,
)
from qmd_platform.venues.streams.wanted import Stream, Subject

VENUE = "kraken"
_PLACE = "public"
_CANDLES = "ohlc"
_NOT_READ = frozenset({"book", "instrument", "level3", "ticker", "trade"})
_FRACTION = re.compile(r"\.(\d+)")
_LEAVING = frozenset({"maintenance"})


class _Said(msgspec.Struct, gc=False):
    channel: str = ""
    timestamp: str = ""
    data: list[Any] | None = None
    method: str = ""
    success: bool | None = None
    error: str | None = None
    symbol: str = ""
    number: int | None = msgspec.field(name="req_id", default=None)
    result: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Said)


class Kraken:
    """See ``shape.Dialect``."""

    venue = VENUE
    candles = {"spot": tuple(spellings.TABLE[VENUE, "spot"].timeframes)}  # noqa: RUF012 - never changed

    def streams(self, subject: Subject) -> Sequence[Stream]:
        """See ``shape.Dialect``. Timeframes are kept apart: that a connection takes two of one market is not documented."""
        interval = int(subject.spelled)
        topic = f"{_CANDLES}-{interval}:{subject.market.symbol}"
        return (Stream(_PLACE, topic, subject, {"interval": interval}, apart=subject.spelled),)

    def opening(self) -> Sequence[str]:
        """See ``shape.Dialect``."""
        return ()

    def requests(self, streams: Sequence[Stream], first: int, batch: int, at: Instant) -> Sequence[Request]:
        """See ``shape.Dialect``. A request is of one timeframe."""

        def said(place: int, some: Sequence[Stream]) -> object:
            symbols, interval = [stream.subject.market.symbol for stream in some], some[0].arguments["interval"]
            about = {"channel": _CANDLES, "symbol": symbols, "interval": interval, "snapshot": True}
            return {"method": "subscribe", "params": about, "req_id": place}

        by_interval: dict[object, list[Stream]] = {}
        for stream in streams:
            by_interval.setdefault(stream.arguments["interval"], []).append(stream)
        return asking((some for of_it in by_interval.values() for some in batches(of_it, batch)), first, said)

    def ping(self, place: str, at: Instant) -> str | None:
        """See ``shape.Dialect``."""
        return '{"method":"ping"}'

    def reader(self, streams: Sequence[Stream]) -> "KrakenReader":
        """See ``shape.Dialect``."""
        return KrakenReader(streams)


class KrakenReader:
    """See ``shape.Reader``."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = {stream.topic: stream for stream in streams}
        self._closing = Closing(VENUE)

    def read(self, text: str, received_at: Instant) -> Sequence[Event]:
        """See ``shape.Reader``."""
        try:
            said = _decoder.decode(text)
            if said.channel == _CANDLES and said.data is not None:
                return self._candles(said, said.data, received_at, text)
        except FAULTS as error:
            return (unreadable(VENUE, _why(text, error), text),)
        return (_other(said, text),)

    def _candles(self, said: _Said, rows: list[Any], received_at: Instant, text: str) -> Sequence[Event]:
        venue_at, order = None, 0
        if said.timestamp:
            order = _nanoseconds(said.timestamp)
            venue_at = order // 1_000_000
        events: list[Event] = []
        for row in sorted(rows, key=_begins):
            stream = self._streams.get(f"{_CANDLES}-{row['interval']}:{row['symbol']}")
            if stream is None:
                events.append(Ignored(_CANDLES))
                continue
            told = _prices(row, venue_at, order)
            events += self._closing.told(stream.subject, told, received_at, text)
        return events


def _begins(row: Mapping[str, str]) -> str:
    return row["interval_begin"]


def _prices(row: Mapping[str, Any], venue_at: Instant | None, order: int) -> Prices:
    return Prices(
        _nanoseconds(row["interval_begin"]) // 1_000_000,
        number(row["open"]),
        number(row["high"]),
        number(row["low"]),
        number(row["close"]),
        number(row["volume"]),
        venue_at=venue_at,
        order=order,
    )


def _nanoseconds(text: str) -> int:
    """Epoch ns of ``2023-10-04T16:26:30.524394914Z``; ValueError where it is no time."""
    fraction = _FRACTION.search(text)
    moment = datetime.fromisoformat(_FRACTION.sub("", text))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return round(moment.timestamp()) * 1_000_000_000 + (int(fraction[1].ljust(9, "0")[:9]) if fraction else 0)


def _why(text: str, error: Exception) -> str:
    """A list, or an event, is how version 1 speaks."""
    is_old = text.startswith("[") or '"event"' in text
    return f"version 1 of the API, which is not spoken here ({words(error)})" if is_old else words(error)


def _other(said: _Said, text: str) -> Event:
    if said.channel == "heartbeat" or said.method == "pong":
        return Beat()
    if said.channel == "status":
        systems = [row.get("system") for row in said.data or () if isinstance(row, dict)]
        leaving = [system for system in systems if system in _LEAVING]
        return Farewell(f"the venue says {leaving[0]}") if leaving else Ignored("status")
    if said.channel in _NOT_READ:
        return Ignored(said.channel)
    if said.method == "subscribe" and said.success is not None:
        return _answer(said)
    return unreadable(VENUE, _why(text, ValueError("neither a channel nor an answer that is known")), text)


def _answer(said: _Said) -> Event:
    about = said.result or {}
    topic = f"{_CANDLES}-{about['interval']}:{about['symbol']}" if {"interval", "symbol"} <= about.keys() else None
    if said.success:
        return Accepted(None if topic else said.number, topic)
    return Denied(f"{said.error}{f' ({said.symbol})' if said.symbol else ''}", said.number, topic)
