"""Whether rows are another market's, or of another time. Pure numpy.

What lives here: comparing candles with those of other markets, with the level of a jump, and with the series' own
earlier ones. What does not: which other markets are looked at (``ingest.beside``).

Two markets never print the same candle: four prices and a volume, to the last digit, at the same time. One candle can
be equal by chance where little is traded (one contract at one price), so a candle without a range says nothing, and
fewer than ``LEAST`` equal ones are not claimed. Rows that were converted on their way (contracts to coins) are not equal
any more; they are found where the price jumps: from the jump on it follows another market's. A page that was answered
from a cache under the next page's times is the series itself again, ``LEAST`` candles in a row at one distance.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.quality.habits import runs_of
from qmd_platform.quality.measures import Columns

LEAST = 3
"""Equal candles below which nothing is claimed."""

_FOLLOWS = 2e-3
"""How far two markets of the same coin may be apart to be taken for one after a jump; arbitrage keeps them nearer."""


def of_repeats(candles: Candles) -> Columns:
    """``repeats_after``: for a row of a stretch that repeats an earlier one, how many rows earlier; 0 elsewhere."""
    order = np.argsort(_mixed(candles), kind="stable")
    same = (candles.high[order] > candles.low[order])[1:] & (candles.volume[order] > 0)[1:]
    for name in COLUMNS[1:]:
        values = getattr(candles, name)[order]
        same &= values[1:] == values[:-1]
    same &= candles.open_at[order[1:]] != candles.open_at[order[:-1]]  # a row twice is another rule's business
    lag = np.zeros(len(candles), np.intp)
    lag[order[1:][same]] = (order[1:] - order[:-1])[same]
    stretch = np.zeros(len(candles), bool)
    for first, length in zip(*runs_of(lag > 0), strict=True):
        part = slice(int(first), int(first + length))
        stretch[part] = length >= LEAST and bool((lag[part] == lag[first]).all())
    return {"repeats_after": np.where(stretch, lag, 0).astype(np.float64)}


def _mixed(candles: Candles) -> NDArray[np.uint64]:
    """A number for each row that equal rows share and others hardly ever: sorted by it, equal rows are neighbours.

    Sorted by volume alone they are not where volumes are few: contracts are counted in whole numbers.
    """
    mixed = np.zeros(len(candles), np.uint64)
    for name in COLUMNS[1:]:
        bits = np.ascontiguousarray(getattr(candles, name), np.float64).view(np.uint64)
        mixed = (mixed ^ bits ^ (bits >> np.uint64(29))) * np.uint64(
            0x9E3779B97F4A7C15
        )  # golden ratio: spreads all bits
        mixed ^= mixed >> np.uint64(32)
    return mixed


def of_contamination(candles: Candles, others: Mapping[str, Candles], jumped: NDArray[np.bool_]) -> Columns:
    """``foreign`` (1 for a row that is another market's) and ``looks_like`` (its name).

    Args:
        candles: in any state.
        others: of other markets at the same timeframe, sorted and unique, by market; any part of the time.
        jumped: rows at which the price leaves its level (``jumps``).
    """
    foreign, names = np.zeros(len(candles)), np.full(len(candles), "", "<U60")
    starts = np.flatnonzero(jumped)
    for name, other in others.items():
        if not len(other) or not len(candles):
            continue
        places = np.minimum(np.searchsorted(other.open_at, candles.open_at), len(other) - 1)
        matched = other.open_at[places] == candles.open_at
        rows = _equal(candles, other, places, matched)
        rows |= _followed(candles, other, places, matched, starts)
        if rows.sum() >= LEAST:
            foreign[rows], names[rows] = 1, name
    return {"foreign": foreign, "looks_like": names}


def _equal(candles: Candles, other: Candles, places: NDArray[np.intp], matched: NDArray[np.bool_]) -> NDArray[np.bool_]:
    same = matched & (candles.high > candles.low) & (candles.volume > 0)
    for name in COLUMNS[1:]:
        if not same.any():
            break
        same &= getattr(candles, name) == getattr(other, name)[places]
    return same


def _followed(
    candles: Candles,
    other: Candles,
    places: NDArray[np.intp],
    matched: NDArray[np.bool_],
    starts: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Rows from a jump to the next one, if every close is the other market's within ``_FOLLOWS``, and was not before."""
    rows = np.zeros(len(candles), bool)
    if not len(starts):
        return rows
    with np.errstate(all="ignore"):  # prices that are not positive are other rules' business
        near = matched & (np.abs(candles.close / other.close[places] - 1) < _FOLLOWS)
    for start, end in zip(starts, [*starts[1:], len(candles)], strict=True):
        is_new = start == 0 or not near[start - 1]
        if is_new and end - start >= LEAST and near[start:end].all():
            rows[start:end] = True
    return rows
