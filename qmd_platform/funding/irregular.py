"""Rows that come at no accepted interval: a settlement before them is missing, or the venue was late or early. Pure.

What lives here: the reading of such rows together, up to the next regular one. What does not: which rows are such
(``funding.intervals``).

Read together because one alone says little: 13 hours and then 3 are one settlement five hours late, not a missing one
(HTX settled 1 to 5 hours off its schedule during seven incidents). So what counts is whether all of them together are as
many intervals as there are rows: more, and rows are missing; fewer, and there was an extra settlement, of which nobody
can say what it was for.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHORT, LONG = 0.5, 1.5
"""Shares of an interval. Between them a settlement was late or early; from ``LONG`` on one may be missing."""

WHOLE = 0.25
"""How far from a whole number of intervals rows together may be."""


class Pending(NamedTuple):
    """Neighbouring rows. Minutes since the row before each, what the venue says; the intervals around them; 0: not known."""

    elapsed: NDArray[np.int64]
    told: NDArray[np.int64]
    before: int
    after: int


def read(rows: Pending) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The interval of each row in minutes, NaN where it cannot be known; and whether a row before it seems missing."""
    length = np.where(rows.told > 0, rows.told, rows.before or rows.after).astype(np.float64)
    length[length == 0] = np.nan
    share = rows.elapsed / length
    total = float(share.sum())
    if np.isnan(total):
        return length, np.zeros(len(share), np.bool_)
    missing = round(total) - len(share)
    whole = abs(total - round(total)) < WHOLE
    lost = missing > 0 or not whole
    if rows.before and rows.after and rows.before != rows.after:
        # The interval changed somewhere in here: nothing but the venue's word tells where.
        told = rows.told > 0
        shorter = np.where(told, length, min(rows.before, rows.after))
        return np.where(told, length, np.nan), rows.elapsed >= LONG * shorter
    unknown = (missing < 0) | ((share <= SHORT) & (not whole))
    return np.where(unknown, np.nan, length), (share >= LONG) & lost
