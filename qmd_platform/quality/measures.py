"""What the rules look at: one number a row and measure, taken from candles and coverage. Pure numpy.

What lives here: the measures of single rows, of neighbours, and of coverage (one extra row for each candle that
ought to be there and is not). What does not: the bounds (``rules``), the two measures with a story of their own
(``agreement``, ``page_boundary``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import COLUMNS, PRICES, Candles
from qmd_platform.model.spans import Run, State, clipped
from qmd_platform.model.window import Window

Columns = dict[str, NDArray[Any]]
"""Measures and what explains them, by name; all of one length."""

_EXPECTED = (State.PRESENT, State.MISSING, State.QUARANTINED)
"""States of a candle that ought to be in the table."""


def of_rows(candles: Candles, step: int, window: Window | None = None) -> Columns:
    """Measures of each row by itself.

    ``off_grid_ms``: distance to the grid instant before, or to ``window`` from outside it. ``finite_values``:
    how many of the five values are finite. ``lowest_price``: of the four, NaN left out. ``order_slack``: how
    far the high is above and the low below the other prices, the smaller of both; NaN where a price is NaN.
    """
    finite = np.zeros(len(candles), np.float64)
    for name in COLUMNS[1:]:
        finite += np.isfinite(getattr(candles, name))
    lowest = candles.open
    for name in PRICES[1:]:
        lowest = np.fmin(lowest, getattr(candles, name))
    with np.errstate(invalid="ignore"):  # infinity minus infinity: NaN is the answer wanted
        above = candles.high - np.maximum(candles.open, candles.close)
        below = np.minimum(candles.open, candles.close) - candles.low
    return {
        "off_grid_ms": _off_grid(candles.open_at, step, window),
        "finite_values": finite,
        "lowest_price": lowest,
        "order_slack": np.minimum(above, below),
        "volume": candles.volume,
    }


def _off_grid(open_at: NDArray[np.int64], step: int, window: Window | None) -> NDArray[np.int64]:
    off = open_at % step
    if window is None:
        return off
    outside = np.maximum(window.start - open_at, open_at - (window.end - 1))
    return np.where(outside > 0, outside, off)


def of_neighbours(candles: Candles) -> Columns:
    """``open_at`` itself, and ``since_previous_ms``: time since the row above opened, NaN in the first row."""
    since = np.full(len(candles), np.nan)
    np.subtract(candles.open_at[1:], candles.open_at[:-1], out=since[1:], casting="unsafe")
    return {"open_at": candles.open_at, "since_previous_ms": since}


def absent(
    candles: Candles, runs: Sequence[Run], window: Window, step: int
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """The open times inside ``window`` that ``runs`` expect and ``candles`` lack, each with its state and cause.

    What is *there* is read off the candles, never off the runs: a run that claims a candle the table lacks is
    found out. Excused are only the candles that a run calls verified empty or unlisted.
    """
    start = -(-window.start // step) * step
    lacking = np.zeros(window.steps(step), bool)
    which = np.zeros(len(lacking), np.intp)
    known = clipped(runs, window)
    for number, run in enumerate(known):
        if run.state in _EXPECTED:
            span = slice(-(-(run.window.start - start) // step), -(-(run.window.end - start) // step))
            lacking[span] = True
            which[span] = number
    held = candles.open_at[(candles.open_at >= start) & (candles.open_at < window.end)] - start
    lacking[held[held % step == 0] // step] = False
    places = np.flatnonzero(lacking)
    reasons = [known[number] for number in which[places]]
    return start + places * step, [run.state.value for run in reasons], [run.cause for run in reasons]


def with_absent(columns: Columns, times: NDArray[np.int64], states: Sequence[str], causes: Sequence[str]) -> Columns:
    """``columns`` with a row below for each absent candle: its time, ``is_held`` 0, and NaN for the rest."""
    rows, extra = len(columns["open_at"]), len(times)
    held = np.ones(rows + extra)
    held[rows:] = 0
    if not extra:
        return columns | {"is_held": held}
    longer: Columns = {
        name: np.concatenate([values, np.full(extra, "" if values.dtype.kind == "U" else np.nan)])
        for name, values in columns.items()
    }
    longer["open_at"] = np.concatenate([columns["open_at"], times])
    blank = [""] * rows
    return longer | {"is_held": held, "state": np.array([*blank, *states]), "cause": np.array([*blank, *causes])}
