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
        available_at: when a reader could know the row, epoch ms.
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
    hours: Column,
    *,
    windows: Sequence[float] = WINDOWS,
    delay_ms: int = DELAY_MS,
) -> Carry:
    """The table of one market.

    Args:
        settlements: sorted, unique.
        hours: of each settlement's interval (``funding.intervals``); NaN where unknown.
        windows: hours.
        delay_ms: from a settlement to its publication.
    """
    rate = settlements.rate
    return Carry(
        settlements.settled_at,
        settlements.settled_at + delay_ms,
        rate,
        hours,
        hourly(rate, hours),
        simple_apr(rate, hours),
        compounded_apr(rate, hours),
        np.cumsum(rate),
        np.cumsum(rate * settlements.mark),
        {length: _windowed(settlements, hours, length) for length in windows},
    )


def _windowed(settlements: Settlements, hours: Column, length: float) -> Windowed:
    trail = Trail.of(settlements.settled_at, settlements.rate, hours)
    rates, logs, covered = trail.over(settlements.settled_at, length)
    with np.errstate(all="ignore"):  # windows without a row
        simple = rates / covered * HOURS_PER_YEAR
        compounded = np.expm1(logs / covered * HOURS_PER_YEAR)
    known = covered >= COVERED * length
    return Windowed(np.where(known, simple, np.nan), np.where(known, compounded, np.nan), covered / length)


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """Running sums of a market's settlements, from which the sums of any trailing window are two look-ups.

    Rows whose hours are unknown are in none of them: their rate would be divided by others' hours.
    """

    at: NDArray[np.int64]
    rates: Column
    logs: Column
    hours: Column

    @classmethod
    def of(cls, at: NDArray[np.int64], rate: Column, hours: Column) -> "Trail":
        """Of rows sorted by ``at``, the instants they are counted from: of settlement, or of publication."""
        known = np.isfinite(hours) & np.isfinite(rate) & (hours > 0)
        with np.errstate(all="ignore"):  # a rate of -100 % compounds to nothing
            logs = np.log1p(np.where(known, rate, 0.0))
        return cls(at, *(np.r_[0.0, np.cumsum(np.where(known, column, 0.0))] for column in (rate, logs, hours)))

    def over(self, ends: NDArray[np.int64], length_hours: float) -> tuple[Column, Column, Column]:
        """Sums of rate, of log(1 + rate) and of hours over the rows in ``(end - length, end]``, for each end."""
        last = np.searchsorted(self.at, ends, side="right")
        first = np.searchsorted(self.at, ends - int(length_hours * HOUR_MS), side="right")
        return (
            self.rates[last] - self.rates[first],
            self.logs[last] - self.logs[first],
            self.hours[last] - self.hours[first],
        )
