"""Bytes of an answer about open interest over time to columns, or a refusal: nothing in between.

What lives here: one decoder a wire shape. What does not: what contracts are like now (``snapshot_parsing``), which rows
were asked for (``snapshot_asking``). Open interest leaves here in base coins, converted once, as volume does (``parsing``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import BadPage
from qmd_platform.model.epoch import EARLIEST, LATEST, unit_of
from qmd_platform.model.window import Window
from qmd_platform.venues.snapshot_parsing import number

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class OpenInterest:
    """Open interest as a venue sent it, sorted by time, repeats and all.

    ``at`` is epoch ms, ``contracts`` as the venue counts, ``base`` in base coins, ``quote`` what they are worth; NaN where
    the venue does not say it.
    """

    at: NDArray[np.int64]
    contracts: NDArray[np.float64]
    base: NDArray[np.float64]
    quote: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "OpenInterest":
        """The rows selected by position or mask."""
        return OpenInterest(self.at[rows], self.contracts[rows], self.base[rows], self.quote[rows])

    @classmethod
    def concat(cls, parts: Sequence["OpenInterest"]) -> "OpenInterest":
        """All rows of ``parts``, at least one, in their order."""
        columns = zip(*((one.at, one.contracts, one.base, one.quote) for one in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    def within(self, window: Window) -> "OpenInterest":
        """The rows inside ``window``."""
        return self.take((self.at >= window.start) & (self.at < window.end))


Decoder = Callable[[str, bytes, Fraction], OpenInterest]
"""(venue, body, contract size) to rows sorted by time; ``BadPage`` otherwise."""


class _Binance(msgspec.Struct, gc=False):
    timestamp: int
    sumOpenInterest: Any  # noqa: N815 - the venue's own key
    sumOpenInterestValue: Any  # noqa: N815 - the venue's own key


class _BybitRow(msgspec.Struct, gc=False):
    timestamp: int
    openInterest: Any  # noqa: N815 - the venue's own key


class _BybitList(msgspec.Struct, gc=False):
    list: list[_BybitRow]


class _Bybit(msgspec.Struct, gc=False):
    retCode: Literal[0]  # noqa: N815 - the venue's own key
    result: _BybitList


class _Gate(msgspec.Struct, gc=False):
    time: int
    open_interest: Any
    open_interest_usd: Any


def binance(venue: str, body: bytes, size: Fraction) -> OpenInterest:
    """See ``Decoder``: ``[{"timestamp": ms, "sumOpenInterest": "..", "sumOpenInterestValue": ".."}]``, oldest first."""
    rows = _decoded(venue, body, list[_Binance])
    told = [(one.timestamp, one.sumOpenInterest, one.sumOpenInterestValue) for one in rows]
    return _columns(venue, body, told, size)


def bybit(venue: str, body: bytes, size: Fraction) -> OpenInterest:
    """See ``Decoder``: ``{"retCode": 0, "result": {"list": [{"timestamp": "ms", "openInterest": ".."}]}}``."""
    rows = _decoded(venue, body, _Bybit).result.list
    return _columns(venue, body, [(one.timestamp, one.openInterest, None) for one in rows], size)


def gate(venue: str, body: bytes, size: Fraction) -> OpenInterest:
    """See ``Decoder``: ``[{"time": s, "open_interest": contracts, "open_interest_usd": quote}]``, oldest first."""
    rows = _decoded(venue, body, list[_Gate])
    return _columns(venue, body, [(one.time * 1000, one.open_interest, one.open_interest_usd) for one in rows], size)


def in_base(contracts: NDArray[np.float64], size: Fraction) -> NDArray[np.float64]:
    """Contracts of ``size`` base coins each in base coins: once times and once divided by a whole number."""
    return np.asarray(contracts * size.numerator / size.denominator)


def _columns(venue: str, body: bytes, rows: list[tuple[int, Any, Any]], size: Fraction) -> OpenInterest:
    wrong = next((at for at, *_ in rows if not EARLIEST < at < LATEST), None)
    if wrong is not None:
        told = f"a time of open interest is not milliseconds: {wrong}{unit_of(wrong)}"
        raise BadPage(venue, told, sample=body)
    at = np.array([row[0] for row in rows], np.int64)
    contracts, quote = (np.array([number(row[place]) for row in rows], np.float64) for place in (1, 2))
    order = np.argsort(at, kind="stable")
    return OpenInterest(at, contracts, in_base(contracts, size), quote).take(order)


def _decoded(venue: str, body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape, strict=False)
    except msgspec.MsgspecError as error:
        raise BadPage(venue, f"the answer is not about open interest: {error}", sample=body) from None
