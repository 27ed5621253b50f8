"""A rate per interval as a rate per hour and per year. Pure numpy.

What lives here: the arithmetic alone. What does not: how long the interval was (``funding.intervals``). Nothing here
assumes 8 hours, and nothing here is ever stored in the place of a settled rate: the year is derived, the rate is kept.

Simple is the default of the platform: funding is paid in quote on a notional that stays the same, so it does not earn
on itself. Compounded is what it would be if every payment were added to the notional.
"""

from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

HOURS_PER_YEAR = 8760.0
"""365 days: what venues and boards mean by a year."""

Floats = NDArray[np.float64]


@overload
def hourly(rate: float, hours: float) -> float: ...
@overload
def hourly(rate: Floats, hours: Floats | float) -> Floats: ...
def hourly(rate: Floats | float, hours: Floats | float) -> Floats | float:
    """Fraction of the notional per hour.

    Args:
        rate: fraction per interval, as settled.
        hours: length of its interval; NaN (not known) gives NaN.

    Raises:
        ValueError: an interval of zero or fewer hours.
    """
    return _result(_divided(rate, hours))


@overload
def simple_apr(rate: float, hours: float) -> float: ...
@overload
def simple_apr(rate: Floats, hours: Floats | float) -> Floats: ...
def simple_apr(rate: Floats | float, hours: Floats | float) -> Floats | float:
    """Fraction per year without compounding: rate / hours x 8760. 0.00999 per 4 hours is 21.8781, 2187.81 %."""
    return _result(_divided(rate, hours) * HOURS_PER_YEAR)


@overload
def compounded_apr(rate: float, hours: float) -> float: ...
@overload
def compounded_apr(rate: Floats, hours: Floats | float) -> Floats: ...
def compounded_apr(rate: Floats | float, hours: Floats | float) -> Floats | float:
    """Fraction per year with compounding: (1 + rate) ** (8760 / hours) - 1.

    Where it is more than a float can hold it is infinite; a rate of -1 or less loses everything: -1.
    """
    per_hour = _divided(np.log1p(np.maximum(np.asarray(rate, np.float64), -1 + 1e-16)), hours)
    with np.errstate(over="ignore"):  # infinite is the answer
        return _result(np.expm1(per_hour * HOURS_PER_YEAR))


def window_apr(rates: ArrayLike, hours: ArrayLike) -> float:
    """Fraction per year over several settlements: sum of rates / sum of their hours x 8760. Never the mean of APRs.

    Args:
        rates: fractions per interval.
        hours: of each of them; one that is not known makes the result unknown.

    Returns:
        NaN where there are none, or the hours of one are not known.

    Raises:
        ValueError: an interval of zero or fewer hours, or not one for each rate.
    """
    paid, lasted = np.asarray(rates, np.float64), np.asarray(hours, np.float64)
    if paid.shape != lasted.shape:
        raise ValueError(f"{paid.size} rates with {lasted.size} intervals")
    if not paid.size:
        return float("nan")
    return float(_divided(paid.sum(), _positive(lasted).sum()) * HOURS_PER_YEAR)


def _positive(hours: ArrayLike) -> Floats:
    lasted = np.asarray(hours, np.float64)
    if (lasted <= 0).any():
        raise ValueError(f"an interval of {float(np.nanmin(lasted)):g} hours")
    return lasted


def _divided(rate: ArrayLike, hours: ArrayLike) -> Floats:
    return np.asarray(np.asarray(rate, np.float64) / _positive(hours))


def _result(values: Floats) -> Floats | float:
    """A float where floats came in."""
    return values if values.ndim else float(values)
