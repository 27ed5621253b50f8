"""Arrow arrays and numpy arrays over the same memory.

What lives here: the ways between them that import no pandas, as ``pa.array(ndarray)`` and ``Array.to_numpy``
do (0.9 s). What does not: candles as a whole (``model.candles``).
"""

from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Number = TypeVar("Number", np.int32, np.int64, np.float64)

_KINDS = {"i1": pa.int8(), "i4": pa.int32(), "i8": pa.int64(), "f8": pa.float64()}


def arrow(values: NDArray[Any]) -> "pa.Array[Any]":
    """``values`` (int8, int32, int64 or float64) as an Arrow array."""
    values = np.ascontiguousarray(values)
    kind: Any = _KINDS[values.dtype.str[1:]]
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values.data)])


def numbers(array: "pa.Array[Any]", dtype: type[Number]) -> NDArray[Number]:
    """The values of an array without nulls, their bits read as ``dtype``, which has the width of its type."""
    data = array.buffers()[1]
    if data is None:
        return np.empty(0, dtype)
    return np.frombuffer(memoryview(data), dtype)[array.offset : array.offset + len(array)]


def texts(array: "pa.Array[Any]") -> tuple[list[str], NDArray[np.int64]]:
    """The texts of an array of strings, each once, and which of them each row has; of a null the empty one.

    Rows have few texts between them: 300,000 rows of 1,000 are sorted by them in a fifth of the time that one Python
    value a row takes.
    """
    encoded: Any = array.dictionary_encode()
    words = [*encoded.dictionary.to_pylist(), ""]
    codes = numbers(encoded.indices, np.int32).astype(np.int64)
    if not array.null_count:
        return words, codes
    there = numbers(array.is_valid().cast(pa.int64()), np.int64)
    return words, np.where(there == 1, codes, len(words) - 1)


def column(table: pa.Table, name: str) -> NDArray[Any]:
    """The values of a column of int32, int64, float64 or instants, without nulls; instants as epoch ms.

    Raises:
        KeyError: there is no such column.
    """
    array = table.column(name).combine_chunks()
    dtype = {pa.int32(): np.int32, pa.float64(): np.float64}.get(array.type, np.int64)
    return numbers(array, dtype)


def or_nan(table: pa.Table, name: str) -> NDArray[np.float64]:
    """The values of a column of float64, NaN for null: the bits below a null are whatever they happen to be."""
    array = table.column(name).combine_chunks()
    if array.null_count == len(array):
        return np.full(len(array), np.nan)
    values = numbers(array, np.float64)
    if not array.null_count:
        return values
    return np.where(numbers(array.is_valid().cast(pa.int64()), np.int64) == 1, values, np.nan)


def truths(table: pa.Table, name: str) -> NDArray[np.bool_]:
    """The values of a column of bool without nulls."""
    return np.asarray(numbers(table.column(name).combine_chunks().cast(pa.int64()), np.int64) == 1)
