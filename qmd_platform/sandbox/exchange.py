"""The exchange behind the wire: what is listed, which candles a request gets, what an answer is.

What lives here: venue-neutral requests and answers, the catalogue of listings, and the choice of rows. What does
not: any venue's spelling of these (``binance``, ``gate``, ``bitfinex``), sockets (``service``).
"""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.columns import Trading
from qmd_platform.sandbox.events import NONE
from qmd_platform.sandbox.funding import Settled
from qmd_platform.sandbox.market import BLOCK, END_OF_TIME, trading
from qmd_platform.sandbox.text import Figures, Numbers
from qmd_platform.sandbox.universe import Listing

Query = Mapping[str, str]
"""A request's parameters, decoded."""

FOREVER = END_OF_TIME
"""An instant later than any candle."""
_MOST_DIGITS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Candles ready to be printed, in the venue's own units. The last four are not recorded in replays."""

    open_at: NDArray[np.int64]
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers
    quote: Numbers
    trades: Numbers
    taker: Numbers
    taker_quote: Numbers

    def __len__(self) -> int:
        return len(self.open_at)

    def take(self, rows: slice | NDArray[np.intp]) -> "Rows":
        """The rows selected by slice or position."""
        columns = [getattr(self, name).take(rows) for name in self.__slots__[1:]]
        return Rows(self.open_at[rows], *columns)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for candles with ``start <= open_at < end``, at most ``limit`` of them.

    ``newest``: where there are more than ``limit``, keep the newest instead of the oldest. ``descending``: print
    the newest first. ``given`` is the window as the client wrote it, half-open, None where it wrote no bound.
    """

    listing: Listing
    timeframe: Timeframe
    start: Instant
    end: Instant
    limit: int
    newest: bool
    descending: bool = False
    given: tuple[Instant | None, Instant | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes on the wire. ``ask`` is set when candles were asked; ``rows`` counts the candles inside.

    ``settled``: the same request will get the same answer for ever, so it may be kept.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    ask: Ask | None = None
    settled: bool = False


class Refusal(Exception):
    """The venue says no: carries its own answer. Raised while reading a request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


Spoiler = Callable[[Ask, Instant, Rows], Rows]
"""What makes wrong rows of right ones, in the order in which they are to be printed."""


class Source(Protocol):
    """One listing's candles of one timeframe."""

    def rows(self, ask: Ask, now: Instant) -> Rows:
        """The rows ``ask`` gets at ``now``, oldest first (recordings: in recorded order), cut to the limit."""
        ...


@dataclass(frozen=True, slots=True)
class Deterministic:
    """Candles computed on demand by ``market.trading``."""

    listing: Listing

    def rows(self, ask: Ask, now: Instant) -> Rows:
        """See ``Source``. Reads no more minutes than the limit needs, however wide the window."""
        step = ask.timeframe.step
        start = max(-(-ask.start // step) * step, self.listing.listed_at // step * step)
        end = min(-(-ask.end // step) * step, now // step * step + step)
        # A venue that omits candles has fewer rows than steps, so reading goes on until the limit is reached. Half
        # again as many steps is mostly enough; a block is never without a row, so every turn finds some.
        stride = ask.limit * step
        if self.listing.omits_empty:
            stride += (stride // 2 + BLOCK * MINUTE) // step * step + step
        parts: list[Trading] = []
        while start < end and sum(map(len, parts)) < ask.limit:
            first, last = (max(start, end - stride), end) if ask.newest else (start, min(start + stride, end))
            parts.append(trading(self.listing, step, first, last, now))
            start, end = (start, first) if ask.newest else (last, end)
        found = Trading.concat((parts[::-1] if ask.newest else parts) or [Trading.none()])
        return self.printed(found.take(slice(-ask.limit, None) if ask.newest else slice(ask.limit)))

    def printed(self, rows: Trading) -> Rows:
        """``rows`` with the listing's decimals."""
        ticks, lots = self.listing.tick_digits, self.listing.lot_digits
        open_, high, low, close = (Figures(one, ticks) for one in (rows.open, rows.high, rows.low, rows.close))
        volume, taker = (Figures(one * self.listing.contracts(rows.open_at), lots) for one in (rows.volume, rows.taker))
        quote, taker_quote = Figures(rows.quote, ticks + lots), Figures(rows.taker_quote, ticks + lots)
        return Rows(rows.open_at, open_, high, low, close, volume, quote, Figures(rows.trades), taker, taker_quote)


@dataclass(frozen=True, slots=True)
class Nothing:
    """No candles: another timeframe of a market that is replayed. A recording is not added to."""

    def rows(self, ask: Ask, now: Instant) -> Rows:
        """See ``Source``."""
        none = Figures(np.empty(0, np.int64))
        return Rows(np.empty(0, np.int64), *[none] * 9)


class Exchange:
    """All listings by venue and kind, and where each one's candles come from.

    ``gate_history_points`` is how many points back Gate serves; None for all of them.
    """

    def __init__(
        self,
        listed: Iterable[Listing],
        recorded: Mapping[tuple[Market, Timeframe], Source] | None = None,
        *,
        gate_history_points: int | None = None,
    ) -> None:
        self._recorded = dict(recorded or {})
        self.replayed = frozenset(market for market, _ in self._recorded)
        self.recorded_funding: dict[Market, Settled] = {}
        self.gate_history_points = gate_history_points
        self._spoil: Spoiler | None = None
        self.relist(listed)

    def relist(self, listed: Iterable[Listing]) -> None:
        """List these markets in the place of all others; recordings stay."""
        self._listings = list(listed)
        self._by_wire = {(one.market.venue, one.settle.lower(), one.wire): one for one in self._listings}

    def spoiled_by(self, spoil: Spoiler) -> "Exchange":
        """This exchange as it is now, with other candles."""
        other = copy(self)
        other._spoil = spoil  # noqa: SLF001 - its own
        return other

    def of_market(self, market: Market) -> Listing | None:
        """The listing of ``market``, whether it is listed by now or not."""
        return next((one for one in self._listings if one.market == market), None)

    def listings(self, venue: str, now: Instant, *, spot: bool) -> list[Listing]:
        """What ``venue`` lists at ``now`` of spot markets, or of contracts; delisted ones where it goes on doing so."""
        return [one.as_listed(now) for one in self.every(venue, spot=spot) if one.is_shown(now)]

    def every(self, venue: str, *, spot: bool) -> list[Listing]:
        """All that ``venue`` ever lists of spot markets, or of contracts."""
        return [one for one in self._listings if one.market.venue == venue and one.is_spot == spot]

    def listing(self, venue: str, wire: str, *settles: str) -> Listing | None:
        """The listing spelled ``wire``: settled in one of ``settles``, where "" means spot."""
        found = (self._by_wire.get((venue, settle.lower(), wire)) for settle in settles)
        return next((listing for listing in found if listing), None)

    def timeframe(self, listing: Listing, interval: str, spoken: Mapping[str, Timeframe]) -> Timeframe | None:
        """The timeframe the venue writes ``interval``: one it speaks, or one that was recorded all the same."""
        recorded = {step.value: step for market, step in self._recorded if market == listing.market}
        return spoken.get(interval) or recorded.get(interval.lower())

    def candles(self, ask: Ask, now: Instant) -> Rows:
        """The rows ``ask`` gets, in the order in which they are to be printed."""
        rows = self._source(ask).rows(ask, now)
        rows = rows.take(slice(None, None, -1)) if ask.descending else rows
        return self._spoil(ask, now, rows) if self._spoil is not None and len(rows) else rows

    def _source(self, ask: Ask) -> Source:
        recorded = self._recorded.get((ask.listing.market, ask.timeframe))
        if recorded is not None:
            return recorded
        return Nothing() if ask.listing.market in self.replayed else Deterministic(ask.listing)


def is_settled(ask: Ask, now: Instant) -> bool:
    """Whether no later ``now`` changes what ``ask`` gets: it wrote every bound that counts, and all is closed."""
    if ask.listing.events.restatements:
        return False
    start, end = ask.given
    closed = now // ask.timeframe.step * ask.timeframe.step
    if end is not None and end <= closed:
        return True
    return not ask.newest and start is not None and _reach(ask, start) <= closed


def _reach(ask: Ask, start: Instant) -> Instant:
    """The latest instant the oldest ``limit`` rows from ``start`` can be sure to end before; FOREVER if unsure."""
    if ask.listing.omits_empty or ask.listing.character is None or ask.listing.events != NONE:
        return FOREVER
    return max(start, ask.listing.listed_at) + (ask.limit + 1) * ask.timeframe.step


def answered(ask: Ask, rows: Rows, body: bytes, now: Instant) -> Answer:
    """The answer that carries ``rows`` printed as ``body``."""
    return Answer(body, rows=len(rows), ask=ask, settled=is_settled(ask, now))


def whole_number(text: str) -> int | None:
    """The number a parameter writes, FOREVER where it is later than that; None when it is not a whole number."""
    return min(int(text), FOREVER) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def as_json(value: object) -> bytes:
    """``value`` as JSON."""
    return msgspec.json.encode(value)
