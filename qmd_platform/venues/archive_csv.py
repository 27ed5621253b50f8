"""The CSV of an archive file to candles, or a refusal: nothing in between.

What lives here: Binance's twelve columns, with a header or without, times in ms or us. What does not: zips and checksums
(``archive_zip``), whether the rows are the ones wanted (``paging``), plausibility (``quality``). Repeated rows and rows
of another time are kept: the judge needs to see them.

A number is the float64 nearest to its text, bit for bit what the API's decoder (``parsing``) makes of the same text.
The reader is pyarrow's, which is three times as fast here as simdjson over the same rows written as JSON, since it
leaves out the columns nobody wants.
"""

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ArchiveDamaged
from qmd_platform.model.candles import COLUMNS, Candles

if TYPE_CHECKING:
    import pyarrow as pa

_HEADER = ("open_time", *COLUMNS[1:])
"""What a header calls the columns that are taken."""

_UNUSED = ("close_at", "quote", "trades", "taker", "taker_quote", "ignored")
ARITY = len(COLUMNS) + len(_UNUSED)
"""Columns of a row."""

_BOM = b"\xef\xbb\xbf"
_DIGITS = b"0123456789"
_SHOWN = 120

_US_FROM = 10**14
"""A time from here on counts microseconds: as milliseconds it would be after the year 5138."""
_EARLIEST_MS = 10**11
"""The year 1973: a smaller number is not a time in ms."""
_LATEST_MS = 1 << 43
"""The year 2248: a larger number is not a time in ms."""


def decoded(venue: str, name: str, body: bytes) -> Candles:
    """The candles in ``body``, sorted by open time, repeats and all.

    Args:
        venue: for messages.
        name: the file's name, for messages.
        body: the CSV. A byte order mark, a header, CRLF and a missing last line end are fine.

    Raises:
        ArchiveDamaged: not twelve columns of numbers, other columns than documented, no row at all, or a time that is
            none.
    """
    rows = _without_header(venue, name, body.removeprefix(_BOM))
    if not rows.strip():
        raise ArchiveDamaged(venue, f"{name} holds no candle")
    candles = Candles.from_arrow(_table(venue, name, rows))
    if not all(np.isfinite(getattr(candles, column)).all() for column in COLUMNS[1:]):
        raise ArchiveDamaged(venue, f"{name}: a value is not a finite number")
    open_at = _in_ms(venue, name, candles.open_at)
    candles = Candles(open_at, candles.open, candles.high, candles.low, candles.close, candles.volume)
    if (open_at[1:] < open_at[:-1]).any():
        return candles.take(np.argsort(open_at, kind="stable"))
    return candles


def _without_header(venue: str, name: str, body: bytes) -> bytes:
    """The rows below the header, or all of them where the first byte is a digit's."""
    if body[:1] in {b"", *(bytes([digit]) for digit in _DIGITS)}:
        return body
    header, _, rows = body.partition(b"\n")
    names = [word.strip().strip('"').lower().replace(" ", "_") for word in header.decode("utf-8", "replace").split(",")]
    if len(names) != ARITY or tuple(names[: len(_HEADER)]) != _HEADER:
        raise ArchiveDamaged(venue, f"{name} does not begin with candles or their header: {header[:_SHOWN]!r}")
    return rows


def _table(venue: str, name: str, rows: bytes) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s that only who reads an archive pays
    from pyarrow import csv  # noqa: PLC0415 - as above

    floats = dict.fromkeys(COLUMNS[1:], pa.float64())
    try:
        return csv.read_csv(
            io.BytesIO(rows),
            # One thread: files are read side by side, and a month takes milliseconds.
            read_options=csv.ReadOptions(column_names=[*COLUMNS, *_UNUSED], use_threads=False),
            parse_options=csv.ParseOptions(quote_char=False),
            convert_options=csv.ConvertOptions(
                include_columns=list(COLUMNS),
                column_types={"open_at": pa.int64(), **floats},
                # Nothing is taken for "no value": an empty cell is not a number.
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise ArchiveDamaged(venue, f"{name} is not rows of {ARITY} numbers: {str(error)[:_SHOWN]}") from error


def _in_ms(venue: str, name: str, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times as ms; each row's unit is told by its magnitude."""
    is_us = times >= _US_FROM
    in_ms = np.where(is_us, times // 1000, times)
    if (is_us & (times % 1000 != 0)).any() or in_ms.min() < _EARLIEST_MS or in_ms.max() >= _LATEST_MS:
        raise ArchiveDamaged(venue, f"{name}: an open time is not a time")
    return in_ms
