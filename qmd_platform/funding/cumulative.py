"""The cumulative funding index of a market: what a position between any two instants was paid or had to pay. Pure numpy.

What lives here: C(t), the sum of settled rates up to t, and its cash version. What does not: two markets' indices against
each other (``arbitrage.spreads``).

Venues settle at different hours and intervals, so their rates cannot be joined by time, and a rate is not owed between
settlements, so it cannot be filled forward. Differences of two indices need neither. A settlement at ``s`` counts for a
position when ``entry < s <= exit``; one that was closed before ``s`` pays nothing.

The sums are kept as a float and the error it has (two-sum, Knuth), so that a difference of two of them is as good as the
sum of the rows between, however long the history before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE

Floats = NDArray[np.float64]
Sums = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIndex:
    """C(t) after each settlement. Row 0 is before the first.

    Attributes:
        settled_at: int64 epoch ms of the settlements, ascending.
        rates: sums of the rates (fractions), and what rounding took from them.
        cash: sums of rate x mark (quote per base coin), likewise; a mark that is not known counts nothing here.
        unmarked: how many marks were not known so far.
    """

    settled_at: NDArray[np.int64]
    rates: Sums
    cash: Sums
    unmarked: NDArray[np.int64]

    @classmethod
    def of(cls, settlements: Settlements) -> "CumulativeIndex":
        """The index of settlements that are sorted by time."""
        known = np.isfinite(settlements.mark)
        paid = np.where(known, settlements.rate * np.where(known, settlements.mark, 0.0), 0.0)
        unmarked = np.r_[0, np.cumsum(~known)]
        return cls(settlements.settled_at, _sums(settlements.rate), _sums(paid), unmarked)

    def at(self, when: ArrayLike) -> Floats:
        """C(t): the sum of the rates settled until ``when`` (epoch ms), that instant included; 0 before the first."""
        row = self._row(when)
        return np.asarray(self.rates[0][row] + self.rates[1][row])

    def between(self, entry: ArrayLike, exit_: ArrayLike) -> Floats:
        """What one quote unit of a long position held from ``entry`` to ``exit_`` (epoch ms) paid, as a fraction.

        Positive is what the long paid and the short received. The settlements count for which ``entry < s <= exit_``.
        Scalars give a 0-d array; arrays are broadcast.
        """
        return _difference(self.rates, self._row(entry), self._row(exit_))

    def cash_between(self, entry: ArrayLike, exit_: ArrayLike) -> Floats:
        """What a long position of one base coin paid between, in quote; NaN where a mark between is not known."""
        first, last = self._row(entry), self._row(exit_)
        cash = _difference(self.cash, first, last)
        return np.where(self.unmarked[first] == self.unmarked[last], cash, np.nan)

    def count_between(self, entry: ArrayLike, exit_: ArrayLike) -> NDArray[np.int64]:
        """How many settlements count between."""
        return np.asarray(self._row(exit_) - self._row(entry), np.int64)

    def ambiguous(self, entry: ArrayLike, exit_: ArrayLike, *, band_ms: int = MINUTE) -> NDArray[np.bool_]:
        """Whether a settlement is so near to ``entry`` or ``exit_`` that it may or may not count.

        Venues settle some seconds around the instant they name; one documents a minute. So within ``band_ms``, both ends
        included, nobody can tell from the times alone.
        """
        return self._near(entry, band_ms) | self._near(exit_, band_ms)

    def _row(self, when: ArrayLike) -> NDArray[np.intp]:
        return np.searchsorted(self.settled_at, np.asarray(when, np.int64), "right")

    def _near(self, when: ArrayLike, band_ms: int) -> NDArray[np.bool_]:
        at = np.asarray(when, np.int64)
        first = np.searchsorted(self.settled_at, at - band_ms, "left")
        return np.asarray(first < np.searchsorted(self.settled_at, at + band_ms, "right"))


def _sums(values: Floats) -> Sums:
    """Running sums that begin with 0, and the running sum of what rounding took from each."""
    total = np.cumsum(np.r_[0.0, values])
    before, after = total[:-1], total[1:]
    added = after - before
    lost = (before - (after - added)) + (values - added)
    return total, np.r_[0.0, np.cumsum(lost)]


def _difference(sums: Sums, first: NDArray[np.intp], last: NDArray[np.intp]) -> Floats:
    total, lost = sums
    return np.asarray((total[last] - total[first]) + (lost[last] - lost[first]))
