"""Gate's WebSockets: spot, and contracts settled in USDT.

What lives here: topics, requests, messages. What does not: addresses and limits (``habits``).

Sources, read on 2026-11-21: https://www.gate.com/docs/developers/apiv4/ws/en/ (spot.candlesticks: ``v`` in quote, ``a`` in
base, ``w`` whether the window is over) and https://www.gate.com/docs/developers/futures/ws/en/ (futures.candlesticks: ``v``
in contracts; futures.tickers). Both tell a stop of the server (spot.system, futures.system; read in the state of 2026-07-25,
by way of a public record of changes to that page); recorded messages of 2023 have neither ``a`` nor ``w``: such a candle is never called closed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.dialects.shape import (
    FAULTS,
    Request,
    asking,
    batches,
    number,
    price,
    rate,
    whole,
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
    flagged,
    unreadable,
)
from qmd_platform.venues.streams.records import HeardMark
from qmd_platform.venues.streams.wanted import Stream, Subject, in_base

VENUE = "gate"
_PLACES = {"spot": "spot", "perpetual": "linear"}
_PREFIXES = {"spot": "spot", "perpetual": "futures"}
_SPOKEN = tuple(Timeframe(name) for name in ("1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d"))

_CANDLES, _TICKERS, _PONGS = "candlesticks", "tickers", ("spot.pong", "futures.pong")
_SYSTEM, _UPGRADE = "system", "upgrade"
_NOT_READ = frozenset(
    {
        "book_ticker",
        "contract_stats",
        "obu",
        "order_book",
        "order_book_update",
        "public_liquidates",
        "trades",
        "trades_v2",
    }
)
"""Public channels that are no candle and no ticker, without ``spot.`` and ``futures.``."""


class _Said(msgspec.Struct, gc=False):
    channel: str
    time: int = 0
    time_ms: int = 0
    event: str = ""
    id: int | None = None
    result: Any = None
    error: dict[str, object] | None = None


_decoder = msgspec.json.Decoder(_Said, strict=False)  # the venue echoes numbers as it was sent them


class Gate:
    """See ``shape.Dialect``."""

    venue = VENUE
    candles = dict.fromkeys(_PLACES, _SPOKEN)

    def streams(self, subject: Subject) -> Sequence[Stream]:
        """See ``shape.Dialect``."""
        kind, name = subject.market.kind, subject.venue_symbol
        channel = f"{_PREFIXES[kind]}.{_CANDLES if subject.step else _TICKERS}"
        topic = f"{channel}:{subject.spelled}_{name}" if subject.step else f"{channel}:{name}"
        return (Stream(_PLACES[kind], topic, subject, {"channel": channel}),)

    def opening(self) -> Sequence[str]:
        """See ``shape.Dialect``."""
        return ()

    def requests(self, streams: Sequence[Stream], first: int, batch: int, at: Instant) -> Sequence[Request]:
        """See ``shape.Dialect``. A payload is of one candle, whatever ``batch`` says."""

        def said(place: int, some: Sequence[Stream]) -> object:
            (stream,) = some
            about = stream.subject
            return {
                "time": at // 1000,
                "id": place,
                "channel": stream.arguments["channel"],
                "event": "subscribe",
                "payload": [about.spelled, about.venue_symbol] if about.step else [about.venue_symbol],
            }

        return asking(batches(streams, 1), first, said)

    def ping(self, place: str, at: Instant) -> str | None:
        """See ``shape.Dialect``."""
        asked = {"time": at // 1000, "channel": "spot.ping" if place == "spot" else "futures.ping"}
        return msgspec.json.encode(asked).decode()

    def reader(self, streams: Sequence[Stream]) -> "GateReader":
        """See ``shape.Dialect``."""
        return GateReader(streams)


class GateReader:
    """See ``shape.Reader``."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = {stream.topic: stream for stream in streams}

    def read(self, text: str, received_at: Instant) -> Sequence[Event]:
        """See ``shape.Reader``."""
        try:
            said = _decoder.decode(text)
            if said.event != "update":
                return (_answer(said, text),)
            kind = said.channel.partition(".")[2]
            if kind == _SYSTEM:
                return (_notice(said.result),)
            if kind not in {_CANDLES, _TICKERS}:
                return (Ignored(kind) if kind in _NOT_READ else unreadable(VENUE, "a channel that is not known", text),)
            events: list[Event] = []
            for row in said.result if isinstance(said.result, list) else [said.result]:
                events += self._row(said, kind, row, received_at, text)
        except FAULTS as error:
            return (unreadable(VENUE, words(error), text),)
        return events

    def _row(
        self, said: _Said, kind: str, row: Mapping[str, object], received_at: Instant, text: str
    ) -> Sequence[Event]:
        name = "n" if kind == _CANDLES else "contract"
        if not isinstance(row, dict) or name not in row:
            return (unreadable(VENUE, f"a row has no {name!r}", text),)
        stream = self._streams.get(f"{said.channel}:{row[name]}")
        if stream is None:
            return (Ignored(kind),)
        try:
            if kind == _CANDLES:
                told = _prices(stream, row, said.time_ms or said.time * 1000)
                return flagged(stream.subject, told, received_at, text)
            return (_mark(stream, row, said.time_ms or said.time * 1000, received_at),)
        except FAULTS as error:
            return (unreadable(VENUE, f"{row[name]}: {words(error)}", text),)


def _prices(stream: Stream, row: Mapping[str, object], at: Instant) -> Prices:
    open_at = whole(row["t"]) * 1000
    volume = number(row["a"]) if stream.place == "spot" else in_base(stream.subject.sizes, number(row["v"]), open_at)
    open_, high, low, close = number(row["o"]), number(row["h"]), number(row["l"]), number(row["c"])
    return Prices(open_at, open_, high, low, close, volume, row.get("w") is True, at or None)


def _mark(stream: Stream, row: Mapping[str, object], at: Instant, received_at: Instant) -> HeardMark:
    """Of the two rates, ``funding_rate`` is what the next settlement takes; the indicative one is of that after it."""
    held = row.get("total_size")
    return HeardMark(
        stream.subject.market,
        price(row.get("mark_price")),
        price(row.get("index_price")),
        rate(row.get("funding_rate")),
        None,
        None if held in {None, ""} else in_base(stream.subject.sizes, number(held), at),
        at or None,
        received_at,
    )


def _notice(told: object) -> Event:
    if isinstance(told, dict) and told.get("type") == _UPGRADE:
        return Farewell("the venue stops this server for an upgrade")
    return Ignored(_SYSTEM)


def _answer(said: _Said, text: str) -> Event:
    if said.channel in _PONGS:
        return Beat()
    if said.event != "subscribe":
        return unreadable(VENUE, f"an event that is not known: {said.event!r}", text)
    if said.error:
        return Denied(f"{said.error.get('message')} ({said.error.get('code')})", said.id)
    return Accepted(said.id)
