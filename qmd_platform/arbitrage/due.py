"""When a leg settles next by what was known, and whether a settlement that was due is not there. Pure.

What lives here: counting on from the last settlement whose interval stands. What does not: reading intervals
(``funding.intervals``), where a settlement is missing for good (its ``suspect``), what follows from it (``risks``).

A gap between two settlements is certain only when the rows after it are there, hours later. That something is wrong is known at
once: the next settlement is due by the interval that stands, and is not there. So it is suspected from then on until the interval
of what came instead stands; then it was a gap, or an interval that has become longer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.funding.intervals import Intervals
from qmd_platform.funding.irregular import LONG, SHORT
from qmd_platform.model.settlements import Settlements

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """At each instant: ``next_at``, epoch ms, 0 where no interval is known; and whether one that was due is not there."""

    next_at: NDArray[np.int64]
    is_overdue: NDArray[np.bool_]


def due(
    settlements: Settlements, found: Intervals, standing: NDArray[np.intp], at: NDArray[np.int64], delay_ms: int
) -> Due:
    """What is due at each of ``at``.

    The next settlement is the first on the grid of the interval that stands after the last that was published. One that settles
    less than ``delay_ms`` late is not missed: it happened, though at the instant it was not out yet.

    Args:
        settlements: all of the market's, sorted; what settled after an instant does not touch its row.
        found: their intervals.
        standing: at each instant the last row whose interval stands; -1 for none.
        at: epoch ms.
        delay_ms: from a settlement to its publication; one that is later than that is missed.
    """
    settled, out = settlements.settled_at, at - delay_ms
    published = np.searchsorted(settled, out, side="right") - 1
    rows = np.flatnonzero(standing >= 0)
    rows = rows[np.isfinite(found.hours[standing[rows]])]
    next_at, is_overdue = np.zeros(len(at), np.int64), np.zeros(len(at), np.bool_)
    if len(rows):
        last, newest = standing[rows], published[rows]
        length = np.rint(found.hours[last] * HOUR_MS)
        count = np.ceil((settled[newest] - settled[last]) / length - SHORT) + 1
        next_at[rows] = settled[last] + (count * length).astype(np.int64)
        after = np.r_[settled, np.iinfo(np.int64).max][newest + 1]
        missed = (out[rows] >= next_at[rows]) & ~((after <= at[rows]) & (after < next_at[rows] + delay_ms))
        is_overdue[rows] = missed | (_longest(found.elapsed, last, newest) >= LONG * found.hours[last])
    return Due(next_at, is_overdue)


def _longest(elapsed: NDArray[np.float64], last: NDArray[np.intp], newest: NDArray[np.intp]) -> NDArray[np.float64]:
    """The longest time between two settlements from ``last`` to ``newest``; 0 where they are the same."""
    longest = np.zeros(len(last))
    rows = np.flatnonzero(newest > last)
    if len(rows):
        ends = np.c_[last[rows] + 1, newest[rows] + 1].ravel()
        longest[rows] = np.maximum.reduceat(np.r_[elapsed, 0.0], ends)[::2]
    return longest
