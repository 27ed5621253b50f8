"""OKX's WebSockets, version 5: /public and /business.

What lives here: channels, requests, messages. What does not: addresses and limits (``habits``).

Sources, read on 2026-11-21, all of https://www.okx.com/docs-v5/en/: "WS / Candlesticks channel" (``confirm``: 1 when the
candle is complete; at /business), "WS / Mark price channel", "WS / Index tickers channel", "WS / Funding rate channel", "WS /
Open interest channel". Messages about candles carry no time of their own. Volumes of contracts: the row has them in base
coins too, as REST's has.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from qmd_platform.model.window import Instant
from qmd_platform.venues import spellings
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
    flagged,
    unreadable,
)
from qmd_platform.venues.streams.records import HeardMark
from qmd_platform.venues.streams.wanted import Stream, Subject

VENUE = "okx"
_KINDS = ("spot", "perpetual")
_CANDLE, _BASE, _CONFIRM = "candle", {"spot": 5, "perpetual": 6}, 8

_NOT_READ = frozenset(
    {
        "bbo-tbt",
        "books",
        "books5",
        "books50-l2-tbt",
        "books-l2-tbt",
        "instruments",
        "status",
        "tickers",
        "trades",
        "trades-all",
    }
)
_NAMED = re.compile(r"channel:([\w-]+),\s*instId:([\w-]+)")
"""How the venue's words name what they refuse."""


class _Argument(msgspec.Struct, gc=False):
    channel: str
    instrument: str = msgspec.field(name="instId", default="")

    @property
    def topic(self) -> str:
        return f"{self.channel}:{self.instrument}"


class _Said(msgspec.Struct, gc=False):
    event: str = ""
    arg: _Argument | None = None
    data: list[Any] | None = None
    code: str = ""
    msg: str = ""
    id: str = ""


_decoder = msgspec.json.Decoder(_Said)


class Okx:
    """See ``shape.Dialect``."""

    venue = VENUE
    candles = {kind: tuple(spellings.TABLE[VENUE, kind].timeframes) for kind in _KINDS}  # noqa: RUF012 - never changed

    def streams(self, subject: Subject) -> Sequence[Stream]:
        """See ``shape.Dialect``. A perpetual's prices are on four channels; the index has its own name."""
        name = subject.venue_symbol
        if subject.step:
            return (_stream("business", f"{_CANDLE}{subject.spelled}", name, subject),)
        index = "-".join(name.split("-")[:2])
        named = {"mark-price": name, "index-tickers": index, "funding-rate": name, "open-interest": name}
        return [_stream("public", channel, instrument, subject) for channel, instrument in named.items()]

    def opening(self) -> Sequence[str]:
        """See ``shape.Dialect``."""
        return ()

    def requests(self, streams: Sequence[Stream], first: int, batch: int, at: Instant) -> Sequence[Request]:
        """See ``shape.Dialect``."""

        def said(place: int, some: Sequence[Stream]) -> object:
            return {"id": str(place), "op": "subscribe", "args": [stream.arguments for stream in some]}

        return asking(batches(streams, batch), first, said)

    def ping(self, place: str, at: Instant) -> str | None:
        """See ``shape.Dialect``."""
        return "ping"

    def reader(self, streams: Sequence[Stream]) -> "OkxReader":
        """See ``shape.Dialect``."""
        return OkxReader(streams)


def _stream(place: str, channel: str, instrument: str, subject: Subject) -> Stream:
    return Stream(place, f"{channel}:{instrument}", subject, {"channel": channel, "instId": instrument})


class OkxReader:
    """See ``shape.Reader``."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        # One index may be of several contracts.
        self._streams: dict[str, list[Stream]] = {}
        for stream in streams:
            self._streams.setdefault(stream.topic, []).append(stream)

    def read(self, text: str, received_at: Instant) -> Sequence[Event]:
        """See ``shape.Reader``."""
        if text == "pong":
            return (Beat(),)
        try:
            said = _decoder.decode(text)
            if said.event or said.arg is None or said.data is None:
                return (_answer(said, text),)
            streams = self._streams.get(said.arg.topic)
            if streams is None:
                return (_unasked(said.arg, text),)
            events: list[Event] = []
            for stream in streams:
                for row in said.data:
                    events += _row(stream, row, received_at, text)
        except FAULTS as error:
            return (unreadable(VENUE, words(error), text),)
        return events


def _row(stream: Stream, row: Any, received_at: Instant, text: str) -> Sequence[Event]:  # noqa: ANN401 - JSON
    try:
        if stream.subject.step:
            told = _prices(stream.subject, row)
            return flagged(stream.subject, told, received_at, text)
        # A perpetual has several channels: the beat says which of them lives.
        return (Beat(stream.topic), _mark(stream, row, received_at))
    except FAULTS as error:
        return (unreadable(VENUE, f"{stream.topic}: {words(error)}", text),)


def _prices(subject: Subject, row: Sequence[object]) -> Prices:
    at, open_, high, low, close = row[:5]
    volume = number(row[_BASE[subject.market.kind]])
    flag = row[_CONFIRM]
    if flag not in {"0", "1"}:
        raise ValueError(f"{flag!r} is neither 0 nor 1")
    return Prices(whole(at), number(open_), number(high), number(low), number(close), volume, flag == "1")


Fields = tuple[float | None, float | None, float | None, Instant | None, float | None]
"""Mark, index, predicted rate, next settlement, open interest."""


def _mark_price(row: Mapping[str, object]) -> Fields:
    return price(row["markPx"]), None, None, None, None


def _index_price(row: Mapping[str, object]) -> Fields:
    return None, price(row["idxPx"]), None, None, None


def _funding(row: Mapping[str, object]) -> Fields:
    """``fundingRate`` is what ``fundingTime`` will settle; the settled one is ``settFundingRate``."""
    return None, None, rate(row["fundingRate"]), settles(row["fundingTime"]), None


def _interest(row: Mapping[str, object]) -> Fields:
    return None, None, None, None, rate(row["oiCcy"])


_FIELDS: Mapping[str, Callable[[Mapping[str, object]], Fields]] = {
    "mark-price": _mark_price,
    "index-tickers": _index_price,
    "funding-rate": _funding,
    "open-interest": _interest,
}


def _mark(stream: Stream, row: Mapping[str, object], received_at: Instant) -> HeardMark:
    mark, index, expected, next_at, held = _FIELDS[str(stream.arguments["channel"])](row)
    return HeardMark(stream.subject.market, mark, index, expected, next_at, held, settles(row.get("ts")), received_at)


def _unasked(argument: _Argument, text: str) -> Event:
    is_known = argument.channel in _NOT_READ or argument.channel in _FIELDS or argument.channel.startswith(_CANDLE)
    return Ignored(argument.channel) if is_known else unreadable(VENUE, "a channel that is not known", text)


def _answer(said: _Said, text: str) -> Event:
    match said.event:
        case "subscribe":
            return Accepted(topic=None if said.arg is None else said.arg.topic)
        case "error":
            named = _NAMED.search(said.msg)
            topic = f"{named[1]}:{named[2]}" if named else None
            return Denied(f"{said.msg} ({said.code})", int(said.id) if said.id.isdecimal() else None, topic)
        case "notice":
            return Farewell(f"{said.msg} ({said.code})")
        case "unsubscribe" | "channel-conn-count":
            return Ignored(said.event)
    return unreadable(VENUE, "neither an event that is known nor data", text)
