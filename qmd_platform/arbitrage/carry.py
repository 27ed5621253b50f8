"""What holding one contract has paid: per hour, per year, over stated windows, added up. Pure.

What lives here: one market's table, a row a settlement. What does not: one rate to a year (``funding.annual``), how long
each interval was (``funding.intervals``), two markets (``spreads``).

Every figure a year is given simple and compounded, and named so: simple is what a notional that stays earns. A window's is
the sum of its rates over the sum of their hours, never the mean of yearly figures: settlements of 1 h and of 8 h differ
eightfold in weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column
from qmd_platform.funding.annual import HOURS_PER_YEAR, compounded_apr, hourly, simple_apr
from qmd_platform.funding.cumulative import CumulativeIndex
from qmd_platform.funding.intervals import NOT_YET, Intervals
from qmd_platform.model.settlements import Settlements

HOUR_MS = 3_600_000

WINDOWS = (24.0, 168.0, 720.0)
"""Hours of the trailing windows: a day, a week, thirty days."""

COVERED = 0.9
"""Share of a window's hours that settlements must account for, or it is unknown: what is missing is not zero."""

DELAY_MS = 60_000
"""From a settlement to when venues have published it. An assumption: they do within seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Windowed:
    """Funding of a trailing window, a year: NaN where less than COVERED of it is accounted for."""

    simple_per_year: Column
    compounded_per_year: Column
    covered: Column


@dataclass(frozen=True, slots=True, eq=False)
class Carry:
    """One market's funding, a row a settlement. Positive: longs paid, so a short earned it.

    Attributes:
        settled_at: epoch ms.
        available_at: from when on a reader could know the row, and what comes later does not change it, epoch ms; NOT_YET
            where the next settlements may still tell another interval.
        rate: fraction per interval, as settled.
        interval_hours: NaN where unknown; then everything per hour or year is.
        rate_per_hour: simple.
        simple_per_year: rate / hours * 8760.
        compounded_per_year: (1 + rate) ** (8760 / hours) - 1.
        cumulative_rate: C(t), the sum of all rates up to and with this one.
        cumulative_quote: the sum of rate times mark: cash per base unit; NaN from the first unknown mark on.
        windows: by hours.
    """

    settled_at: NDArray[np.int64]
    available_at: NDArray[np.int64]
    rate: Column
    interval_hours: Column
    rate_per_hour: Column
    simple_per_year: Column
    compounded_per_year: Column
    cumulative_rate: Column
    cumulative_quote: Column
    windows: Mapping[float, Windowed]

    def __len__(self) -> int:
        return len(self.settled_at)


def carry(
    settlements: Settlements,
    found: Intervals,
    *,
    windows: Sequence[float] = WINDOWS,
    delay_ms: int = DELAY_MS,
) -> Carry:
    """The table of one market.

    Args:
        settlements: sorted, unique.
        found: their intervals.
        windows: hours.
        delay_ms: from a settlement to its publication.
    """
    rate, at, hours = settlements.rate, settlements.settled_at, found.hours
    index = CumulativeIndex.of(settlements)
    trail = Trail.of(at, rate, hours)
    return Carry(
        at,
        known_from(found, delay_ms),
        rate,
        hours,
        hourly(rate, hours),
        simple_apr(rate, hours),
        compounded_apr(rate, hours),
        index.at(at),
        index.cash_between(at[:1] - 1, at) if len(at) else np.empty(0),
        {length: _windowed(trail, at, length) for length in windows},
    )


def known_from(found: Intervals, delay_ms: int) -> NDArray[np.int64]:
    """When each row and all before it stood and were published; NOT_YET where one may still be read otherwise."""
    stands = np.maximum.accumulate(found.known_at)
    return np.where(stands == NOT_YET, NOT_YET, np.minimum(stands, NOT_YET - delay_ms) + delay_ms)


def _windowed(trail: "Trail", at: NDArray[np.int64], length: float) -> Windowed:
    rates, logs, covered = trail.over(at, length)
    with np.errstate(all="ignore"):  # windows without a row
        simple = rates / covered * HOURS_PER_YEAR
        compounded = np.expm1(logs / covered * HOURS_PER_YEAR)
    known = covered >= COVERED * length
    return Windowed(np.where(known, simple, np.nan), np.where(known, compounded, np.nan), covered / length)


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """Cumulative indices of a market's rates, of their logarithms and of their hours: any window's sums are differences.

    Rows whose hours are unknown are in none of them: their rate would be divided by others' hours.
    """

    rates: CumulativeIndex
    logs: CumulativeIndex
    hours: CumulativeIndex

    @classmethod
    def of(cls, at: NDArray[np.int64], rate: Column, hours: Column) -> "Trail":
        """Of rows sorted by ``at``, the instants they are counted from: of settlement, or of publication."""
        known = np.isfinite(hours) & np.isfinite(rate) & (hours > 0)
        with np.errstate(all="ignore"):  # a rate of -100 % compounds to nothing
            logs = np.log1p(rate[known])
        return cls(*(CumulativeIndex.of(Settlements.of(at[known], one)) for one in (rate[known], logs, hours[known])))

    def over(self, ends: NDArray[np.int64], length_hours: float) -> tuple[Column, Column, Column]:
        """Sums of rate, of log(1 + rate) and of hours over the rows in ``(end - length, end]``, for each end."""
        begins = ends - int(length_hours * HOUR_MS)
        return self.rates.between(begins, ends), self.logs.between(begins, ends), self.hours.between(begins, ends)
