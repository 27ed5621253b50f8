"""Bytes of an answer about mark, index or premium to candles, or a refusal: nothing in between.

What lives here: one decoder a wire shape. What does not: which endpoint has which shape (``reference_dialects``), candles
of what traded (``parsing``, by whose rules these are read too), candles made of snapshots (``reference_snapshots``).

Nothing is traded at these prices: the volume is 0 in every row, whatever stands in its place.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import BadPage
from qmd_platform.model.candles import Candles
from qmd_platform.venues import parsing, unreadable
from qmd_platform.venues.parsing import Rows, Wrapped

Decoder = Callable[[str, bytes], Candles]
"""(venue, body) to candles sorted by open time, without volume; ``BadPage`` otherwise."""

_ONE = Fraction(1)
_BYBIT = Wrapped(parsing.BYBIT.list_of, Rows(arity=5, columns=(0, 1, 2, 3, 4, 4), quoted=5))
_OKX = Wrapped(parsing.OKX_SPOT.list_of, Rows(arity=6, columns=(0, 1, 2, 3, 4, 4), quoted=6))


class _GateRow(msgspec.Struct, gc=False):
    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the venue's own key
    c: float


_gate_rows = msgspec.json.Decoder(list[_GateRow], strict=False)


def binance(venue: str, body: bytes) -> Candles:
    """See ``Decoder``: rows as of candles; what is volume, trades and takers there is to be ignored here."""
    return _priced(parsing.BINANCE(venue, body, _ONE))


def bybit(venue: str, body: bytes) -> Candles:
    """See ``Decoder``: ``{"retCode": 0, "result": {"list": [["open ms", "open", "high", "low", "close"]]}}``, newest first."""
    return _priced(_BYBIT(venue, body, _ONE))


def okx(venue: str, body: bytes) -> Candles:
    """See ``Decoder``: ``{"code": "0", "data": [["open ms", "open", "high", "low", "close", "1" if closed]]}``; newest first."""
    return _priced(_OKX(venue, body, _ONE))


def gate(venue: str, body: bytes) -> Candles:
    """See ``Decoder``: ``[{"t": open s, "o": "..", "h": "..", "l": "..", "c": ".."}]``; ``v`` and ``sum`` are not read."""
    try:
        values = np.array([(row.t, row.o, row.h, row.l, row.c, 0) for row in _gate_rows.decode(body)], np.float64)
    except msgspec.MsgspecError as error:
        read = unreadable.of_objects(body, "tohlc")
        if read is None:
            raise BadPage(venue, f"the answer is not a page of candles: {error}", sample=body) from None
        values = np.vstack([read, np.zeros(read.shape[1])]).T
    return _priced(parsing.candles_of(venue, body, _columns(values), 1000, _ONE))


def _columns(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.ascontiguousarray(values.reshape(-1, 6).T)


def _priced(candles: Candles) -> Candles:
    return replace(candles, volume=np.zeros(len(candles)))
