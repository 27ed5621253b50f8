"""Bytes of an answer about funding to rows, or a refusal: nothing in between.

What lives here: one decoder a wire shape, and the rows they make. What does not: which endpoint has which shape
(``funding_dialects``), which rows were asked for (``funding_paging``), settlements read off snapshots
(``funding_snapshots``), whether a rate is plausible (``funding.suspicions``).

As for candles: an answer that is not exactly the promised shape raises ``BadPage`` with its first bytes and is never an
empty page; a number is the float64 nearest to its text; a single rate or mark that is no number is NaN.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import BadPage
from qmd_platform.model.epoch import EARLIEST, LATEST, unit_of

T = TypeVar("T")

_LEAST_OF_A_SNAPSHOT = 18
_AT, _NEXT_AT, _RATE, _MARK = 0, 7, 11, 14
"""Positions in a snapshot. [2] is the contract's price and [3] the coin's; taking them for mark and index is a known
mistake, as is taking [8], what has accrued for the next settlement, for the rate."""


@dataclass(frozen=True, slots=True, eq=False)
class FundingRows:
    """Rows as a venue sent them, sorted by time, repeats and all.

    ``at`` is the venue's own stamp, epoch ms: of the settlement, or of the snapshot. ``next_at`` is the time of the next
    settlement in a snapshot, epoch ms, and 0 elsewhere. ``rate`` is a fraction, ``mark`` quote per base, NaN where the
    venue does not say it.
    """

    at: NDArray[np.int64]
    rate: NDArray[np.float64]
    mark: NDArray[np.float64]
    next_at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def concat(cls, parts: "Iterable[FundingRows]") -> "FundingRows":
        """All rows of ``parts``, sorted by time; rows of one time in the order given."""
        columns = (np.concatenate(list(column)) for column in zip(*map(_columns, [*parts, _NONE]), strict=True))
        return cls(*columns).sorted()

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "FundingRows":
        """The rows selected by position or mask."""
        return FundingRows(*(column[rows] for column in _columns(self)))

    def sorted(self) -> "FundingRows":
        """The rows by time."""
        return self.take(np.argsort(self.at, kind="stable")) if (self.at[1:] < self.at[:-1]).any() else self


Decoder = Callable[[str, bytes], FundingRows]
"""(venue, body) to rows sorted by time; ``BadPage`` otherwise."""


def _columns(rows: FundingRows) -> tuple[NDArray[Any], ...]:
    return rows.at, rows.rate, rows.mark, rows.next_at


_NONE = FundingRows(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64))


class _BinanceRow(msgspec.Struct, gc=False):
    fundingTime: int  # noqa: N815 - the venue's own key
    fundingRate: Any  # noqa: N815 - the venue's own key
    markPrice: Any = None  # noqa: N815 - the venue's own key; the oldest answers do not have it


class _GateRow(msgspec.Struct, gc=False):
    t: int
    r: Any


class _OkxRow(msgspec.Struct, gc=False):
    fundingTime: int  # noqa: N815 - the venue's own key
    realizedRate: Any  # noqa: N815 - the venue's own key


class _Okx(msgspec.Struct, gc=False):
    code: Literal["0"]
    data: list[_OkxRow]


class _BybitRow(msgspec.Struct, gc=False):
    fundingRateTimestamp: int  # noqa: N815 - the venue's own key
    fundingRate: Any  # noqa: N815 - the venue's own key


class _BybitList(msgspec.Struct, gc=False):
    list: list[_BybitRow]


class _Bybit(msgspec.Struct, gc=False):
    retCode: Literal[0]  # noqa: N815 - the venue's own key
    result: _BybitList


_binance = msgspec.json.Decoder(list[_BinanceRow], strict=False)
_gate = msgspec.json.Decoder(list[_GateRow], strict=False)
_okx = msgspec.json.Decoder(_Okx, strict=False)
_bybit = msgspec.json.Decoder(_Bybit, strict=False)
_snapshots = msgspec.json.Decoder(list[list[Any]])


def binance(venue: str, body: bytes) -> FundingRows:
    """See ``Decoder``: ``[{"symbol", "fundingTime": ms, "fundingRate": "..", "markPrice": ".."}]``, oldest first."""
    rows = _decoded(venue, body, _binance)
    return _rows(venue, body, [(row.fundingTime, row.fundingRate, row.markPrice, 0) for row in rows])


def gate(venue: str, body: bytes) -> FundingRows:
    """See ``Decoder``: ``[{"t": s, "r": ".."}]``, newest first."""
    return _rows(venue, body, [(row.t * 1000, row.r, None, 0) for row in _decoded(venue, body, _gate)])


def okx(venue: str, body: bytes) -> FundingRows:
    """See ``Decoder``: ``{"code": "0", "data": [{"fundingTime": "ms", "realizedRate": ".."}]}``, newest first.

    ``fundingRate`` beside it was the prediction.
    """
    rows = _decoded(venue, body, _okx).data
    return _rows(venue, body, [(row.fundingTime, row.realizedRate, None, 0) for row in rows])


def bybit(venue: str, body: bytes) -> FundingRows:
    """See ``Decoder``: ``{"retCode": 0, "result": {"list": [{"fundingRateTimestamp": "ms", "fundingRate": ".."}]}}``."""
    rows = _decoded(venue, body, _bybit).result.list
    return _rows(venue, body, [(row.fundingRateTimestamp, row.fundingRate, None, 0) for row in rows])


def bitfinex(venue: str, body: bytes) -> FundingRows:
    """See ``Decoder``: snapshots told apart by position only; ``funding_snapshots`` makes settlements of them."""
    rows = _decoded(venue, body, _snapshots)
    if any(len(row) < _LEAST_OF_A_SNAPSHOT or type(row[_NEXT_AT]) is not int for row in rows):
        raise BadPage(
            venue, f"the answer's rows are not snapshots of {_LEAST_OF_A_SNAPSHOT} elements or more", sample=body
        )
    return _rows(venue, body, [(row[_AT], row[_RATE], row[_MARK], row[_NEXT_AT]) for row in rows])


def _decoded(venue: str, body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise BadPage(venue, f"the answer is not a page of funding: {error}", sample=body) from None


def _rows(venue: str, body: bytes, rows: list[tuple[Any, Any, Any, int]]) -> FundingRows:
    wrong = next((at for at, *_ in rows if type(at) is not int or not EARLIEST < at < LATEST), None)
    if wrong is not None:
        unit = unit_of(wrong) if type(wrong) is int else ""
        raise BadPage(venue, f"a time of funding is not milliseconds: {wrong}{unit}", sample=body)
    at, rate, mark, next_at = zip(*rows, strict=True) if rows else ((), (), (), ())
    rates, marks = (np.array([_number(one) for one in column], np.float64) for column in (rate, mark))
    return FundingRows(np.array(at, np.int64), rates, marks, np.array(next_at, np.int64)).sorted()


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return float("nan")
    try:
        return float(value)
    except ValueError:
        return float("nan")
