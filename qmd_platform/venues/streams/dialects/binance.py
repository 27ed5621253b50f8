"""Binance's WebSockets: spot, and USD-M contracts.

What lives here: topics, requests, messages. What does not: addresses and limits (``habits``).

Sources, read on 2026-11-21: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams (candles: ``x``,
"is this kline closed?"; live subscribing) and
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (candles, mark price).
The venue accepts streams of markets it does not list, and then says nothing: only silence tells.
"""

from collections.abc import Sequence

import msgspec

from qmd_platform.model.window import Instant
from qmd_platform.venues import spellings
from qmd_platform.venues.streams.dialects.shape import (
    FAULTS,
    Request,
    asking,
    batches,
    price,
    rate,
    settles,
    words,
)
from qmd_platform.venues.streams.messages import (
    Accepted,
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

VENUE = "binance"
_KINDS = {"spot": "spot", "perpetual": "linear", "future": "linear"}

_CANDLE, _MARK, _RESTART = "kline", "markPriceUpdate", "serverShutdown"
_NOT_READ = frozenset(
    {
        "24hrMiniTicker",
        "24hrTicker",
        "aggTrade",
        "bookTicker",
        "compositeIndex",
        "continuous_kline",
        "contractInfo",
        "depthUpdate",
        "forceOrder",
        "trade",
    }
)
"""Events of both documents that are no candle and no mark price."""


class _Candle(msgspec.Struct, gc=False):
    open_at: int = msgspec.field(name="t")
    spelled: str = msgspec.field(name="i")
    open: float = msgspec.field(name="o")
    high: float = msgspec.field(name="h")
    low: float = msgspec.field(name="l")
    close: float = msgspec.field(name="c")
    volume: float = msgspec.field(name="v")
    is_closed: bool = msgspec.field(name="x")


class _Said(msgspec.Struct, gc=False):
    """An event, or the answer to a request; ``data`` is an event in an envelope."""

    event: str = msgspec.field(name="e", default="")
    at: int = msgspec.field(name="E", default=0)
    symbol: str = msgspec.field(name="s", default="")
    candle: _Candle | None = msgspec.field(name="k", default=None)
    mark: object = msgspec.field(name="p", default=None)
    index: object = msgspec.field(name="i", default=None)
    rate: object = msgspec.field(name="r", default=None)
    next_at: object = msgspec.field(name="T", default=None)
    id: int | None = None
    error: dict[str, object] | None = None
    msg: str = ""
    stream: str = ""
    data: "_Said | None" = None
    update: object = msgspec.field(name="lastUpdateId", default=None)


_decoder = msgspec.json.Decoder(_Said, strict=False)


class Binance:
    """See ``shape.Dialect``."""

    venue = VENUE
    candles = {kind: tuple(spellings.TABLE[VENUE, kind].timeframes) for kind in _KINDS}  # noqa: RUF012 - never changed

    def streams(self, subject: Subject) -> Sequence[Stream]:
        """See ``shape.Dialect``."""
        name = subject.venue_symbol.lower()
        topic = f"{name}@kline_{subject.spelled}" if subject.step else f"{name}@markPrice@1s"
        return (Stream(_KINDS[subject.market.kind], topic, subject, {}),)

    def opening(self) -> Sequence[str]:
        """See ``shape.Dialect``."""
        return ()

    def requests(self, streams: Sequence[Stream], first: int, batch: int, at: Instant) -> Sequence[Request]:
        """See ``shape.Dialect``."""

        def said(place: int, some: Sequence[Stream]) -> object:
            return {"method": "SUBSCRIBE", "params": [stream.topic for stream in some], "id": place}

        return asking(batches(streams, batch), first, said)

    def ping(self, place: str, at: Instant) -> str | None:
        """See ``shape.Dialect``."""
        return None

    def reader(self, streams: Sequence[Stream]) -> "BinanceReader":
        """See ``shape.Dialect``."""
        return BinanceReader(streams)


class BinanceReader:
    """See ``shape.Reader``."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        candles = [stream.subject for stream in streams if stream.subject.step]
        self._candles = {(one.venue_symbol, one.spelled): one for one in candles}
        self._marks = {one.subject.venue_symbol: one.subject.market for one in streams if not one.subject.step}

    def read(self, text: str, received_at: Instant) -> Sequence[Event]:
        """See ``shape.Reader``."""
        try:
            whole = _decoder.decode(text)
            said = whole if whole.data is None else whole.data
            if said.event == _CANDLE and said.candle is not None:
                return self._candle(said, said.candle, received_at, text)
            if said.event == _MARK:
                return self._mark(said, received_at)
            return (_other(whole, said, text),)
        except FAULTS as error:
            return (unreadable(VENUE, words(error), text),)

    def _candle(self, said: _Said, candle: _Candle, received_at: Instant, text: str) -> Sequence[Event]:
        wanted = self._candles.get((said.symbol, candle.spelled))
        if wanted is None:
            return (Ignored(_CANDLE),)
        told = Prices(
            candle.open_at,
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.volume,
            candle.is_closed,
            said.at,
        )
        return flagged(wanted, told, received_at, text)

    def _mark(self, said: _Said, received_at: Instant) -> Sequence[Event]:
        """``r`` is not what was settled last: it is what ``T`` will settle, so far."""
        market = self._marks.get(said.symbol)
        if market is None:
            return (Ignored(_MARK),)
        mark, index, expected = price(said.mark), price(said.index), rate(said.rate)
        next_at = settles(said.next_at)
        return (HeardMark(market, mark, index, expected, next_at, None, said.at or None, received_at),)


def _other(whole: _Said, said: _Said, text: str) -> Event:
    name = said.event or whole.stream.partition("@")[2].partition("@")[0]
    if name in _NOT_READ or (said.update is not None and not name):
        return Ignored(name or "depth")
    if name == _RESTART:
        return Farewell("the venue shuts its server down")
    if whole.error is not None:
        return Denied(f"{whole.error.get('msg')} ({whole.error.get('code')})", whole.id)
    if whole.msg:
        return Denied(whole.msg, whole.id)
    if whole.id is not None:
        return Accepted(whole.id)
    return unreadable(VENUE, f"neither an event that is known nor an answer{f' ({name})' if name else ''}", text)
