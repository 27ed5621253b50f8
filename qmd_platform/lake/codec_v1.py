"""Layout 1 of a candle file: read only, for lakes written before layout 2.

What lives here: turning the old files' columns into candles, bit for bit. What does not: writing (nothing writes
this layout any more; ``qmd seal`` rewrites such files in the layout of ``lake.codec``).

Prices are differences to the row before, so no row can be read without those above it:

| physical column | holds, zigzag-coded (0, -1, 1, -2, ... as 0, 1, 2, 3, ...) |
|---|---|
| ``open_z`` | open minus the previous row's close (the first row: minus zero) |
| ``close_z`` | close minus open |
| ``high_z`` | high minus the higher of open and close |
| ``low_z`` | the lower of open and close minus low |
| ``volume_i`` | neither a difference nor zigzag: the volume as an integer |

The scales (``price_digits``, ``volume_digits``) are in the file's notes only. Where one is absent, the prices, or
the volume, are float64 under their own names.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.lake.buffers import column
from qmd_platform.model.candles import PRICES, Candles

Whole = NDArray[np.signedinteger[Any]]


def unpack(table: pa.Table, notes: Mapping[str, int], out: Candles) -> None:
    """Fill ``out``, as long as ``table``, with the candles of a file of layout 1.

    Raises:
        KeyError: a column is not there.
    """
    np.copyto(out.open_at, column(table, "open_at"))
    if "price_digits" in notes:
        _unpack_prices(table, 10.0 ** notes["price_digits"], out)
    else:
        for name in PRICES:
            np.copyto(getattr(out, name), column(table, name))
    if "volume_digits" in notes:
        np.divide(column(table, "volume_i"), 10.0 ** notes["volume_digits"], out=out.volume)
    else:
        np.copyto(out.volume, column(table, "volume"))


def _unpack_prices(table: pa.Table, scale: float, out: Candles) -> None:
    # In floats throughout: every number here is whole and below 2**54, and floats keep the loops in one type.
    body = _unzigzag(column(table, "close_z"))
    moves = np.add(_unzigzag(column(table, "open_z")), body, dtype=np.float64)
    np.cumsum(moves, out=out.close)
    np.subtract(out.close, body, out=out.open)
    np.maximum(out.open, out.close, out=out.high)
    np.add(out.high, _unzigzag(column(table, "high_z")), out=out.high)
    np.minimum(out.open, out.close, out=out.low)
    np.subtract(out.low, _unzigzag(column(table, "low_z")), out=out.low)
    for name in PRICES:
        values = getattr(out, name)
        np.divide(values, scale, out=values)


def _unzigzag(codes: Whole) -> Whole:
    sign = codes & 1
    np.negative(sign, out=sign)
    sign ^= codes >> 1
    return sign
