"""Values to Parquet bytes and back, bit for bit.

What lives here: the layout of one segment file. What does not: which rows (``lake.rows``), where the bytes go
(``lake.blobs``), which file counts (``ledger``).

Candles are stored as what is new in them. Prices become integers by one decimal scale (``open`` 27123.4 is
271234 tenths), then differences to what is already known:

| physical column | holds, zigzag-coded (0, -1, 1, -2, ... as 0, 1, 2, 3, ...) |
|---|---|
| ``open_z`` | open minus the previous row's close (the first row: minus zero) |
| ``close_z`` | close minus open |
| ``high_z`` | high minus the higher of open and close |
| ``low_z`` | the lower of open and close minus low |
| ``volume_i`` | neither a difference nor zigzag: the volume as an integer |

The scales (``price_digits``, ``volume_digits``) are in the file's key-value metadata under ``qmd``. They are not
columns, as a difference means nothing without the row before it anyway; so the names do not end in ``_i``, which
promises ``x_i / 10**digits``. A scale is used only if it gives back every value of the column with the same 64
bits. NaN, infinities, -0.0, huge and noisy numbers do not; then the four prices together, or the volume, are
stored as they are, under their own names. All other tables are stored as they are.

Measured, bytes a candle in month files (zstd level 3, dictionary off, page checksums on):

| layout | Gate BTC 5m 2023 | Binance BTC 1m 2025 | Binance LAYER 1m | Bybit BTC 5m |
|---|---|---|---|---|
| float64, PLAIN | 14.8 | 15.7 | 13.1 | 15.9 |
| whole numbers, DELTA_BINARY_PACKED | 9.0 | 8.8 | 6.7 | 9.6 |
| differences, DELTA_BINARY_PACKED | 8.1 | 7.7 | 6.0 | 7.8 |
| differences, zigzag, BYTE_STREAM_SPLIT (this one) | 6.6 | 6.4 | 5.2 | 7.2 |

Level 9 saves another 0.04. Wild half-months stay above 8 (Gate BTC 5m, August 2024: 8.9). A year of 1m candles
(12 files, two cores) is read in 0.8 of the time pyarrow takes for the same rows as float64 with zstd.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from qmd_platform.lake.buffers import arrow, numbers
from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.tables import CANDLES, Table

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Whole = NDArray[np.signedinteger[Any]]

MOST_DIGITS = 16
"""Decimal digits tried. No venue prints more, and 10**16 is exact in a float."""

_EXACT = 2**53
"""Whole numbers below it are exact in a float, and so is their quotient with a power of ten."""

_SAMPLE = 64
"""Rows a scale is tried on before it is tried on all."""

_NOTES = "qmd"


def encode(spec: Table, rows: pa.Table, notes: Mapping[str, str | int]) -> bytes:
    """``rows`` (of ``lake.rows.conformed``, at least one) as a Parquet file; ``notes`` go to its metadata."""
    if spec is CANDLES:
        rows, digits = _packed(Candles.from_arrow(rows))
        notes = {**notes, **digits}
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        rows.schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=False,
        column_encoding={field.name: _encoding(field) for field in rows.schema},
        write_page_checksum=True,
        store_schema=False,  # 1 kB a file, and Parquet's own types say it all
    ) as writer:
        writer.write_table(rows, row_group_size=len(rows))
        writer.add_key_value_metadata({_NOTES: json.dumps(dict(notes))})
    return sink.getvalue().to_pybytes()


def decode(data: bytes) -> pa.Table:
    """The rows ``encode`` was given, of any table but candles. Damaged bytes raise pa.ArrowException or OSError."""
    return _opened(data)[0]


def decode_candles(data: bytes, out: Candles) -> None:
    """Fill ``out``, whose arrays are as long as the file has rows, with the candles ``encode`` was given.

    Into arrays of the caller's, so that a year of months needs no joining. Damaged bytes raise pa.ArrowException,
    OSError, KeyError or ValueError.
    """
    table, notes = _opened(data)
    np.copyto(out.open_at, _column(table, "open_at"))
    if "price_digits" in notes:
        _unpack_prices(table, 10.0 ** notes["price_digits"], out)
    else:
        for name in PRICES:
            np.copyto(getattr(out, name), _column(table, name))
    if "volume_digits" in notes:
        np.divide(_column(table, "volume_i"), 10.0 ** notes["volume_digits"], out=out.volume)
    else:
        np.copyto(out.volume, _column(table, "volume"))


def _opened(data: bytes) -> tuple[pa.Table, dict[str, int]]:
    # One thread here: callers read many files side by side.
    with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
        notes = file.metadata.metadata or {}
        return file.read(use_threads=False).replace_schema_metadata(None), json.loads(notes[_NOTES.encode()])


def _packed(candles: Candles) -> tuple[pa.Table, dict[str, int]]:
    """The physical columns of the module's table, and the scales in use."""
    columns: dict[str, Ints | Floats] = {}
    digits: dict[str, int] = {}
    prices = scaled([getattr(candles, name) for name in PRICES])
    if prices is None:
        columns |= {name: getattr(candles, name) for name in PRICES}
    else:
        digits["price_digits"], (opened, high, low, closed) = prices
        columns["open_z"] = _zigzag(opened - np.r_[0, closed[:-1]])
        columns["high_z"] = _zigzag(high - np.maximum(opened, closed))
        columns["low_z"] = _zigzag(np.minimum(opened, closed) - low)
        columns["close_z"] = _zigzag(closed - opened)
    volumes = scaled([candles.volume])
    if volumes is None:
        columns["volume"] = candles.volume
    else:
        digits["volume_digits"], (volume,) = volumes
        columns["volume_i"] = _narrowed(volume)
    open_at = candles.to_arrow().column("open_at").combine_chunks()
    arrays = [open_at, *(arrow(values) for values in columns.values())]
    fields = [pa.field(name, a.type, nullable=False) for name, a in zip(["open_at", *columns], arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields)), digits


def _unpack_prices(table: pa.Table, scale: float, out: Candles) -> None:
    # In floats throughout: every number here is whole and below 2**54, and floats keep the loops in one type.
    body = _unzigzag(_column(table, "close_z"))
    moves = np.add(_unzigzag(_column(table, "open_z")), body, dtype=np.float64)
    np.cumsum(moves, out=out.close)
    np.subtract(out.close, body, out=out.open)
    np.maximum(out.open, out.close, out=out.high)
    np.add(out.high, _unzigzag(_column(table, "high_z")), out=out.high)
    np.minimum(out.open, out.close, out=out.low)
    np.subtract(out.low, _unzigzag(_column(table, "low_z")), out=out.low)
    for name in PRICES:
        values = getattr(out, name)
        np.divide(values, scale, out=values)


def scaled(columns: Sequence[Floats]) -> tuple[int, list[Ints]] | None:
    """The fewest decimal digits that make all ``columns`` whole numbers and give every value back bit for bit.

    Returns:
        the digits and the whole numbers, or None where there are no such digits.
    """
    for digits in range(MOST_DIGITS + 1):
        if all(_whole(column[:_SAMPLE], digits) is not None for column in columns):
            whole = [_whole(column, digits) for column in columns]
            found = [numbers for numbers in whole if numbers is not None]
            if len(found) == len(columns):
                return digits, found
    return None


def _whole(column: Floats, digits: int) -> Ints | None:
    scale = 10.0**digits
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.rint(column * scale)
    # Written so that NaN fails it.
    if not (np.abs(rounded) < _EXACT).all():
        return None
    numbers = rounded.astype(np.int64)
    # From the integers, because -0.0 is lost on the way to them; by bits, because -0.0 == 0.0.
    return numbers if np.array_equal((numbers / scale).view(np.int64), column.view(np.int64)) else None


def _zigzag(values: Ints) -> Whole:
    return _narrowed((values << 1) ^ (values >> 63))


def _unzigzag(codes: Whole) -> Whole:
    sign = codes & 1
    np.negative(sign, out=sign)
    sign ^= codes >> 1
    return sign


def _narrowed(values: Ints) -> Whole:
    """As 32-bit integers where they fit: half the bytes to compress and to decode."""
    return values.astype(np.int32) if np.abs(values).max(initial=0) < 2**31 else values


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    array = table.column(name).combine_chunks()
    dtype = {pa.int32(): np.int32, pa.float64(): np.float64}.get(array.type, np.int64)
    return numbers(array, dtype)


def _encoding(field: "pa.Field[Any]") -> str:
    if field.name.endswith(("_z", "_i")):
        return "BYTE_STREAM_SPLIT"
    return "DELTA_BINARY_PACKED" if pa.types.is_timestamp(field.type) or pa.types.is_integer(field.type) else "PLAIN"
