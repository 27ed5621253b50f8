"""tardis-machine's normalised messages, typed. Pure.

What lives here: the messages and their decoding. What does not: asking for them (``machine``). Sources, read on 2026-11-21:
docs.tardis.dev/tardis-machine/data-types; tardis-machine, src/http/replaynormalized.ts (an error in the middle of an answer
is a last line without a type).

Times are ISO text with milliseconds or microseconds; ``instant`` makes them epoch ms, cut, not rounded.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from qmd_platform.errors import VenueDown
from qmd_platform.model.window import Instant
from qmd_platform.venues.tardis.exchanges import NAME

_SHOWN = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Message(msgspec.Struct, frozen=True, gc=False, tag_field="type", rename="camel"):
    exchange: str
    local_timestamp: datetime

    @property
    def came_at(self) -> Instant:
        """When it came in at Tardis, epoch ms."""
        return instant(self.local_timestamp)


class _Told(_Message, frozen=True, gc=False, rename="camel"):
    symbol: str
    timestamp: datetime

    @property
    def at(self) -> Instant:
        """When the venue says it was, epoch ms."""
        return instant(self.timestamp)


class Level(msgspec.Struct, frozen=True, gc=False):
    """A level of a book; amount 0: it is gone."""

    price: float
    amount: float


class Trade(_Told, frozen=True, gc=False, tag="trade", rename="camel"):
    """One trade; ``side`` is the taker's."""

    price: float
    amount: float
    side: Literal["buy", "sell", "unknown"]
    id: str | None = None


class TradeBar(_Told, frozen=True, gc=False, tag="trade_bar", rename="camel"):
    """Trades of a span of time; ``timestamp`` is the end of the span, ``interval`` its milliseconds where ``kind`` is time.

    It is sent when the first trade after the span has come, so the last one of an answer is never sent.
    """

    name: str
    interval: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    buy_volume: float
    sell_volume: float
    trades: int
    vwap: float
    open_timestamp: datetime
    close_timestamp: datetime
    kind: Literal["time", "volume", "tick"] = "time"


class DerivativeTicker(_Told, frozen=True, gc=False, tag="derivative_ticker", rename="camel"):
    """What a contract is like; what the exchange has not said yet is None."""

    last_price: float | None = None
    open_interest: float | None = None
    funding_rate: float | None = None
    funding_timestamp: datetime | None = None
    predicted_funding_rate: float | None = None
    index_price: float | None = None
    mark_price: float | None = None


class BookChange(_Told, frozen=True, gc=False, tag="book_change", rename="camel"):
    """Levels that changed, or the whole book where ``is_snapshot``; amounts are what is there now."""

    is_snapshot: bool
    bids: list[Level]
    asks: list[Level]


class BookSnapshot(_Told, frozen=True, gc=False, tag="book_snapshot", rename="camel"):
    """The best levels at a moment."""

    name: str
    depth: int
    interval: int
    bids: list[Level]
    asks: list[Level]


class Disconnect(_Message, frozen=True, gc=False, tag="disconnect", rename="camel"):
    """Tardis's own connection broke: what the venue said from then until the next message is not there."""


Message = Trade | TradeBar | DerivativeTicker | BookChange | BookSnapshot | Disconnect

_decoder = msgspec.json.Decoder(Message)


def decoded(line: bytes | str) -> Message:
    """One message.

    Raises:
        VenueDown: it is none; with what the machine says where it says what went wrong.
    """
    try:
        message: Message = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        shown = line if isinstance(line, str) else line.decode("utf-8", "replace")
        raise VenueDown(NAME, f"not a message of tardis-machine ({error}): {shown[:_SHOWN]}") from None
    return message


def instant(moment: datetime) -> Instant:
    """Epoch ms of a time with a zone."""
    if moment.tzinfo is None:
        raise VenueDown(NAME, f"the time {moment.isoformat()} of a message has no zone")
    return (moment - _EPOCH) // timedelta(milliseconds=1)
