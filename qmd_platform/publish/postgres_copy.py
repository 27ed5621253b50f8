"""Rows in the form PostgreSQL's binary COPY takes: the bits of the numbers, no detour by way of text. Pure.

What lives here: Arrow to bytes. What does not: sending them (``postgres``). The form is that of PostgreSQL's documentation
(https://www.postgresql.org/docs/15/sql-copy.html, read 2026-11-21): a signature, and of each row the number of its values and
each value's length before the value; -1 is null; numbers have their highest byte first.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.lake.buffers import column, numbers, truths
from qmd_platform.model.columns import Column, Table

_BEGIN = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)

_EPOCH_MS = 946_684_800_000
"""PostgreSQL counts microseconds from 2000-01-01."""

_KINDS = {"instant": ">i8", "int64": ">i8", "float64": ">f8", "bool": "u1"}


def binary(spec: Table, rows: pa.Table, place: Sequence[str] = ()) -> bytes:
    """``rows`` of a table, with the texts of ``place`` before each."""
    texts = [text.encode() for text in place]
    is_regular = all(one.dtype != "string" and not rows.column(one.name).null_count for one in spec.columns)
    body = _regular(spec, rows, texts) if is_regular else _mixed(spec, rows, texts)
    return _BEGIN + body + _END


def _regular(spec: Table, rows: pa.Table, texts: Sequence[bytes]) -> bytes:
    """Rows of one length: laid out as one array."""
    kinds = [*(f"S{len(text)}" for text in texts), *(_KINDS[one.dtype] for one in spec.columns)]
    fields = [("count", ">i2")]
    for number, kind in enumerate(kinds):
        fields += [(f"length{number}", ">i4"), (f"value{number}", kind)]
    laid = np.empty(len(rows), np.dtype(fields))
    laid["count"] = len(kinds)
    values: list[Any] = [*texts, *(_values(one, rows) for one in spec.columns)]
    for number, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        laid[f"length{number}"] = np.dtype(kind).itemsize
        laid[f"value{number}"] = value
    return laid.tobytes()


def _mixed(spec: Table, rows: pa.Table, texts: Sequence[bytes]) -> bytes:
    """Rows with nulls or texts of their own: value by value."""
    count = struct.pack(">h", len(texts) + len(spec.columns))
    before = count + b"".join(_sized(text) for text in texts)
    columns = [_encoded(one, rows) for one in spec.columns]
    return b"".join(before + b"".join(values) for values in zip(*columns, strict=True))


def _encoded(one: Column, rows: pa.Table) -> list[bytes]:
    """A column's values, each with its length before it."""
    array = rows.column(one.name).combine_chunks()
    if one.dtype == "string":
        return [_NULL if text is None else _sized(text.encode()) for text in array.to_pylist()]
    valid = array.is_valid().to_pylist()
    # What lies below a null may be anything; it is not written.
    filled = rows if not array.null_count else pa.table({one.name: array.fill_null(_zero(one))})
    data = np.ascontiguousarray(_values(one, filled), _KINDS[one.dtype])
    width = data.dtype.itemsize
    whole, size = data.tobytes(), struct.pack(">i", width)
    return [
        size + whole[place * width : (place + 1) * width] if is_valid else _NULL for place, is_valid in enumerate(valid)
    ]


def _values(one: Column, rows: pa.Table) -> NDArray[Any]:
    if one.dtype == "bool":
        return truths(rows, one.name)
    if one.dtype == "instant":
        at: NDArray[np.int64] = numbers(rows.column(one.name).combine_chunks(), np.int64)
        return (at - _EPOCH_MS) * 1000
    return column(rows, one.name)


def _zero(one: Column) -> Any:  # noqa: ANN401 - an Arrow value
    return pa.scalar(0, pa.timestamp("ms", "UTC")) if one.dtype == "instant" else {"bool": False}.get(one.dtype, 0)


def _sized(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value
