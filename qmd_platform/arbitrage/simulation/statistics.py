"""Figures of an equity curve: returns, Sharpe ratio, drawdown. Pure.

What lives here: the definitions. What does not: equity itself (``accounts``).

Returns are changes of equity over the stated capital, on a fixed clock, day and night: a year has 365 days of 24 hours. No
rate is taken off: the capital could have earned one elsewhere, and that is said, not hidden in a figure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column
from qmd_platform.arbitrage.simulation.accounts import Equity
from qmd_platform.model.window import Instant

YEAR_MS = 365 * 24 * 3_600_000


def returns(account: Equity) -> Column:
    """Change of equity from sample to sample over the capital it began with; the first is from the capital itself."""
    return np.diff(account.value, prepend=account.capital) / account.capital


@dataclass(frozen=True, slots=True)
class Sharpe:
    """Sharpe ratio a year.

    Attributes:
        plain: mean over standard deviation (ddof 1), times the root of samples a year. NaN where nothing varies.
        adjusted: with the returns' autocorrelation (Lo, "The Statistics of Sharpe Ratios", 2002): smooth returns make the
            plain one too high.
        samples: how many returns.
        lags: how many autocorrelations were taken in.
    """

    plain: float
    adjusted: float
    samples: int
    lags: int


def sharpe(values: Column, step_ms: int, lags: int | None = None) -> Sharpe:
    """The Sharpe ratio of returns sampled every ``step_ms``.

    Args:
        values: returns.
        step_ms: their clock.
        lags: autocorrelations to take in; None for those of a day, at least one, at most a tenth of the sample.
    """
    count = len(values)
    wanted = max(1, round(24 * 3_600_000 / step_ms)) if lags is None else lags
    taken = max(0, min(wanted, count // 10))
    deviation = float(np.std(values, ddof=1)) if count > 1 else 0.0
    if not deviation > _NOISE * max(1.0, float(np.abs(values).max(initial=0.0))):
        return Sharpe(float("nan"), float("nan"), count, taken)
    each = float(np.mean(values)) / deviation
    year = YEAR_MS / step_ms
    return Sharpe(each * np.sqrt(year), each * _lo_factor(values, year, taken), count, taken)


_NOISE = 1e-15
"""Below it a deviation is rounding, and a ratio over it would be endless."""


def _lo_factor(values: Column, periods: float, lags: int) -> float:
    """Lo's eta(q) = q / sqrt(q + 2 * sum of (q - k) * rho_k); NaN where the sum is not above 0."""
    known = np.arange(1, lags + 1)
    total = periods + 2 * float(np.sum((periods - known) * autocorrelations(values, lags)))
    return periods / float(np.sqrt(total)) if total > 0 else float("nan")


def autocorrelations(values: Column, lags: int) -> Column:
    """Sample autocorrelations of lags 1 to ``lags``."""
    around = values - np.mean(values)
    whole = float(around @ around)
    return np.array([float(around[lag:] @ around[:-lag]) / whole for lag in range(1, lags + 1)])


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of equity below an earlier peak.

    Attributes:
        amount: in quote, 0 or above.
        fraction: of the peak.
        peak_at, trough_at: when; None where it never fell.
        recovered_at: when equity was at the peak again; None where it was not.
    """

    amount: float
    fraction: float
    peak_at: Instant | None
    trough_at: Instant | None
    recovered_at: Instant | None


def drawdown(account: Equity) -> Drawdown:
    """The deepest drawdown in money. The first peak is the capital, at the first sample."""
    if not len(account.value):
        return Drawdown(0.0, 0.0, None, None, None)
    peaks = np.maximum(np.maximum.accumulate(account.value), account.capital)
    below = peaks - account.value
    trough = int(np.argmax(below))
    if below[trough] <= 0:
        return Drawdown(0.0, 0.0, None, None, None)
    peak = float(peaks[trough])
    before: NDArray[np.intp] = np.flatnonzero(account.value[:trough] == peak)
    after = np.flatnonzero(account.value[trough:] >= peak)
    return Drawdown(
        float(below[trough]),
        float(below[trough]) / peak,
        int(account.at[before[-1] if len(before) else 0]),
        int(account.at[trough]),
        int(account.at[trough + after[0]]) if len(after) else None,
    )
