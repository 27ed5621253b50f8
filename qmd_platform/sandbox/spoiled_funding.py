"""What a fault makes of a history of funding that is printed already.

What lives here: a page's body in, a wrong one out. What does not: candles (``spoiled_rows``), when (``faults``).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from qmd_platform.sandbox.exchange import Answer, as_json
from qmd_platform.sandbox.faults import Fault

_Rows = list[Any]
_RATES = ("fundingRate", "realizedRate", "r")
_RATE_OF_SNAPSHOT = 11


def spoiled(answer: Answer, fault: Fault) -> Answer:
    """``answer`` with ``fault`` in its rows; one that is no page of rows, or has none, stays as it is."""
    body = msgspec.json.decode(answer.body)
    rows = _rows_of(body)
    if not rows:
        return answer
    rows[:] = _SPOILERS[fault.kind](rows)
    return replace(answer, body=as_json(body), rows=len(rows))


def _rows_of(body: Any) -> _Rows:  # noqa: ANN401 - JSON of any venue
    """The list of rows inside ``body``."""
    if isinstance(body, dict):
        body = body.get("data") or body.get("result", {}).get("list")
    return body if isinstance(body, list) and body and isinstance(body[0], dict | list) else []


def _empty(rows: _Rows) -> _Rows:
    return []


def _short(rows: _Rows) -> _Rows:
    return rows[: len(rows) // 2]


def _descending(rows: _Rows) -> _Rows:
    return rows[::-1]


def _duplicates(rows: _Rows) -> _Rows:
    half = -(-len(rows) // 2)
    return [row for at, row in enumerate(rows) for _ in range(2 if at < half else 1)]


def _contradicting(rows: _Rows) -> _Rows:
    middle = len(rows) // 2
    return [*rows[: middle + 1], _with_other_rate(rows[middle]), *rows[middle + 1 :]]


def _with_other_rate(row: Any) -> Any:  # noqa: ANN401 - a row of any venue
    if isinstance(row, list):
        return [*row[:_RATE_OF_SNAPSHOT], row[_RATE_OF_SNAPSHOT] + 0.001, *row[_RATE_OF_SNAPSHOT + 1 :]]
    return {name: f"{float(value) + 0.001:.8f}" if name in _RATES else value for name, value in row.items()}


_SPOILERS: dict[str, Callable[[_Rows], _Rows]] = {
    "empty_page": _empty,
    "short_page": _short,
    "descending": _descending,
    "duplicates": _duplicates,
    "contradicting": _contradicting,
}
