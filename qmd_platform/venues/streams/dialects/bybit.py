"""Bybit's WebSockets, version 5: spot and linear.

What lives here: topics, requests, messages. What does not: addresses and limits (``habits``).

Sources, read on 2026-11-21: https://bybit-exchange.github.io/docs/v5/websocket/public/kline (``confirm``: whether the candle
is closed; volume of linear contracts is in base coins) and .../public/ticker (linear: a snapshot, then only what changed:
what is left out of a delta is as it was).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

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
    Ignored,
    Prices,
    flagged,
    unreadable,
)
from qmd_platform.venues.streams.records import HeardMark
from qmd_platform.venues.streams.wanted import Stream, Subject

VENUE = "bybit"
_PLACES = {"spot": "spot", "perpetual": "linear"}
_WHOLE = "snapshot"
"""What a message about a ticker is called that has all of it."""
_NOT_READ = frozenset(
    {
        "adlAlert",
        "allLiquidation",
        "insurance",
        "kline",
        "liquidation",
        "lt",
        "orderbook",
        "priceLimit",
        "publicTrade",
        "tickers",
    }
)
"""First words of public topics; also of candles and tickers that nobody asked for."""


class _Said(msgspec.Struct, gc=False):
    topic: str = ""
    kind: str = msgspec.field(default="", name="type")
    ts: int = 0
    data: Any = None
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""


class _Funding(NamedTuple):
    rate: float | None = None
    next_at: Instant | None = None


_decoder = msgspec.json.Decoder(_Said)


class Bybit:
    """See ``shape.Dialect``."""

    venue = VENUE
    candles = {kind: tuple(spellings.TABLE[VENUE, kind].timeframes) for kind in _PLACES}  # noqa: RUF012 - never changed

    def streams(self, subject: Subject) -> Sequence[Stream]:
        """See ``shape.Dialect``."""
        name = subject.venue_symbol
        topic = f"kline.{subject.spelled}.{name}" if subject.step else f"tickers.{name}"
        return (Stream(_PLACES[subject.market.kind], topic, subject, {}),)

    def opening(self) -> Sequence[str]:
        """See ``shape.Dialect``."""
        return ()

    def requests(self, streams: Sequence[Stream], first: int, batch: int, at: Instant) -> Sequence[Request]:
        """See ``shape.Dialect``."""

        def said(place: int, some: Sequence[Stream]) -> object:
            return {"req_id": str(place), "op": "subscribe", "args": [stream.topic for stream in some]}

        return asking(batches(streams, batch), first, said)

    def ping(self, place: str, at: Instant) -> str | None:
        """See ``shape.Dialect``."""
        return '{"op":"ping"}'

    def reader(self, streams: Sequence[Stream]) -> "BybitReader":
        """See ``shape.Dialect``."""
        return BybitReader(streams)


class BybitReader:
    """See ``shape.Reader``. Remembers each perpetual's rate and settlement: a rate means nothing without what it is of."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = {stream.topic: stream for stream in streams}
        self._funding: dict[str, _Funding] = {}

    def read(self, text: str, received_at: Instant) -> Sequence[Event]:
        """See ``shape.Reader``."""
        try:
            said = _decoder.decode(text)
        except FAULTS as error:
            self._funding.clear()  # whatever changed in it is not known
            return (unreadable(VENUE, words(error), text),)
        if not said.topic:
            return (_answer(said, text),)
        stream = self._streams.get(said.topic)
        if stream is None:
            name = said.topic.partition(".")[0]
            return (Ignored(name) if name in _NOT_READ else unreadable(VENUE, "no topic of version 5", text),)
        events: list[Event] = []
        for row in said.data if isinstance(said.data, list) else [said.data]:
            events += self._row(stream, said, row, received_at, text)
        return events

    def _row(self, stream: Stream, said: _Said, row: Any, received_at: Instant, text: str) -> Sequence[Event]:  # noqa: ANN401 - JSON
        try:
            if stream.subject.step:
                told = _prices(row, said.ts)
                return flagged(stream.subject, told, received_at, text)
            mark = _mark(stream, said.ts, row, received_at)
        except FAULTS as error:
            self._funding.pop(stream.topic, None)
            return (unreadable(VENUE, f"{stream.topic}: {words(error)}", text),)
        return (self._with_funding(stream.topic, mark, is_whole=said.kind == _WHOLE),)

    def _with_funding(self, topic: str, mark: HeardMark, *, is_whole: bool) -> HeardMark:
        """``mark`` with rate and settlement together where it tells either, unless that settlement is past by then."""
        before = _Funding() if is_whole else self._funding.get(topic, _Funding())
        rate_, next_at = mark.predicted_rate, mark.next_settlement_at
        now = self._funding[topic] = _Funding(
            before.rate if rate_ is None else rate_, before.next_at if next_at is None else next_at
        )
        if rate_ is None and next_at is None:
            return mark
        is_past = next_at is None and now.next_at is not None and now.next_at <= (mark.venue_at or 0)
        return replace(mark, predicted_rate=now.rate, next_settlement_at=None if is_past else now.next_at)


def _prices(row: Mapping[str, object], at: int) -> Prices:
    if type(row["confirm"]) is not bool:
        raise ValueError(f"confirm is {row['confirm']!r}")
    return Prices(
        whole(row["start"]),
        number(row["open"]),
        number(row["high"]),
        number(row["low"]),
        number(row["close"]),
        number(row["volume"]),
        row["confirm"],
        at or None,
    )


def _mark(stream: Stream, at: int, row: Mapping[str, object], received_at: Instant) -> HeardMark:
    """What a message leaves out is as it was, and not told again; but see ``_with_funding``."""
    return HeardMark(
        stream.subject.market,
        price(row.get("markPrice")),
        price(row.get("indexPrice")),
        rate(row.get("fundingRate")),
        settles(row.get("nextFundingTime")),
        rate(row.get("openInterest")),
        at or None,
        received_at,
    )


def _answer(said: _Said, text: str) -> Event:
    if said.op in {"ping", "pong"} or said.ret_msg == "pong":
        return Beat()
    if said.success is None:
        return unreadable(VENUE, "neither a topic nor an answer", text)
    number_ = int(said.req_id) if said.req_id.isdecimal() else None
    return Accepted(number_) if said.success else Denied(said.ret_msg, number_)
