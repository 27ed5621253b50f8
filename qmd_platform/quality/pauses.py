"""Pauses that a market's habit does not explain: outages, prices that stand still, gaps at a window's edges. Pure.

What lives here: which candles count as a pause, and the measures of the three rules about them. What does not: how
long a pause this market is used to (``habits``).

An outage looks different by venue. One that prints every candle prints it flat, without volume; one that omits candles
without trades leaves it out, and coverage calls it verified empty. Both are one thing here, measured on the grid of
time. A feed that hangs prints the same prices again and again while volume goes on.
"""

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.spans import Run, State, clipped
from qmd_platform.model.window import Window
from qmd_platform.quality.habits import beyond_habit, log_chances, runs_of
from qmd_platform.quality.measures import Columns

EDGE = log(5e-3)
"""Largest log probability at which a gap at an edge is claimed. Two places it can be in, not thousands: so one in two
hundred is rare enough for a warning, and a month of 1h candles that lacks no other can still give itself away."""


def of_pauses(candles: Candles, runs: Sequence[Run], window: Window, step: int) -> Columns:
    """``outage_candles``, ``edge_gap_candles``, ``stale_candles``: how long the claimed pause is that a row speaks for.

    0 where nothing is claimed. A row speaks for the pause it is in, or, where the venue left the pause out, for the one
    right before it (right after it, where nothing follows).

    Args:
        candles: in any state.
        runs: coverage of ``window``.
        window: the partition's.
        step: in ms.
    """
    asked = [run for run in clipped(runs, window) if run.state is not State.UNLISTED]
    columns: Columns = {"stale_candles": _stale(candles, step)}
    outage, edges = np.zeros(len(candles)), np.zeros(len(candles))
    if asked and len(candles):
        start = asked[0].window.start
        places = (candles.open_at - start) // step
        size = -(-(asked[-1].window.end - start) // step)
        inside = (places >= 0) & (places < size)
        omitted = _omitted(asked, start, size, step)
        omitted[places[inside]] = False
        quiet = omitted.copy()
        quiet[places[inside & _is_flat(candles) & (candles.volume == 0)]] = True
        for first, length in zip(*beyond_habit(quiet), strict=True):
            outage[_speaks(places, int(first), int(length))] = length
        for first, length in _at_edges(omitted):
            edges[_speaks(places, first, length)] = length
    return columns | {"outage_candles": outage, "edge_gap_candles": edges}


def _is_flat(candles: Candles) -> NDArray[np.bool_]:
    flat: NDArray[np.bool_] = (candles.high == candles.low) & (candles.open == candles.close)
    return flat


def _omitted(runs: Sequence[Run], start: int, size: int, step: int) -> NDArray[np.bool_]:
    empty = np.zeros(size, bool)
    for run in runs:
        if run.state is State.VERIFIED_EMPTY:
            empty[(run.window.start - start) // step : (run.window.end - start) // step] = True
    return empty


def _speaks(places: NDArray[np.int64], first: int, length: int) -> NDArray[np.intp]:
    """The rows inside the pause; where there are none, the one after it, or the last one before."""
    inside = np.flatnonzero((places >= first) & (places < first + length))
    if len(inside):
        return inside
    after = np.flatnonzero(places >= first + length)
    return after[:1] if len(after) else np.array([len(places) - 1])


def _at_edges(omitted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Omitted runs at the first or last candle, on a market that so seldom omits any that chance is out."""
    first, lengths = runs_of(omitted)
    chances = log_chances(lengths) - log(len(lengths) + 1)  # so long a run once it has begun, whatever their number
    elsewhere = int(omitted.sum()) + 1
    return [
        (int(begin), int(length))
        for begin, length, chance in zip(first, lengths, chances, strict=True)
        if (begin == 0 or begin + length == len(omitted))
        and length < len(omitted)
        and chance + log(2 * (elsewhere - length) / len(omitted)) < EDGE
    ]


def _stale(candles: Candles, step: int) -> NDArray[np.float64]:
    """Length of the claimed run of rows with the four prices of the row above, although there is volume."""
    result = np.zeros(len(candles))
    if len(candles) < 2:  # noqa: PLR2004 - a row and the one above it
        return result
    same = np.diff(candles.open_at) == step
    for name in PRICES:
        values = getattr(candles, name)
        same &= values[1:] == values[:-1]
    stale = np.r_[False, same & (candles.volume[1:] > 0)]
    for first, length in zip(*beyond_habit(stale), strict=True):
        result[first : first + length] = length
    return result
