"""What a fault makes of a history of funding, or of mark, index or premium, that is printed already.

What lives here: a page's body in, a wrong one out; intervals of contracts stated wrongly. What does not: candles
(``spoiled_rows``), when (``faults``).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from qmd_platform.sandbox.exchange import Answer, as_json
from qmd_platform.sandbox.faults import Fault

_Rows = list[Any]
_RATES = ("fundingRate", "realizedRate", "r", "c")
_RATE_OF_SNAPSHOT = 11
_CLOSE_OF_CANDLE, _OF_CANDLE = 4, 13
"""Where a candle's close is, and that rows of fewer elements are candles."""
_TIMES = ("fundingTime", "fundingRateTimestamp", "t")
_TIMES_OF_SNAPSHOT = (0, 7)
_INTERVALS = {"fundingIntervalHours": 1, "funding_interval": 3600, "fundingInterval": 60}
"""Where a contract's interval is stated, and how many of its unit are an hour."""


def spoiled(answer: Answer, fault: Fault) -> Answer:
    """``answer`` with ``fault`` in its rows; one that is no page of rows, or has none, stays as it is."""
    body = msgspec.json.decode(answer.body)
    rows = _rows_of(body)
    if not rows:
        return answer
    rows[:] = _SPOILERS[fault.kind](rows)
    return replace(answer, body=as_json(body), rows=len(rows))


def misstated(answer: Answer, hours: int) -> Answer:
    """``answer`` with every contract in it said to settle every ``hours``."""
    body = msgspec.json.decode(answer.body)
    _state(body, hours)
    return replace(answer, body=as_json(body))


def _state(body: Any, hours: int) -> None:  # noqa: ANN401 - JSON of any venue
    if isinstance(body, list):
        for one in body:
            _state(one, hours)
    if isinstance(body, dict):
        for name, value in body.items():
            if name in _INTERVALS:
                body[name] = type(value)(hours * _INTERVALS[name])
            else:
                _state(value, hours)


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
    return _with_rate(row, lambda rate: rate + 0.001)


def _with_rate(row: Any, other: Callable[[float], float]) -> Any:  # noqa: ANN401 - a row of any venue
    if isinstance(row, list) and len(row) < _OF_CANDLE:
        close = f"{other(float(row[_CLOSE_OF_CANDLE])):.8f}"
        return [*row[:_CLOSE_OF_CANDLE], close, *row[_CLOSE_OF_CANDLE + 1 :]]
    if isinstance(row, list):
        return [*row[:_RATE_OF_SNAPSHOT], other(row[_RATE_OF_SNAPSHOT]), *row[_RATE_OF_SNAPSHOT + 1 :]]
    return {name: f"{other(float(value)):.8f}" if name in _RATES else value for name, value in row.items()}


def _percent(rows: _Rows) -> _Rows:
    return [_with_rate(row, lambda rate: round(rate * 100, 8)) for row in rows]


def _seconds(rows: _Rows) -> _Rows:
    return [_in_seconds(row) for row in rows]


def _in_seconds(row: Any) -> Any:  # noqa: ANN401 - a row of any venue
    if isinstance(row, list) and len(row) < _OF_CANDLE:
        return [type(row[0])(int(row[0]) // 1000), *row[1:]]
    if isinstance(row, list):
        return [value // 1000 if at in _TIMES_OF_SNAPSHOT else value for at, value in enumerate(row)]
    return {name: type(value)(int(value) // 1000) if name in _TIMES else value for name, value in row.items()}


_SPOILERS: dict[str, Callable[[_Rows], _Rows]] = {
    "empty_page": _empty,
    "short_page": _short,
    "descending": _descending,
    "duplicates": _duplicates,
    "contradicting": _contradicting,
    "percent": _percent,
    "seconds": _seconds,
}
