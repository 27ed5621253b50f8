"""Arrow arrays and numpy arrays over the same memory.

What lives here: the two ways between them that import no pandas, as ``pa.array(ndarray)`` and ``Array.to_numpy``
do (0.9 s). What does not: candles as a whole (``model.candles``).
"""

from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Number = TypeVar("Number", np.int32, np.int64, np.float64)

_KINDS = {"i4": pa.int32(), "i8": pa.int64(), "f8": pa.float64()}


def arrow(values: NDArray[Any]) -> "pa.Array[Any]":
    """``values`` (int32, int64 or float64) as an Arrow array."""
    values = np.ascontiguousarray(values)
    kind: Any = _KINDS[values.dtype.str[1:]]
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values.data)])


def numbers(array: "pa.Array[Any]", dtype: type[Number]) -> NDArray[Number]:
    """The values of an array without nulls, their bits read as ``dtype``, which has the width of its type."""
    data = array.buffers()[1]
    if data is None:
        return np.empty(0, dtype)
    return np.frombuffer(memoryview(data), dtype)[array.offset : array.offset + len(array)]
