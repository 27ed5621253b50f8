"""Bitfinex's WebSocket, version 2.

What lives here: keys, requests, messages. What does not: addresses and limits (``habits``), when a candle is closed, for
which the venue has no word (``closing``).

Sources, read on 2026-11-21: https://docs.bitfinex.com/reference/ws-public-candles ([ms, open, close, high, low, volume]; the
candle before is sent again when it changed), https://docs.bitfinex.com/reference/ws-public-status (contracts),
https://docs.bitfinex.com/docs/ws-general (events and their codes; flag 65536 puts a sequence number behind every list, so
that lost messages and messages out of order are noticed).
"""

from collections.abc import Sequence
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
    price,
    rate,
    settles,
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
    unreadable,
)
from qmd_platform.venues.streams.records import HeardMark
from qmd_platform.venues.streams.sequence import Sequencer
from qmd_platform.venues.streams.wanted import Stream, Subject

VENUE = "bitfinex"
_PLACE = "public"
_KINDS = ("spot", "perpetual")

SEQUENCE_FLAG = 65536
"""``SEQ_ALL``: a sequence number at the end of every list."""

_LEAVING = {20051: "the venue stops or restarts this server", 20060: "the venue goes into maintenance"}
_BACK = 20061
"""Maintenance is over: subscribe anew."""

_CANDLES, _STATUS = "candles", "status"
_NOT_READ = frozenset({"book", "ticker", "trades"})
_CANDLE, _CONTRACT = 6, 18
"""Elements of a candle; the least of a contract's state, up to its open interest."""


class Bitfinex:
    """See ``shape.Dialect``."""

    venue = VENUE
    candles = {kind: tuple(spellings.TABLE[VENUE, kind].timeframes) for kind in _KINDS}  # noqa: RUF012 - never changed

    def streams(self, subject: Subject) -> Sequence[Stream]:
        """See ``shape.Dialect``. The topic is the key."""
        name = subject.venue_symbol
        if subject.step:
            return (Stream(_PLACE, f"trade:{subject.spelled}:{name}", subject, {"channel": _CANDLES}),)
        return (Stream(_PLACE, f"deriv:{name}", subject, {"channel": _STATUS}),)

    def opening(self) -> Sequence[str]:
        """See ``shape.Dialect``."""
        return (msgspec.json.encode({"event": "conf", "flags": SEQUENCE_FLAG}).decode(),)

    def requests(self, streams: Sequence[Stream], first: int, batch: int, at: Instant) -> Sequence[Request]:
        """See ``shape.Dialect``. A request is for one key, whatever ``batch`` says."""

        def said(_: int, some: Sequence[Stream]) -> object:
            (stream,) = some
            return {"event": "subscribe", **stream.arguments, "key": stream.topic}

        return asking(batches(streams, 1), first, said)

    def ping(self, place: str, at: Instant) -> str | None:
        """See ``shape.Dialect``."""
        return '{"event":"ping"}'

    def reader(self, streams: Sequence[Stream]) -> "BitfinexReader":
        """See ``shape.Dialect``."""
        return BitfinexReader(streams)


class BitfinexReader:
    """See ``shape.Reader``. Lists name their channel by a number that the venue gives out on this connection."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = {stream.topic: stream for stream in streams}
        self._channels: dict[int, Stream | str] = {}
        self._closing = Closing(VENUE)
        self._sequence: Sequencer | None = None

    def read(self, text: str, received_at: Instant) -> Sequence[Event]:
        """See ``shape.Reader``."""
        try:
            said = msgspec.json.decode(text)
            if isinstance(said, dict):
                return (self._event(said, text),)
            if not isinstance(said, list) or len(said) < 2:  # noqa: PLR2004 - a channel and what it says
                return (unreadable(VENUE, "neither an event nor a list", text),)
            return self._list(said, received_at, text)
        except FAULTS as error:
            return (unreadable(VENUE, words(error), text),)

    def _event(self, said: dict[str, Any], text: str) -> Event:
        name = said.get("event")
        if name == "subscribed":
            return self._subscribed(said, text)
        if name == "conf" and said.get("status") == "OK" and said.get("flags") == SEQUENCE_FLAG:
            self._sequence = Sequencer()
        return _named(name, said, text)

    def _subscribed(self, said: dict[str, Any], text: str) -> Event:
        channel, key, told = said.get("chanId"), said.get("key"), said.get("channel")
        if type(channel) is not int or not isinstance(told, str):
            return unreadable(VENUE, "a subscription without a channel", text)
        stream = self._streams.get(key) if isinstance(key, str) else None
        self._channels[channel] = told if stream is None else stream
        return Accepted(topic=key if isinstance(key, str) else None)

    def _list(self, said: list[Any], received_at: Instant, text: str) -> Sequence[Event]:
        order = 0
        if self._sequence is not None:
            order = whole(said[-1])
            if not self._sequence.is_whole(order):
                return (Farewell("messages of this connection are missing"),)
        stream, body = self._channels.get(said[0]), said[1]
        if body == "hb":  # it may come before the channel is introduced, as recorded ones do
            return (Beat(stream.topic if isinstance(stream, Stream) else None),)
        if isinstance(stream, str) and stream in _NOT_READ:
            return (Ignored(stream),)
        if not isinstance(stream, Stream):
            return (unreadable(VENUE, f"a channel that is not known: {said[0]}", text),)
        if stream.subject.step:
            return self._candles(stream, body, order, received_at, text)
        return (_mark(stream, body, received_at, text),)

    def _candles(self, stream: Stream, body: list[Any], order: int, received_at: Instant, text: str) -> Sequence[Event]:
        """One candle, or several with the newest first, which is the first answer to a subscription."""
        rows = body if not body or isinstance(body[0], list) else [body]
        events: list[Event] = []
        for at, open_, close, high, low, volume in sorted(row[:_CANDLE] for row in rows):
            prices = (number(open_), number(high), number(low), number(close), number(volume))
            told = Prices(whole(at), *prices, order=order)
            events += self._closing.told(stream.subject, told, received_at, text)
        return events


def _named(name: object, said: dict[str, Any], text: str) -> Event:
    match name:
        case "error":
            return Denied(f"{said.get('msg')} ({said.get('code')})", topic=said.get("key"))
        case "pong":
            return Beat()
        case "info":
            return _information(said)
        case "conf" | "unsubscribed":
            return Ignored(str(name))
    return unreadable(VENUE, "an event that is not known", text)


def _information(said: dict[str, Any]) -> Event:
    code = said.get("code")
    if code in _LEAVING:
        return Farewell(_LEAVING[code])
    return Farewell("maintenance is over") if code == _BACK else Ignored("info")


def _mark(stream: Stream, row: list[Any], received_at: Instant, text: str) -> Event:
    """[3] is the coin's price, [14] the contract's mark price, [17] its open interest in base; what accrues is no rate yet.

    [8] is what has accrued so far for the settlement at [7], and [11] what was settled last: the venue tells no prediction.
    """
    if len(row) < _CONTRACT:
        return unreadable(VENUE, f"{stream.topic}: a contract's state is not of {_CONTRACT} elements", text)
    next_at, held = settles(row[7]), rate(row[17])
    return HeardMark(
        stream.subject.market, price(row[14]), price(row[3]), None, next_at, held, whole(row[0]), received_at
    )
