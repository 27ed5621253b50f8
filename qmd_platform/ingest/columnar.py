"""Columns of numpy as rows of a table of ``model.tables``.

What lives here: the way there without a Python value a cell, and without importing pandas, for tables of many rows. What
does not: candles, which need less (``model.candles``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.lake.buffers import arrow
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.model.columns import Column, Table


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of few different texts: ``words``, and for each row which of them."""

    words: Sequence[str]
    codes: NDArray[np.intp]


Values = NDArray[Any] | Sequence[str] | Coded
"""What a column is made of; a text by itself is that of every row."""


def columnar(spec: Table, values: Mapping[str, Values]) -> pa.Table:
    """Rows of ``spec``.

    Args:
        spec: the table.
        values: by column, all of one length: numbers and truths as numpy arrays, instants as epoch ms, texts as strings, or
            one string for all rows. In columns that may be empty NaN is nothing, and so is 0 where an instant is expected.
    """
    schema = arrow_schema(spec)
    count = next((len(one) for one in values.values() if not isinstance(one, str | Coded)), 0)
    arrays = [_array(column, values[column.name], schema.field(column.name).type, count) for column in spec.columns]
    return pa.Table.from_arrays(arrays, schema=schema)


def joined(spec: Table, parts: Sequence[pa.Table]) -> pa.Table:
    """All rows of ``parts``; none are a table without rows."""
    schema = arrow_schema(spec)
    nothing = pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)
    return pa.concat_tables([nothing, *parts]).combine_chunks()


def _array(column: Column, values: Values, kind: Any, count: int) -> "pa.Array[Any]":  # noqa: ANN401 - any Arrow type
    if isinstance(values, Coded):
        return _texts(values.words).take(arrow(values.codes))
    if isinstance(values, str):
        return _repeated(values, count)
    if column.dtype == "string":
        return _texts(values)
    if column.dtype == "bool":
        bits = np.packbits(np.asarray(values, np.bool_), bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(bits.data)])
    numbers = np.ascontiguousarray(values, np.float64 if column.dtype == "float64" else np.int64)
    there = _there(column, numbers) if column.nullable else None
    return pa.Array.from_buffers(kind, len(numbers), [there, pa.py_buffer(numbers.data)])


def _there(column: Column, numbers: NDArray[Any]) -> Any:  # noqa: ANN401 - pyarrow does not say what a buffer is
    known = ~np.isnan(numbers) if column.dtype == "float64" else numbers != 0
    return pa.py_buffer(np.packbits(known, bitorder="little").data)


def _repeated(value: str, count: int) -> "pa.Array[Any]":
    encoded = value.encode()
    ends = (np.arange(count + 1) * len(encoded)).astype(np.int32)
    kind: Any = pa.string()
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(ends.data), pa.py_buffer(encoded * count)])


def _texts(values: Sequence[str] | NDArray[Any]) -> "pa.Array[Any]":
    encoded = [str(one).encode() for one in values]
    ends = np.cumsum([0, *(len(one) for one in encoded)]).astype(np.int32)
    kind: Any = pa.string()
    return pa.Array.from_buffers(kind, len(encoded), [None, pa.py_buffer(ends.data), pa.py_buffer(b"".join(encoded))])
