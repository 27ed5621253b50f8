"""Rows with a value that is no number: read all the same, so that they cost a candle and not their page.

What lives here: the slow way to read rows, used where the quick one refuses. What does not: the quick one (``parsing``),
what becomes of such a candle (``ingest`` keeps it apart, by the rule that names it).

Only values may be unreadable. An answer that is no JSON, rows of another length and open times that are no times are
refused still: then nobody knows what the rest means.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_rows = msgspec.json.Decoder(list[list[Any]])
_objects = msgspec.json.Decoder(list[dict[str, Any]])


def of_lists(rows: bytes, arity: int, columns: Sequence[int]) -> Matrix | None:
    """The ``columns`` of a list of rows of ``arity`` elements, a column each; NaN for what is no number.

    The first of ``columns`` is the open time. None when the rows cannot be told apart.
    """
    try:
        parsed = _rows.decode(rows)
    except msgspec.MsgspecError:
        return None
    if any(len(row) != arity for row in parsed):
        return None
    return _columns([[row[column] for column in columns] for row in parsed], len(columns))


def of_objects(rows: bytes, names: Sequence[str]) -> Matrix | None:
    """As ``of_lists``, of a list of objects with the keys ``names``."""
    try:
        parsed = _objects.decode(rows)
    except msgspec.MsgspecError:
        return None
    if any(name not in row for row in parsed for name in names):
        return None
    return _columns([[row[name] for name in names] for row in parsed], len(names))


def _columns(picked: Sequence[Sequence[object]], count: int) -> Matrix | None:
    values = np.array([[_number(value) for value in row] for row in picked], np.float64).reshape(-1, count)
    return None if np.isnan(values[:, 0]).any() else np.ascontiguousarray(values.T)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return float("nan")
    try:
        return float(value)
    except ValueError:
        return float("nan")
