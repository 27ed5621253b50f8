"""Values to Parquet bytes and back, bit for bit.

What lives here: the layout of one segment file, and of its notes. What does not: the arithmetic of the columns
(``lake.packing``), which rows (``lake.rows``), where the bytes go (``lake.blobs``), which file counts (``ledger``).

Candles are stored as whole numbers by one decimal scale a file (``high`` 27123.4 is 271234 tenths), one price as it
is and the others by how far they are below it in the same row. So each row says all of itself, and an SQL
expression reads it (``lake.views``):

| physical column | holds | value |
|---|---|---|
| ``high_i`` | high | ``high_i / 10**ps`` |
| ``open_down`` | high minus open | ``(high_i - open_down) / 10**ps`` |
| ``close_down`` | high minus close | ``(high_i - close_down) / 10**ps`` |
| ``low_down`` | the lower of open and close minus low | ``(high_i - greatest(open_down, close_down) - low_down) / 10**ps`` |
| ``volume_i`` | volume | ``volume_i / 10**vs`` |
| ``ps``, ``vs`` | the scales, one number the file through | |

The division is of a float64 by a float64. A scale is used only if it gives back every value of the column with the
same 64 bits. NaN, infinities, -0.0, huge and noisy numbers do not; then the four prices together, or the volume, are
stored as they are, under their own names and without a scale. All other tables are stored as they are.

``source_rank`` and ``fetched_at`` of a row, where given, are a note when they are the same in all rows, else columns.
The notes (key-value metadata ``qmd``, JSON) also repeat the scales and name the layout. Layout 1, which needed the
row before to read a row, is still read (``lake.codec_v1``).

Measured, bytes a candle of whole files (float64: zstd level 3; page checksums on):

| layout | Gate BTC 5m 2023 | Binance BTC 1m 2025 | Binance LAYER 1m | Bybit BTC 5m |
|---|---|---|---|---|
| float64, PLAIN, month files | 14.8 | 15.7 | 13.1 | 15.9 |
| layout 1, month files | 6.7 | 6.4 | 5.2 | 7.2 |
| this one, month files | 7.6 | 7.7 | 5.8 | 8.9 |
| float64, PLAIN, files of 1,440 rows | 15.8 | 16.6 | 17.5 | 17.1 |
| this one, files of 1,440 rows | 8.7 | 8.8 | 6.7 | 9.9 |

Open, low or close as the price that is kept whole give the same within 0.05, but below open and close there are
both signs. The three differences as DELTA_BINARY_PACKED cost 0.5 to 1.0 more, as PLAIN 1.1; the whole price as
BYTE_STREAM_SPLIT 0.2 to 0.4 more. ``fetched_at`` costs 0.03 where it is the same all through, 0.13 where it is new
every 60 rows of a day's file.

What decoding a year of 1m candles (12 files) costs, in ms of one core: zstd throughout 10.1, and level 3 takes half as
long again to write as level 1 and saves 0.02 bytes; LZ4 for what is in ``_LZ4``, with 2 % more bytes, 8.5; LZ4
throughout 5.4, but with 12 to 20 % more bytes. Files cut into row groups: 0.5 more, and a day of one takes 0.4 of it.
Comparing page checksums would cost 0.6; hashing the files costs 1.6 and guards the footers too.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from qmd_platform.errors import LakeError
from qmd_platform.lake import codec_v1, packing
from qmd_platform.lake.buffers import arrow, column
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.tables import CANDLES, Table
from qmd_platform.model.window import Window

LAYOUT = 2
"""The layout files are written in."""

EXTRAS = ("source_rank", "fetched_at")
"""What candle rows may carry beside the table's columns; int64, zero where they do not."""

ROW_GROUP = 11 * 1440
"""Rows of a file that can be read without the rest: eleven days of 1m. A month is read 6 % slower than of one piece, a
day of it in 0.4 of the time; files grow by 0.3 %."""

_NOTES = "qmd"
_SCALES = {"price_digits": "ps", "volume_digits": "vs"}
_BYTE_STREAM_SPLIT = {"open_down", "close_down", "low_down", "volume_i"}
_LZ4 = {"open_at", "high_i", "volume_i", "ps", "vs"}
"""Of these zstd would save 2 % of a file, and of the others a sixth; LZ4 is read in half the time."""


def encode(spec: Table, rows: pa.Table, notes: Mapping[str, str | int]) -> bytes:
    """``rows`` (of ``lake.rows.conformed``, at least one) as a Parquet file; ``notes`` go to its metadata.

    Candle rows may have the columns ``EXTRAS`` too.
    """
    about: dict[str, str | int] = {**notes, "layout": LAYOUT}
    if spec is CANDLES:
        rows, said = _physical(rows)
        about |= said
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        rows.schema,
        compression={field.name: "lz4" if field.name in _LZ4 else "zstd" for field in rows.schema},
        use_dictionary=False,
        column_encoding={field.name: _encoding(field) for field in rows.schema},
        # Of the other columns no range asks: a price is one only after arithmetic. They cost 0.3 bytes a row of a day.
        write_statistics=["open_at"] if spec is CANDLES else True,
        write_page_checksum=True,
        store_schema=False,  # 1 kB a file, and Parquet's own types say it all
    ) as writer:
        writer.write_table(rows, row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({_NOTES: json.dumps(about)})
    return sink.getvalue().to_pybytes()


def decode(data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows ``encode`` was given, of any table but candles; only these columns. Raises as ``decode_candles``."""
    with _opened(data) as file:
        _notes(file)
        wanted = None if columns is None else list(columns)
        return file.read(columns=wanted, use_threads=False).replace_schema_metadata(None)


def decode_candles(data: bytes, out: Candles, window: Window | None = None) -> tuple[int, int]:
    """Fill ``out``, whose arrays are as long as the file has rows, with the candles ``encode`` was given.

    Into arrays of the caller's, so that a year of months needs no joining.

    Args:
        data: the file.
        out: where to.
        window: candles outside it may be left out, those inside are not; None for all.

    Returns:
        the first position of ``out`` that was filled, and the one after the last.

    Raises:
        pa.ArrowException, OSError, KeyError, ValueError: damaged bytes.
        LakeError: a layout of a newer qmd_platform.
    """
    with _opened(data) as file:
        groups, lo, hi = _touching(file, window)
        if groups:
            _read(file, out.take(slice(lo, hi)), groups=groups)
    return lo, hi


def decode_stored(data: bytes) -> pa.Table:
    """The candle rows ``encode`` was given with their ``EXTRAS``: zeros where it was given none.

    Raises as ``decode_candles``.
    """
    with _opened(data) as file:
        rows = file.metadata.num_rows
        out = Candles(np.empty(rows, np.int64), *np.empty((len(COLUMNS) - 1, rows)))
        extras = _read(file, out, EXTRAS)
    fields = [*arrow_schema(CANDLES), *(pa.field(name, pa.int64(), nullable=False) for name in EXTRAS)]
    columns: list[Any] = [*out.to_arrow().columns, *(arrow(extras[name]) for name in EXTRAS)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def layout_of(found: bytes | Mapping[str, object]) -> int:
    """The layout of a file, given its bytes or its notes; ``LAYOUT`` is today's."""
    if isinstance(found, bytes):
        with _opened(found) as file:
            found = _notes(file)
    return int(str(found.get("layout", 1)))


def _touching(file: pq.ParquetFile, window: Window | None) -> tuple[list[int], int, int]:
    """The row groups that may hold candles of ``window``, the row the first begins with, and that after the last."""
    meta = file.metadata
    ends = np.cumsum([0, *(meta.row_group(group).num_rows for group in range(meta.num_row_groups))]).tolist()
    if window is None:
        return list(range(meta.num_row_groups)), 0, ends[-1]
    said: list[Any] = [meta.row_group(group).column(0).statistics for group in range(meta.num_row_groups)]
    # A group that does not say what it holds may hold anything.
    first = sum(1 for one in said if one is not None and one.max_raw < window.start)
    after = len(said) - sum(1 for one in said if one is not None and one.min_raw >= window.end)
    return list(range(first, after)), ends[first], ends[max(first, after)]


def _read(
    file: pq.ParquetFile, out: Candles, extras: tuple[str, ...] = (), groups: list[int] | None = None
) -> dict[str, NDArray[np.int64]]:
    """Fill ``out``, from these row groups (None for all); the extras asked for."""
    notes = _notes(file)
    if layout_of(notes) == 1:
        codec_v1.unpack(file.read(use_threads=False), notes, out)
        return dict.fromkeys(extras, np.zeros(len(out), np.int64))
    varying = [name for name in extras if name in file.schema.names]
    wanted = packing.columns_of(notes) + varying
    if groups is None:
        table = file.read(columns=wanted, use_threads=False)
    else:
        table = file.read_row_groups(groups, columns=wanted, use_threads=False)
    packing.unpack(table, notes, out)
    same = {name: np.full(len(out), notes.get(name, 0), np.int64) for name in extras}
    return same | {name: column(table, name) for name in varying}


def _opened(data: bytes) -> pq.ParquetFile:
    # One thread wherever this file is read: callers read many files side by side. Page checksums are not compared:
    # callers have hashed all of it.
    return pq.ParquetFile(pa.BufferReader(data))


def _notes(file: pq.ParquetFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((file.metadata.metadata or {})[_NOTES.encode()])
    if layout_of(found) > LAYOUT:
        raise LakeError(f"a file has layout {layout_of(found)}, this qmd_platform knows {LAYOUT}", hint="upgrade it")
    return found


def _physical(rows: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    """The physical columns of the module's table, and what the notes say of them."""
    columns, notes = packing.packed(Candles.from_arrow(rows))
    arrays = {"open_at": rows.column("open_at").combine_chunks()}
    arrays |= {name: arrow(values) for name, values in columns.items()}
    for digits, name in _SCALES.items():
        if digits in notes:
            arrays[name] = arrow(np.full(len(rows), notes[digits], np.int8))
    for name in EXTRAS:
        if name in rows.column_names:
            values = column(rows, name)
            if (values == values[0]).all():
                notes[name] = int(values[0])
            else:
                arrays[name] = arrow(values)
    fields = [pa.field(name, array.type, nullable=False) for name, array in arrays.items()]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields)), notes


def _encoding(field: "pa.Field[Any]") -> str:
    if field.name in _BYTE_STREAM_SPLIT:
        return "BYTE_STREAM_SPLIT"
    return "DELTA_BINARY_PACKED" if pa.types.is_timestamp(field.type) or pa.types.is_integer(field.type) else "PLAIN"
