"""Bytes of an answer about contracts as they are now to their states, or a refusal: nothing in between.

What lives here: one decoder a wire shape. What does not: the shapes (``snapshot_shapes``), which answers are needed of a
venue (``snapshot_dialects``), what follows from several of them (``snapshot_asking``), open interest over time
(``open_interest_parsing``).

An answer that is not exactly the promised shape raises ``BadPage`` with its first bytes and is never empty. A single number
that is none, and a price that is not positive, is NaN: the venue does not say it. Of a contract with an impossible
time only the doubt is left; an answer of no others is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec
import numpy as np

from qmd_platform.errors import BadPage
from qmd_platform.model.epoch import EARLIEST, LATEST, unit_of
from qmd_platform.model.window import Instant
from qmd_platform.venues import snapshot_shapes
from qmd_platform.venues.transport import Answer

T = TypeVar("T")

NOTHING = float("nan")

_SECONDS, _HOUR, _KEYED = 1000, 3_600_000, 19  # the last: the least elements of a keyed Bitfinex status


@dataclass(frozen=True, slots=True)
class State:
    """What an answer says of one contract; numbers are NaN and instants 0 where it does not.

    Attributes:
        contract: the venue's own name of it.
        at: when it was so, epoch ms by the venue's clock.
        next_at: epoch ms of the next settlement.
        rate: fraction expected for the whole interval that ends then.
        accrued: fraction that has accrued for it so far.
        hours: length of that interval.
        mark, index: quote per base.
        counted_at: when open interest was as below, epoch ms.
        contracts: open interest as the venue counts.
        base, quote: the same in base coins and what they are worth.
        doubt: why nothing of the row is believed; empty where it is.
    """

    contract: str
    at: Instant = 0
    next_at: Instant = 0
    rate: float = NOTHING
    accrued: float = NOTHING
    hours: float = NOTHING
    mark: float = NOTHING
    index: float = NOTHING
    counted_at: Instant = 0
    contracts: float = NOTHING
    base: float = NOTHING
    quote: float = NOTHING
    doubt: str = ""

    def beside(self, other: "State") -> "State":
        """This state, with what only ``other`` says of the contract."""
        gaps = {name: getattr(other, name) for name in _SAID if _unsaid(getattr(self, name))}
        return replace(self, **gaps)


_SAID = tuple(field.name for field in fields(State) if field.name not in {"contract", "doubt"})


def _unsaid(value: float) -> bool:
    return value == 0 if isinstance(value, int) else bool(np.isnan(value))


Decoder = Callable[[str, Answer], list[State]]
"""(venue, answer) to the states in it; ``BadPage`` otherwise."""


def binance(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: ``[{"symbol", "markPrice", "indexPrice", "lastFundingRate", "nextFundingTime", "time"}]``.

    ``lastFundingRate`` is not what was settled last: it is the one that ``nextFundingTime`` will settle, so far.
    """
    rows = _decoded(venue, answer, list[snapshot_shapes.Premium])
    told = [
        State(
            one.symbol,
            at=one.time,
            next_at=one.nextFundingTime,
            rate=number(one.lastFundingRate),
            mark=_price(one.markPrice),
            index=_price(one.indexPrice),
        )
        for one in rows
    ]
    return _timed(venue, answer, told, "at")


def binance_hours(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: contracts whose interval was adjusted, ``[{"symbol", "fundingIntervalHours"}]``."""
    rows = _decoded(venue, answer, list[snapshot_shapes.Adjusted])
    return [State(one.symbol, hours=one.fundingIntervalHours) for one in rows if one.fundingIntervalHours > 0]


def bybit(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: ``{"retCode": 0, "time": ms, "result": {"list": [..]}}``; linear contracts count base coins."""
    whole = _decoded(venue, answer, snapshot_shapes.Bybit)
    told = [
        State(
            one.symbol,
            at=whole.time,
            next_at=one.nextFundingTime,
            rate=number(one.fundingRate),
            hours=_price(one.fundingIntervalHour),
            mark=_price(one.markPrice),
            index=_price(one.indexPrice),
            counted_at=whole.time,
            contracts=number(one.openInterest),
            quote=number(one.openInterestValue),
        )
        for one in whole.result.list
    ]
    return _timed(venue, answer, told, "at")


def gate(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: the list of contracts. It has no time in it, so HTTP's is taken, in whole seconds."""
    rows = _decoded(venue, answer, list[snapshot_shapes.Contract])
    try:
        at = round(parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()) * _SECONDS
    except ValueError:
        raise BadPage(venue, "the answer has no Date, and its contracts no time", sample=answer.body) from None
    return [
        State(
            one.name,
            at=at,
            next_at=round(one.funding_next_apply * _SECONDS),
            rate=number(one.funding_rate),
            hours=_price(one.funding_interval) * _SECONDS / _HOUR,
            mark=_price(one.mark_price),
            index=_price(one.index_price),
            counted_at=at,
            contracts=number(one.position_size),
        )
        for one in rows
    ]


def okx_rates(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: ``{"code": "0", "data": [{"instId", "fundingRate", "fundingTime", "nextFundingTime", "ts"}]}``.

    The venue says to take the time between the two settlements for the interval.
    """
    told = [
        State(
            one.instId,
            at=one.ts,
            next_at=one.fundingTime,
            rate=number(one.fundingRate),
            hours=_price((one.nextFundingTime - one.fundingTime) / _HOUR),
        )
        for one in _decoded(venue, answer, snapshot_shapes.OkxRates).data
    ]
    return _timed(venue, answer, told, "at")


def okx_marks(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: ``{"code": "0", "data": [{"instId", "markPx", "ts"}]}``."""
    return [
        State(one.instId, mark=_price(one.markPx)) for one in _decoded(venue, answer, snapshot_shapes.OkxMarks).data
    ]


def okx_interest(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: ``{"code": "0", "data": [{"instId", "oi": contracts, "oiCcy": base, "ts"}]}``."""
    told = [
        State(
            one.instId,
            counted_at=one.ts,
            contracts=number(one.oi),
            base=number(one.oiCcy),
        )
        for one in _decoded(venue, answer, snapshot_shapes.OkxInterests).data
    ]
    return _timed(venue, answer, told, "counted_at")


def bitfinex(venue: str, answer: Answer) -> list[State]:
    """See ``Decoder``: lists told apart by position only, the contract's key in front.

    [3] is the contract's own price and [4] the coin's: taking the first for the index is a known mistake, as is taking [9],
    what has accrued so far, for a rate, and [12], which was settled last, for the next one.
    """
    rows: Sequence[Sequence[Any]] = _decoded(venue, answer, list[list[Any]])
    if any(len(row) < _KEYED or not isinstance(row[0], str) for row in rows):
        raise BadPage(venue, f"the answer's rows are not states of {_KEYED} elements or more", sample=answer.body)
    told = [
        State(
            row[0],
            at=row[1],
            next_at=row[8] if type(row[8]) is int else 0,
            accrued=number(row[9]),
            mark=_price(row[15]),
            index=_price(row[4]),
            counted_at=row[1],
            contracts=number(row[18]),
        )
        for row in rows
    ]
    return _timed(venue, answer, told, "at")


def number(value: object) -> float:
    """The number in ``value``, text or not; NaN where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return NOTHING
    try:
        return float(value)
    except ValueError:
        return NOTHING


def _price(value: object) -> float:
    found = number(value)
    return found if found > 0 else NOTHING


def _doubt(at: object) -> str:
    """Why ``at`` is no time in milliseconds; empty where it is one."""
    if type(at) is int and EARLIEST < at < LATEST:
        return ""
    return f"the time of a contract's state is not milliseconds: {at}{unit_of(at) if isinstance(at, int) else ''}"


def _timed(venue: str, answer: Answer, told: list[State], name: str) -> list[State]:
    """``told``, of contracts whose time ``name`` is none only the doubt; BadPage where that is so of all."""
    doubts = [_doubt(getattr(one, name)) for one in told]
    if told and all(doubts):
        raise BadPage(venue, doubts[0], sample=answer.body)
    return [State(one.contract, doubt=why) if why else one for one, why in zip(told, doubts, strict=True)]


def _decoded(venue: str, answer: Answer, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=shape, strict=False)
    except msgspec.MsgspecError as error:
        raise BadPage(venue, f"the answer is not about contracts: {error}", sample=answer.body) from None
