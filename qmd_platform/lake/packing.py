"""Candles as whole numbers, and back to the same 64 bits. Pure.

What lives here: finding the decimal scale that is exact, the columns of ``lake.codec``'s table. What does not: the
Parquet file around them (``lake.codec``), the columns of older files (``lake.codec_v1``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.lake.buffers import column
from qmd_platform.model.candles import PRICES, Candles

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

MOST_DIGITS = 16
"""Decimal digits tried. No venue prints more, and 10**16 is exact in a float."""

WHOLE_PRICES = ("high_i", "open_down", "close_down", "low_down")
"""The columns of prices that have an exact scale."""

_EXACT = 2**53
"""Whole numbers below it are exact in a float, and so is their quotient with a power of ten."""

_SAMPLE = 64
"""Rows a scale is tried on before it is tried on all."""


def packed(candles: Candles) -> tuple[Columns, dict[str, int]]:
    """The physical columns but ``open_at``, and the scales in use (``price_digits``, ``volume_digits``)."""
    columns: Columns = {}
    digits: dict[str, int] = {}
    prices = scaled([getattr(candles, name) for name in PRICES])
    if prices is None:
        columns |= {name: getattr(candles, name) for name in PRICES}
    else:
        digits["price_digits"], (opened, high, low, closed) = prices
        down = (high, high - opened, high - closed, np.minimum(opened, closed) - low)
        # Of one width, and of one that holds the prices too, so that taking one from the other cannot overflow.
        dtype = _narrowest(*down, opened, low, closed)
        columns |= {name: values.astype(dtype) for name, values in zip(WHOLE_PRICES, down, strict=True)}
    volumes = scaled([candles.volume])
    if volumes is None:
        columns["volume"] = candles.volume
    else:
        digits["volume_digits"], (volume,) = volumes
        columns["volume_i"] = volume.astype(_narrowest(volume))
    return columns, digits


def unpack(table: pa.Table, notes: Mapping[str, int], out: Candles) -> None:
    """Fill ``out``, as long as ``table``, with the candles that ``packed`` was given.

    Raises:
        KeyError: a column is not there.
    """
    np.copyto(out.open_at, column(table, "open_at"))
    if "price_digits" in notes:
        high, open_down, close_down, low_down = (column(table, name) for name in WHOLE_PRICES)
        opened, closed = high - open_down, high - close_down
        low = np.minimum(opened, closed)
        low -= low_down
        scale = 10.0 ** notes["price_digits"]
        for values, name in zip((opened, high, low, closed), PRICES, strict=True):
            np.divide(values, scale, out=getattr(out, name))
    else:
        for name in PRICES:
            np.copyto(getattr(out, name), column(table, name))
    if "volume_digits" in notes:
        np.divide(column(table, "volume_i"), 10.0 ** notes["volume_digits"], out=out.volume)
    else:
        np.copyto(out.volume, column(table, "volume"))


def columns_of(notes: Mapping[str, int]) -> list[str]:
    """The physical columns ``unpack`` needs of a file with these notes."""
    prices = WHOLE_PRICES if "price_digits" in notes else PRICES
    return ["open_at", *prices, "volume_i" if "volume_digits" in notes else "volume"]


def scaled(columns: Sequence[Floats]) -> tuple[int, list[Ints]] | None:
    """The fewest decimal digits that make all ``columns`` whole numbers and give every value back bit for bit.

    Returns:
        the digits and the whole numbers, or None where there are no such digits.
    """
    for digits in range(MOST_DIGITS + 1):
        if all(_whole(values[:_SAMPLE], digits) is not None for values in columns):
            whole = [_whole(values, digits) for values in columns]
            found = [numbers for numbers in whole if numbers is not None]
            if len(found) == len(columns):
                return digits, found
    return None


def _whole(values: Floats, digits: int) -> Ints | None:
    scale = 10.0**digits
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.rint(values * scale)
    # Written so that NaN fails it.
    if not (np.abs(rounded) < _EXACT).all():
        return None
    numbers = rounded.astype(np.int64)
    # From the integers, because -0.0 is lost on the way to them; by bits, because -0.0 == 0.0.
    return numbers if np.array_equal((numbers / scale).view(np.int64), values.view(np.int64)) else None


def _narrowest(*columns: Ints) -> type[np.int32] | type[np.int64]:
    """32 bits where all values fit: half the bytes to compress and to decode."""
    return np.int32 if all(np.abs(values).max(initial=0) < 2**31 for values in columns) else np.int64
