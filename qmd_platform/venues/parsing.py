"""Bytes of an answer to columns, or a refusal: nothing in between.

What lives here: one decoder a wire shape. What does not: which endpoint has which shape (``dialects``), whether the
rows are the ones asked for (``paging``), plausibility (``quality``). Repeated rows and rows outside the window are
kept: the judge needs to see them.

Rules:

1. An answer that is not exactly the promised shape raises ``BadPage`` with its first bytes. It is never an empty
   page: an empty page is ``[]`` and nothing else. A single value that is no number is NaN: its candle is for the rules
   to refuse (``unreadable``).
2. A number is the float64 nearest to its text, bit for bit what ``float(text)`` gives.
3. Volume leaves here in base coins, converted once. A contract is a decimal fraction of a coin, so contracts are
   multiplied by its numerator and divided by its denominator, both whole numbers: 23724 contracts of 0.0001 are
   23724 / 10000 = 2.3724, the float nearest to the true decimal. (23724 * 0.0001 is 2.3724000000000003.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import msgspec
import numpy as np
import simdjson
from numpy.typing import NDArray

from qmd_platform.errors import BadPage
from qmd_platform.model.candles import Candles
from qmd_platform.venues import unreadable

Matrix = NDArray[np.float64]
Decoder = Callable[[str, bytes, Fraction], Candles]
"""(venue, body, contract size) to candles sorted by open time; ``BadPage`` otherwise."""

_COMMA, _CLOSE, _OPEN = b",", b"]", b"["
_LATEST_MS = 1 << 43
"""The year 2248: a number larger than this is not a time in ms."""


def exact(contract_size: float) -> Fraction:
    """The decimal fraction a venue prints as ``contract_size``: 0.0001 is 1/10000, not the float nearest to it."""
    return Fraction(Decimal(repr(contract_size)))


@dataclass(frozen=True, slots=True)
class Rows:
    """A wire shape: a list of equally long lists of numbers, some of them in quotes.

    ``columns`` are the positions of open time, open, high, low, close, volume; ``quoted`` is how many elements of a
    row are in quotes; ``unit_ms`` is how many milliseconds one unit of the time is; ``words`` are the words a row may
    hold and the number each stands for.
    """

    arity: int
    columns: tuple[int, int, int, int, int, int]
    quoted: int
    unit_ms: int = 1
    words: tuple[tuple[bytes, bytes], ...] = ()

    def __call__(self, venue: str, body: bytes, contract_size: Fraction) -> Candles:
        """See ``Decoder``."""
        return self.read(venue, body, body, contract_size)

    def read(self, venue: str, body: bytes, rows: bytes, contract_size: Fraction) -> Candles:
        """The candles of ``rows``, the part of ``body`` that is the list."""
        for word, number in self.words:
            rows = rows.replace(word, number)
        bare = rows.translate(None, b'"')
        try:
            matrix = _matrix(venue, body, bare, self.arity)
        except BadPage:
            read = unreadable.of_lists(rows, self.arity, self.columns)
            if read is None:
                raise
            return candles_of(venue, body, read, self.unit_ms, contract_size)
        if len(rows) - len(bare) != 2 * self.quoted * len(matrix):
            raise BadPage(venue, f"expected {self.quoted} quoted values in each of {len(matrix)} rows", sample=body)
        picked = np.ascontiguousarray(matrix.T[list(self.columns)])
        return candles_of(venue, body, picked, self.unit_ms, contract_size)


BINANCE = Rows(arity=12, columns=(0, 1, 2, 3, 4, 5), quoted=9)
"""[open ms, "open", "high", "low", "close", "volume", close ms, "quote volume", trades, "taker", "taker quote", "0"]"""

BITFINEX = Rows(arity=6, columns=(0, 1, 3, 4, 2, 5), quoted=0)
"""[open ms, open, close, high, low, volume]; newest first unless sort=1."""

GATE_SPOT = Rows(
    arity=8,
    columns=(0, 5, 3, 4, 2, 6),
    quoted=8,
    unit_ms=1000,
    words=((b'"true"', b'"1"'), (b'"false"', b'"0"')),
)
"""["open s", "quote volume", "close", "high", "low", "open", "base volume", "true" when closed]"""


class _Okx(msgspec.Struct, gc=False):
    code: Literal["0"]
    data: msgspec.Raw


class _BybitList(msgspec.Struct, gc=False):
    list: msgspec.Raw


class _Bybit(msgspec.Struct, gc=False):
    retCode: Literal[0]  # noqa: N815 - the venue's own key
    result: _BybitList


class _Kraken(msgspec.Struct, gc=False):
    error: list[str]
    result: dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A list of rows inside an object that says whether all went well. ``list_of`` takes it out of a whole body."""

    list_of: Callable[[bytes], bytes]
    rows: Rows

    def __call__(self, venue: str, body: bytes, contract_size: Fraction) -> Candles:
        """See ``Decoder``."""
        try:
            rows = self.list_of(body)
        except msgspec.MsgspecError as error:
            raise BadPage(venue, f"the answer is not a page of candles: {error}", sample=body) from None
        return self.rows.read(venue, body, rows, contract_size)


def _okx_list(body: bytes) -> bytes:
    return bytes(_okx.decode(body).data)


def _bybit_list(body: bytes) -> bytes:
    return bytes(_bybit.decode(body).result.list)


def _kraken_list(body: bytes) -> bytes:
    answer = _kraken.decode(body)
    lists = [rows for name, rows in answer.result.items() if name != "last"]
    if answer.error or len(lists) != 1 or "last" not in answer.result:
        raise msgspec.ValidationError("expected one market and `last`, and no error")
    return bytes(lists[0])


_okx = msgspec.json.Decoder(_Okx)
_bybit = msgspec.json.Decoder(_Bybit)
_kraken = msgspec.json.Decoder(_Kraken)

OKX_SPOT = Wrapped(_okx_list, Rows(arity=9, columns=(0, 1, 2, 3, 4, 5), quoted=9))
"""{"code": "0", "data": [["open ms", "open", "high", "low", "close", "base volume", "quote volume", "quote volume", "1"
when closed]]}; newest first."""

OKX_SWAP = Wrapped(_okx_list, Rows(arity=9, columns=(0, 1, 2, 3, 4, 6), quoted=9))
"""As spot, with the volume in contracts where spot has base coins, and in base coins after it."""

BYBIT = Wrapped(_bybit_list, Rows(arity=7, columns=(0, 1, 2, 3, 4, 5), quoted=7))
"""{"retCode": 0, "result": {"list": [["open ms", "open", "high", "low", "close", "base volume", "quote volume"]]}}; newest
first."""

KRAKEN = Wrapped(_kraken_list, Rows(arity=8, columns=(0, 1, 2, 3, 4, 6), quoted=6, unit_ms=1000))
"""{"error": [], "result": {"XXBTZUSD": [[open s, "open", "high", "low", "close", "average price", "base volume", trades]],
"last": open s of the newest closed candle}}; the candle that is forming comes last."""


class _GateContractRow(msgspec.Struct, gc=False):
    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the venue's own key
    c: float
    v: float


_gate_contract_rows = msgspec.json.Decoder(list[_GateContractRow], strict=False)


def gate_contracts(venue: str, body: bytes, contract_size: Fraction) -> Candles:
    """See ``Decoder``: ``[{"t": open s, "v": contracts, "c": "..", "h": "..", "l": "..", "o": "..", "sum": ".."}]``."""
    try:
        rows = _gate_contract_rows.decode(body)
    except msgspec.MsgspecError as error:
        read = unreadable.of_objects(body, "tohlcv")
        if read is None:
            raise BadPage(venue, f"the answer is not a page of candles: {error}", sample=body) from None
        return candles_of(venue, body, read, 1000, contract_size)
    values = np.array([(row.t, row.o, row.h, row.l, row.c, row.v) for row in rows], np.float64)
    return candles_of(venue, body, np.ascontiguousarray(values.reshape(-1, 6).T), 1000, contract_size)


def _matrix(venue: str, body: bytes, bare: bytes, arity: int) -> Matrix:
    """The rows of ``bare`` JSON as a matrix; ``body`` is what arrived, for the evidence."""
    try:
        parsed = simdjson.Parser().parse(bare)
        if not isinstance(parsed, simdjson.Array):
            raise BadPage(venue, "the answer is not a list", sample=body)
        flat = np.frombuffer(parsed.as_buffer(of_type="d"), np.float64)
    except (ValueError, TypeError) as error:  # not JSON; an element that is not a number
        raise BadPage(venue, f"the answer is not a list of rows of numbers: {error}", sample=body) from None
    count, rest = divmod(len(flat), arity)
    if rest or not _is_rectangular(bare, count, arity):
        raise BadPage(venue, f"the answer's rows are not of {arity} elements each", sample=body)
    return flat.reshape(count, arity)


def _is_rectangular(bare: bytes, count: int, arity: int) -> bool:
    """Whether valid JSON ``bare``, without text in it, is a list of ``count`` lists of ``arity`` numbers.

    ``as_buffer`` flattens whatever is nested, so a row too long next to one too short would pass: the n-th row must
    close after exactly ``n * arity - 1`` commas.
    """
    if not count:
        return bare.count(_OPEN) == 1
    text = np.frombuffer(bare, np.uint8)
    commas = np.flatnonzero(text == ord(_COMMA))
    closes = np.flatnonzero(text == ord(_CLOSE))
    if len(commas) != count * arity - 1 or len(closes) != count + 1 or bare.count(_OPEN) != count + 1:
        return False
    return bool((np.searchsorted(commas, closes[:-1]) == np.arange(1, count + 1) * arity - 1).all())


def candles_of(venue: str, body: bytes, columns: Matrix, unit_ms: int, contract_size: Fraction) -> Candles:
    """Six rows of numbers (time, open, high, low, close, volume) as sorted candles; BadPage if a time is none."""
    times = columns[0] * unit_ms
    if len(times) and not (
        np.isfinite(times).all() and times.min() >= 0 and times.max() < _LATEST_MS and (times == np.floor(times)).all()
    ):
        raise BadPage(venue, "an open time is not a time", sample=body)
    open_at = times.astype(np.int64)
    volume = columns[5]
    if contract_size != 1:
        volume = volume * contract_size.numerator / contract_size.denominator
    candles = Candles(open_at, columns[1], columns[2], columns[3], columns[4], volume)
    if (open_at[1:] < open_at[:-1]).any():
        return candles.take(np.argsort(open_at, kind="stable"))
    return candles
