"""Settlements read off a venue's snapshots (Bitfinex has no history of settlements).

What lives here: a pure function of rows. What does not: decoding snapshots (``funding_parsing``), asking for enough of
them (``funding_asking``).

A snapshot says when the next settlement comes and which rate the last one had. So all snapshots between two settlements
name the same next one, and the settlement that began their period is the next one of the snapshots before. What the
snapshots themselves call a rate, row by row, is the same settlement hundreds of times; taken one by one they are no
history (ccxt takes them so).
"""

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.venues.funding_parsing import FundingRows

SHORTEST = Timeframe.H1.step
"""No venue settles more often: between two snapshots less than this apart there is one settlement at most."""
LONGEST = Timeframe.D1.step
"""No interval is longer: a snapshot that names a later settlement is wrong."""
MOST_AWAY = MINUTE
"""A mark price that far from a settlement is that of the settlement."""


def collapsed(snapshots: FundingRows) -> Settlements:
    """The settlements that ``snapshots``, sorted by time, prove.

    A settlement is proven by a snapshot before it that announces it, and one less than an hour after it that names
    another: its rate is the one the last such says, of those a minute or more after it, for the first may still show the
    rate before. Where all snapshots of an hour are missing, another settlement may lie between them, so there is none.

    Returns:
        sorted settlements; the mark is that of the first snapshot after the settlement, or of the last one before it,
        where one is within a minute of it, else NaN.
    """
    rows = snapshots.take((snapshots.next_at > snapshots.at) & (snapshots.next_at - snapshots.at <= LONGEST))
    next_at = np.maximum.accumulate(rows.next_at)
    rows = rows.take(rows.next_at == next_at)  # one that came late from the period before says nothing new
    if not len(rows):
        return Settlements.empty()
    first = np.flatnonzero(np.r_[True, rows.next_at[1:] != rows.next_at[:-1]])
    last = np.r_[first[1:], len(rows)] - 1
    settled = (rows.next_at[first[:-1]] + MINUTE // 2) // MINUTE * MINUTE
    after, before = first[1:], last[:-1]
    rate = _stated(rows, settled, after, last[1:])
    proven = (rows.at[after] >= settled) & (rows.at[after] - settled < SHORTEST) & ~np.isnan(rate)
    return Settlements.of(settled, rate, _marks(rows, settled, after, before)).take(proven)


def _stated(
    rows: FundingRows, settled: NDArray[np.int64], first: NDArray[np.intp], last: NDArray[np.intp]
) -> NDArray[np.float64]:
    """What the last snapshot from ``first`` to ``last`` with a rate says, a minute or more after ``settled``; else NaN."""
    known = np.maximum.accumulate(np.where(np.isnan(rows.rate), -1, np.arange(len(rows))))[last]
    return np.where((known >= first) & (rows.at[known] - settled >= MINUTE), rows.rate[known], np.nan)


def _marks(
    rows: FundingRows, settled: NDArray[np.int64], after: NDArray[np.intp], before: NDArray[np.intp]
) -> NDArray[np.float64]:
    late, early = rows.at[after] - settled, settled - rows.at[before]
    of_before = np.where(early <= MOST_AWAY, rows.mark[before], np.nan)
    of_after = np.where(late <= MOST_AWAY, rows.mark[after], np.nan)
    return np.where(np.isnan(of_after), of_before, of_after)
